/** `npm run openapi`: writes docs/openapi.json as the Worker serves it. */
import { writeFile } from 'node:fs/promises';
import { startTestEdge } from './edge.ts';

const FILE = new URL('../../docs/openapi.json', import.meta.url);

const edge = await startTestEdge();
try {
  const document: unknown = await (await fetch(`${edge.url}/openapi.json`)).json();
  await writeFile(FILE, `${JSON.stringify(document, null, 2)}\n`);
} finally {
  await edge.close();
}
