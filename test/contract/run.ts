/**
 * `npm run test:contract`: schemathesis, an independent property-based tester of HTTP APIs, over /openapi.json of the real
 * Worker. Skipped aloud where Python cannot make a virtual environment with the pinned packages.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { pinnedVenv } from '../support/pinned-venv.ts';
import { publishSample, startTestEdge } from './edge.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const MAX_SECONDS = 240;

const venv = pinnedVenv('contract', path.join(HERE, 'requirements.txt'));
if (venv === null) {
  console.log('SKIP contract test: no Python 3 with venv, or its packages cannot be fetched');
} else {
  const edge = await startTestEdge();
  try {
    const context = await publishSample(edge);
    const config = path.join(HERE, 'schemathesis.toml');
    const child = spawn(
      path.join(venv, 'bin/schemathesis'),
      ['--config-file', config, 'run', `${edge.url}/openapi.json`],
      {
        stdio: 'inherit',
        timeout: MAX_SECONDS * 1000,
        env: {
          ...process.env,
          KVEDGE_TEST_HOOKS: path.join(HERE, 'hooks.py'),
          KVEDGE_TEST_TOKEN: edge.token,
          KVEDGE_TEST_CHUNK: context.ids[0],
          KVEDGE_TEST_CONTEXT: context.id,
          KVEDGE_TEST_PROFILE: context.profileId,
        },
      },
    );
    const [code] = await once(child, 'exit');
    if (code === null) console.log(`stopped after ${MAX_SECONDS} s`);
    process.exitCode = code ?? 1;
  } finally {
    await edge.close();
  }
}
