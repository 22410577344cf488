import { get } from 'node:http';
import { median } from '../statistics.ts';
import { cpuMsOf } from './process-cpu.ts';
import { startBaseline } from './servers.ts';

const WAYS = ['tee', 'reads'] as const;
const CHUNK_BYTES = 1_000_000;
const LARGE_BYTES = 48 * 1024 * 1024;
const SLOW_CLIENTS = 4;
/** Long enough for a cache to have taken all of a large object. */
const SLOW_MS = 4_000;

export interface ColdWay {
  /** Median over cold objects of 1 MB: until the first byte, until the last, and CPU time of the runtime. */
  firstByteMs: number;
  lastByteMs: number;
  cpuMs: number;
  /** Of four cold objects of 48 MiB whose clients stopped reading, those that the cache had after four seconds. */
  filledBehindStalledClients: number;
}

/** One read that is split against two reads, for a cold object. */
export async function measureCold(objects: number): Promise<Record<(typeof WAYS)[number], ColdWay>> {
  const results: [string, ColdWay][] = [];
  for (const way of WAYS) {
    const server = await startBaseline('cold');
    try {
      const put = async (key: string, bytes: number) => {
        const body = new Uint8Array(bytes).fill(7);
        const response = await fetch(`${server.url}/${way}/${key}`, { method: 'PUT', body });
        if (!response.ok) throw new Error(`PUT ${key}: ${response.status} ${await response.text()}`);
      };
      const first: number[] = [];
      const last: number[] = [];
      for (let i = 0; i < objects; i++) await put(`chunk-${i}`, CHUNK_BYTES);
      const cpuBefore = cpuMsOf(server.pid);
      for (let i = 0; i < objects; i++) {
        const startMs = performance.now();
        const response = await fetch(`${server.url}/${way}/chunk-${i}`);
        first.push(performance.now() - startMs);
        if ((await response.arrayBuffer()).byteLength !== CHUNK_BYTES)
          throw new Error(`${way}: wrong answer`);
        last.push(performance.now() - startMs);
      }
      const cpuMs = (cpuMsOf(server.pid) - cpuBefore) / objects;
      for (let i = 0; i < SLOW_CLIENTS; i++) await put(`large-${i}`, LARGE_BYTES);
      const urls = Array.from({ length: SLOW_CLIENTS }, (_, i) => `${server.url}/${way}/large-${i}`);
      const stop = urls.map(stall);
      await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
      const filled = await Promise.all(urls.map(async (url) => (await fetch(url, { method: 'HEAD' })).ok));
      for (const end of stop) end();
      results.push([
        way,
        {
          firstByteMs: median(first),
          lastByteMs: median(last),
          cpuMs,
          filledBehindStalledClients: filled.filter(Boolean).length,
        },
      ]);
    } finally {
      await server.close();
    }
  }
  return Object.fromEntries(results) as Record<(typeof WAYS)[number], ColdWay>;
}

/** Asks for an object and does not read it. */
function stall(url: string): () => void {
  const request = get(url, (response) => {
    if (response.statusCode !== 200) throw new Error(`${url}: ${response.statusCode}`);
    response.on('error', () => {});
    response.pause();
  });
  request.on('error', () => {});
  return () => request.destroy();
}
