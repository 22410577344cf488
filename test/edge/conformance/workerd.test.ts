import { beforeAll, describe, it } from 'vitest';
import { edge, put } from '../support/edge.ts';
import { levelsOf, makeChunk, unusedId } from '../support/objects.ts';
import { ALL } from './all-cases.ts';
import { learn, type Send, type Subject } from './case.ts';

const send: Send = async ({ path, ...init }) => {
  const response = await edge(path!, init);
  return {
    status: response.status,
    headers: response.headers,
    body: new Uint8Array(await response.arrayBuffer()),
  };
};

const id = unusedId();
const chunk = makeChunk({ id });

/** Every way to serve a chunk must keep to the RFCs: whole, as a level and chosen by a deadline. */
const FORMS: [form: string, query: string, cut: () => Promise<Uint8Array>][] = [
  ['the whole object', '', async () => chunk],
  ['a level', '?level=standard', async () => chunk.slice(0, (await levelsOf(chunk))[1]!.bytes)],
  [
    'the level for a deadline',
    '?deadlineMs=1&mbitPerSecond=0',
    async () => chunk.slice(0, (await levelsOf(chunk))[0]!.bytes),
  ],
];

describe.each(FORMS)('%s', (_form, query, cut) => {
  let subject: Subject;

  beforeAll(async () => {
    await put(`/v1/chunks/${id}`, chunk);
    subject = await learn(send, {
      path: `/v1/chunks/${id}${query}`,
      missingPath: `/v1/chunks/${unusedId()}${query}`,
      bytes: await cut(),
    });
  });

  describe.each(Object.entries(ALL))('%s', (_rfc, cases) => {
    it.each(cases)('$name', ({ run }) => run(send, subject));
  });
});
