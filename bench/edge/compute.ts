import type { Fixture } from './fixture.ts';

const REPEATS = 40;

/** Milliseconds that the Worker itself computes for a request that uses WebAssembly. */
export interface ComputeReport {
  /** A 256-token chunk is validated and the digests of its levels are taken. */
  ingest: number;
  /** Half of the layers are cut out of it. */
  layersCut: number;
}

/**
 * `Server-Timing` of the Worker, by the clock of its runtime: the least of many requests one by one, because whatever else
 * runs on the machine only adds to it.
 */
export async function measureCompute({ context, edge, publish }: Fixture): Promise<ComputeReport> {
  const ingest: number[] = [];
  const layersCut: number[] = [];
  const { id, bytes } = context.chunks[0]!;
  for (let i = 0; i < REPEATS; i++) {
    ingest.push(computedMs(await publish(`/v1/chunks/${id}`, bytes, 'application/vnd.kvedge.chunk')));
    // Each range of layers is a cut of its own, so none is in the cache yet.
    const cut = await fetch(
      `${edge.url}/v1/chunks/${id}?layers=${i % 15}-${(i % 15) + 14 + Math.floor(i / 15)}`,
    );
    await cut.arrayBuffer();
    layersCut.push(computedMs(cut));
  }
  return { ingest: Math.min(...ingest), layersCut: Math.min(...layersCut) };
}

/** Sum of the durations in `Server-Timing`. */
function computedMs(response: Response): number {
  const header = response.headers.get('server-timing');
  if (!response.ok || header === null) {
    throw new Error(`${response.url}: ${response.status}, Server-Timing ${header}`);
  }
  return [...header.matchAll(/dur=([\d.]+)/g)].reduce((sum, [, ms]) => sum + Number(ms), 0);
}
