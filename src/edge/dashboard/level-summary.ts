import type { Manifest } from '../../protocol/manifest.ts';

export interface LevelSummary {
  name: string;
  /** Of all chunks. */
  bytes: number;
  bitsPerValue: number;
  /** Mean of the chunks' predictions weighted by their tokens, nats per token. */
  predictedKld: number;
}

/** The levels that every chunk of a context has, coarsest first. */
export function summarizeLevels({ chunks, model, tokenCount }: Manifest): LevelSummary[] {
  const values = tokenCount * model.layers * model.kvHeads * (model.keyHeadDim + model.valueHeadDim);
  return (chunks[0]?.levels ?? []).flatMap(({ name }) => {
    let bytes = 0;
    let kld = 0;
    for (const chunk of chunks) {
      const level = chunk.levels.find((candidate) => candidate.name === name);
      if (level === undefined) return [];
      bytes += level.bytes;
      kld += level.predictedKld * chunk.tokenCount;
    }
    return [{ name, bytes, bitsPerValue: (8 * bytes) / values, predictedKld: kld / tokenCount }];
  });
}
