import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startLocalEdge } from '../../src/cli/local/edge.ts';
import { localSecrets, mintLocalToken } from '../../src/cli/local/secrets.ts';
import { makeContext } from '../../test/edge/support/objects.ts';
import { median } from '../statistics.ts';

export interface MemoryOptions {
  /** Chunks of the long context; the short one has one. */
  chunks: number;
  /** Requests for one chunk in a round. */
  requests: number;
  rounds: number;
}

/** Peak resident memory of workerd while one chunk is requested over and over, MiB: median of the rounds, and each. */
export interface MemoryReport {
  chunkBytes: number;
  chunks: number;
  requests: number;
  shortPeakMiB: number;
  longPeakMiB: number;
  raw: { short: number[]; long: number[] };
}

/** Words in each of a chunk's eight segments: an object of about 1.6 MB, near that of 256 tokens of SmolLM2-135M at all levels. */
const WORD_BYTES = 200_000;
const PARALLEL = 8;

/** What a chunk request costs the real Worker in memory, in a context of one chunk and in a long one, in turn. */
export async function runMemory({ chunks, requests, rounds }: MemoryOptions): Promise<MemoryReport> {
  const folder = mkdtempSync(join(tmpdir(), 'kvedge-memory-'));
  const secrets = await localSecrets(folder);
  const edge = await startLocalEdge({
    secrets,
    host: '127.0.0.1',
    port: 0,
    storage: join(folder, 'edge'),
    onLog: () => {},
  });
  try {
    const token = await mintLocalToken(secrets, { scopes: ['compute'], ttlSeconds: 3600 });
    const contexts = {
      short: await makeContext({ chunkCount: 1, wordBytes: WORD_BYTES }),
      long: await makeContext({ chunkCount: chunks, wordBytes: WORD_BYTES }),
    };
    for (const context of Object.values(contexts)) await publish(edge.url, token, context);
    const pid = childNamed('workerd');
    const raw: MemoryReport['raw'] = { short: [], long: [] };
    for (let round = -1; round < rounds; round++) {
      for (const name of ['short', 'long'] as const) {
        const { ids, objects } = contexts[name];
        const peak = await peakMiB(pid, () =>
          load(`${edge.url}/v1/chunks/${ids[0]}`, objects[0]!.length, requests),
        );
        if (round >= 0) raw[name].push(peak); // the first round warms up
      }
    }
    const chunkBytes = contexts.short.objects[0]!.length;
    return {
      chunkBytes,
      chunks,
      requests,
      shortPeakMiB: median(raw.short),
      longPeakMiB: median(raw.long),
      raw,
    };
  } finally {
    await edge.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function publish(url: string, token: string, context: Awaited<ReturnType<typeof makeContext>>) {
  const { id, manifest, chunks, profile, profileId, objects, ids } = context;
  const put = async (path: string, body: BodyInit, type = 'application/octet-stream') => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': type };
    const response = await fetch(url + path, { method: 'PUT', headers, body });
    if (!response.ok) throw new Error(`PUT ${path}: ${await response.text()}`);
    await response.body?.cancel();
  };
  await put(`/v1/profiles/${profileId}`, profile);
  for (const [i, object] of objects.entries()) await put(`/v1/chunks/${ids[i]}`, object);
  await put(`/v1/contexts/${id}`, JSON.stringify({ manifest, chunks }), 'application/json');
}

/** Requests the chunk `requests` times, `PARALLEL` at a time; each answer must have its size. */
async function load(url: string, bytes: number, requests: number) {
  let left = requests;
  const client = async () => {
    while (left-- > 0) {
      const body = await (await fetch(url)).arrayBuffer();
      if (body.byteLength !== bytes) throw new Error(`${url}: ${body.byteLength} bytes of ${bytes}`);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, client));
}

/** Highest resident memory of a process during `work` (proc(5): clear_refs 5 resets VmHWM). */
async function peakMiB(pid: number, work: () => Promise<void>): Promise<number> {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
  await work();
  const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kib) / 1024;
}

/** The only child of this process of that name. */
function childNamed(name: string): number {
  const found = readdirSync('/proc').filter((entry) => {
    if (!/^\d+$/.test(entry)) return false;
    try {
      const [, command, , parent] = /^\d+ \((.*)\) (\S) (\d+)/.exec(
        readFileSync(`/proc/${entry}/stat`, 'utf8'),
      )!;
      return command === name && Number(parent) === process.pid;
    } catch {
      return false; // it ended meanwhile
    }
  });
  if (found.length !== 1) throw new Error(`${found.length} processes ${name} instead of one`);
  return Number(found[0]);
}

export function printMemory(report: MemoryReport): string {
  return [
    `peak resident memory of workerd, ${report.requests} requests for one chunk of ${(report.chunkBytes / 1e6).toFixed(1)} MB`,
    `  context of 1 chunk:    ${report.shortPeakMiB.toFixed(1)} MiB`,
    `  context of ${report.chunks} chunks: ${report.longPeakMiB.toFixed(1)} MiB`,
  ].join('\n');
}
