import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JobEvent, JobStatus } from '../../src/protocol/api.ts';

export interface TestOrigin {
  url: string;
  close(): void;
}

const QUEUED: JobStatus = {
  id: 'c0'.repeat(32),
  state: 'queued',
  model: 'small',
  tokenCount: 1,
  chunksDone: 0,
  chunksTotal: 1,
};

/** An origin without an engine: every job that it takes is the same one, and it finishes none. */
export async function startTestOrigin(): Promise<TestOrigin> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      const known = request.method === 'POST' || request.url?.includes(QUEUED.id);
      if (known && request.url?.endsWith('/events')) {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.end(`event: tokenized\ndata: ${JSON.stringify(TOKENIZED)}\n\n`);
        return;
      }
      const type = known ? 'application/json' : 'application/problem+json';
      response.writeHead(known ? 202 : 404, { 'content-type': type });
      response.end(JSON.stringify(known ? QUEUED : NO_JOB));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, close: () => server.close() };
}

const TOKENIZED: JobEvent = { type: 'tokenized', tokenCount: 1, chunksTotal: 1 };
const NO_JOB = {
  type: 'urn:kvedge:problem:context-not-found',
  title: 'No such context',
  status: 404,
  detail: 'no job',
  code: 'context-not-found',
  remedy: 'Publish it.',
};
