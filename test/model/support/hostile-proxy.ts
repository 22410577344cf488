import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Alter = (body: Uint8Array) => Uint8Array;

/** An HTTP proxy in front of an edge which alters what the paths with `part` in them answer. */
export async function startHostileProxy(edgeUrl: string, part: string, alter: Alter) {
  const server = createServer(async (request, response) => {
    const { host: _, connection: __, ...headers } = request.headers as Record<string, string>;
    const answer = await fetch(new URL(request.url!, edgeUrl), { method: request.method!, headers });
    const body = new Uint8Array(await answer.arrayBuffer());
    const kept = Object.fromEntries(
      ['content-type', 'content-range'].flatMap((name) => {
        const value = answer.headers.get(name);
        return value === null ? [] : [[name, value]];
      }),
    );
    response.writeHead(answer.status, kept).end(request.url!.includes(part) ? alter(body) : body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
