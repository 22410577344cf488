import type { Engine } from '../../engine/index.ts';
import { toHex } from '../../protocol/ids.ts';
import { type Speeds, TEXT_PIECE_TOKENS } from './speeds.ts';

const WARM_UP_TOKENS = 16;

/**
 * Measures how fast an engine evaluates text, by evaluating some: a fraction of a second for a small model on a CPU. `openContext`
 * does it by itself the first time it is given a deadline; do it before, and that request starts without.
 */
export async function measureEngine(engine: Engine, speeds: Speeds): Promise<void> {
  const { vocabularySize, fingerprint } = engine.model;
  const tokens = Uint32Array.from(
    { length: WARM_UP_TOKENS + TEXT_PIECE_TOKENS },
    (_, i) => (101 * i) % vocabularySize,
  );
  const sequence = await engine.openSequence({ capacityTokens: tokens.length });
  try {
    await sequence.prefill(tokens.subarray(0, WARM_UP_TOKENS));
    const startMs = performance.now();
    await sequence.prefill(tokens.subarray(WARM_UP_TOKENS));
    const ms = performance.now() - startMs;
    speeds.observePrefill(toHex(fingerprint), WARM_UP_TOKENS, TEXT_PIECE_TOKENS, ms);
  } finally {
    await sequence.close();
  }
}
