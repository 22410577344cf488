import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startShapedProxy } from '../../src/cli/link/shaped-proxy.ts';
import { startShapedProxyThread } from '../../src/cli/link/shaped-proxy-thread.ts';

const BYTES = 250_000;
const server = createServer((socket) => {
  socket.end(Buffer.alloc(BYTES, 7));
  socket.on('error', () => {});
});
let target: { host: string; port: number };

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  target = { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
});
afterAll(() => server.close());

async function download(port: number): Promise<number> {
  const { connect } = await import('node:net');
  const socket = connect({ host: '127.0.0.1', port });
  let bytes = 0;
  for await (const piece of socket) bytes += piece.length;
  return bytes;
}

test('every byte passes, no faster than the rate, connections sharing it', async () => {
  const proxy = await startShapedProxy(target, { bitsPerSecond: 20e6 });
  const start = performance.now();
  expect(await Promise.all([download(proxy.port), download(proxy.port)])).toEqual([BYTES, BYTES]);
  const leastMs = (2 * BYTES * 8000) / 20e6;
  expect(performance.now() - start).toBeGreaterThan(0.95 * leastMs);
  await proxy.close();
});

test('the delay is added once, not per piece', async () => {
  const proxy = await startShapedProxyThread(target, { bitsPerSecond: 200e6, delayMs: 100 });
  const start = performance.now();
  expect(await download(proxy.port)).toBe(BYTES);
  const tookMs = performance.now() - start;
  expect(tookMs).toBeGreaterThan(100);
  expect(tookMs).toBeLessThan(1000); // 16 pieces of 100 ms each would be 1,600
  await proxy.close();
});

async function downloadMs(port: number): Promise<number> {
  const start = performance.now();
  expect(await download(port)).toBe(BYTES);
  return performance.now() - start;
}

test('an outage in the schedule holds up a download', async () => {
  const steps = [
    { atMs: 0, bitsPerSecond: 10e6 },
    { atMs: 50, bitsPerSecond: 0 },
    { atMs: 500, bitsPerSecond: 1e9 },
  ];
  const start = performance.now();
  const proxy = await startShapedProxy(target, { bitsPerSecond: steps });
  await downloadMs(proxy.port);
  expect(performance.now() - start).toBeGreaterThan(490);
  await proxy.close();
});

test('losses hold up a download', async () => {
  const loss = { packetShare: 0.5, stallMs: 20 };
  const proxy = await startShapedProxyThread(target, { bitsPerSecond: 1e9, loss });
  expect(await downloadMs(proxy.port)).toBeGreaterThan(200); // 16 pieces, hardly one of them whole
  await proxy.close();
});
