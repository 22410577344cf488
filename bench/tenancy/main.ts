import { readFile } from 'node:fs/promises';
import { startLocalEdge } from '../../src/cli/local/edge.ts';
import { localSecrets, mintLocalToken } from '../../src/cli/local/secrets.ts';
import { loadBestCodec } from '../../src/codec/index.ts';
import { temporaryFolder } from '../../test/origin/support/origin.ts';
import { type Comparison, compareSamples } from './compare-samples.ts';

export interface TenancyOptions {
  /** Pairs of requests measured for each question. */
  pairs: number;
}

export interface TenancyReport {
  pairs: number;
  /** A private chunk of another tenant against an id that never existed: shall not be told apart. */
  anotherTenant: Comparison;
  /** The same question by the tenant itself, which can tell: shows that the measurement sees a difference. */
  ownTenant: Comparison;
}

const CHUNK_FILE = new URL(
  '../../test/vectors/joint-rope1-levels4-shifts-first-table-position0-tokens33.kvl',
  import.meta.url,
);
const WARM_UP_PAIRS = 100;
/** The rate limit of wrangler.toml allows one tenant 12,000 requests a minute. */
export const MAX_PAIRS = 5000;

/**
 * Times how long the real Worker takes to say 404 to a tenant that asks for another's private chunk, and for one that never
 * existed, in alternating order over one connection.
 */
export async function runTenancy({ pairs }: TenancyOptions): Promise<TenancyReport> {
  const { folder, remove } = temporaryFolder();
  const secrets = await localSecrets(folder);
  const edge = await startLocalEdge({
    secrets,
    host: '127.0.0.1',
    port: 0,
    storage: null,
  });
  try {
    const token = (tenant: string, scope: 'read' | 'compute') =>
      mintLocalToken(secrets, { tenant, scopes: [scope], ttlSeconds: 3600 });
    const bytes = new Uint8Array(await readFile(CHUNK_FILE));
    const id = (await loadBestCodec()).inspectChunk(bytes).chunkId;
    const stored = await fetch(`${edge.url}/v1/chunks/${id}`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${await token('origin', 'compute')}`, 'kvedge-tenant': 'ann' },
      body: bytes,
    });
    if (stored.status !== 201) throw new Error(`the chunk was not stored: ${await stored.text()}`);
    const absent = id.replace(/^./, (digit) => (digit === '0' ? '1' : '0'));

    const measure = async (tenant: string, statusOfExisting: number) => {
      const authorization = `Bearer ${await token(tenant, 'read')}`;
      const time = async (chunk: string, status: number) => {
        const start = performance.now();
        const response = await fetch(`${edge.url}/v1/chunks/${chunk}`, { headers: { authorization } });
        await response.arrayBuffer();
        const ms = performance.now() - start;
        if (response.status !== status) throw new Error(`expected ${status}, got ${response.status}`);
        return ms;
      };
      const existingMs: number[] = [];
      const absentMs: number[] = [];
      for (let pair = -WARM_UP_PAIRS; pair < pairs; pair++) {
        const existingFirst = pair % 2 === 0;
        const first = existingFirst ? await time(id, statusOfExisting) : await time(absent, 404);
        const second = existingFirst ? await time(absent, 404) : await time(id, statusOfExisting);
        if (pair < 0) continue;
        existingMs.push(existingFirst ? first : second);
        absentMs.push(existingFirst ? second : first);
      }
      return compareSamples(existingMs, absentMs);
    };
    const ownTenant = await measure('ann', 200); // first: then the chunk is in every tier
    return { pairs, anotherTenant: await measure('bob', 404), ownTenant };
  } finally {
    await edge.close();
    remove();
  }
}
