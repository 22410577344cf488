import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ShapedLink } from '../../../src/cli/link/shaped-proxy.ts';
import { startShapedProxyThread } from '../../../src/cli/link/shaped-proxy-thread.ts';

/** Bodies that a plain file server would hold, by name. */
export type Payloads = Record<'text' | 'raw' | 'int8', Uint8Array<ArrayBuffer>>;

export interface Links {
  /** The edge behind the link. */
  edge: string;
  /** A plain server behind the same kind of link; add the name of a payload. */
  files: string;
  close(): Promise<void>;
}

/** The edge and a plain file server, each behind a link of the same shape. */
export async function startLinks(edgeUrl: string, payloads: Payloads, link: ShapedLink): Promise<Links> {
  const server = createServer((request, response) => {
    const body = payloads[request.url!.slice(1) as keyof Payloads];
    response.writeHead(200, { 'content-length': body.length }).end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const to = (port: number) => startShapedProxyThread({ host: '127.0.0.1', port }, link);
  const edge = await to(Number(new URL(edgeUrl).port));
  const files = await to((server.address() as AddressInfo).port);
  return {
    edge: `http://127.0.0.1:${edge.port}/`,
    files: `http://127.0.0.1:${files.port}/`,
    async close() {
      await Promise.all([edge.close(), files.close()]);
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
