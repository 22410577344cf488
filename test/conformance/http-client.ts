import http from 'node:http';
import type { Send } from '../edge/conformance/case.ts';

/** Sends requests as they are: no encoding is asked for, nothing is followed, decoded or cached. */
export function clientOf(url: string): Send {
  const agent = new http.Agent({ keepAlive: false });
  return ({ path, method = 'GET', headers = {} }) =>
    new Promise((resolve, reject) => {
      const request = http.request(new URL(path!, url), { method, headers, agent }, (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part) => parts.push(part));
        response.on('error', reject);
        response.on('end', () => {
          const fields = new Headers();
          for (let i = 0; i < response.rawHeaders.length; i += 2) {
            fields.append(response.rawHeaders[i]!, response.rawHeaders[i + 1]!);
          }
          resolve({
            status: response.statusCode!,
            headers: fields,
            body: new Uint8Array(Buffer.concat(parts)),
          });
        });
      });
      request.on('error', reject).end();
    });
}
