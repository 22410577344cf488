import fc from 'fast-check';
import { type Outline, outlineOf, type View } from '../../../src/client/controller/index.ts';

const level = fc.record({
  moreBytes: fc.integer({ min: 1_000, max: 400_000 }),
  kldShare: fc.double({ min: 0.05, max: 0.95, noNaN: true }),
  moreDecodeMs: fc.integer({ min: 0, max: 30 }),
});

const chunk = fc
  .record({
    tokenCount: fc.integer({ min: 1, max: 256 }),
    levels: fc.array(level, { minLength: 1, maxLength: 3 }),
  })
  .map(({ tokenCount, levels }) => {
    let [bytes, kld, decodeMs] = [0, 0.04, 1];
    return {
      tokenCount,
      levels: levels.map((step) => {
        bytes += step.moreBytes;
        kld *= step.kldShare;
        decodeMs += step.moreDecodeMs;
        return { bytes, kld, decodeMs };
      }),
    };
  });

export const outlines: fc.Arbitrary<Outline> = fc
  .record({
    chunks: fc.array(chunk, { minLength: 1, maxLength: 4 }),
    prefillMsPerToken: fc.double({ min: 0.1, max: 4, noNaN: true }),
  })
  .map(({ chunks, prefillMsPerToken }) =>
    outlineOf(chunks, {
      prefillMsPerToken,
      prefillMsPerTokenPerPosition: prefillMsPerToken / 5_000,
      loadFixedMs: 5,
      loadMsPerToken: 0.03,
      batchTokens: 16,
    }),
  );

/** Somewhere on the way: some bytes are here, some levels are decoded, text may be under way. */
export const views: fc.Arbitrary<View> = outlines.chain((outline) =>
  fc
    .record({
      received: fc.array(fc.double({ min: 0, max: 1.2, noNaN: true }), { minLength: 4, maxLength: 4 }),
      decoded: fc.array(fc.integer({ min: -1, max: 2 }), { minLength: 4, maxLength: 4 }),
      nowMs: fc.integer({ min: 0, max: 500 }),
      deadlineMs: fc.integer({ min: 0, max: 3_000 }),
      low: fc.integer({ min: 20, max: 5_000 }),
      roundTripMs: fc.integer({ min: 1, max: 200 }),
      idle: fc.boolean(),
      tokenBytesMissing: fc.constantFrom(0, 0, 3_000),
      standbyMs: fc.option(fc.integer({ min: 600, max: 3_000 })),
    })
    .map(({ received, decoded, low, standbyMs, ...rest }) => ({
      ...rest,
      outline,
      progress: outline.chunks.map(({ levels }, i) => {
        const receivedBytes = Math.floor(Math.min(1, received[i]!) * levels.at(-1)!.bytes);
        let decodedLevel = Math.min(decoded[i]!, levels.length - 1);
        while (decodedLevel >= 0 && levels[decodedLevel]!.bytes > receivedBytes) decodedLevel -= 1;
        return { receivedBytes, requestedBytes: receivedBytes, decodedLevel };
      }),
      rate: { low, middle: 2 * low, high: 4 * low, lastChunk: low, known: true },
      decoderFreeAtMs: 0,
      textFinishMs: rest.nowMs + outline.prefillMs[0]!,
      standby: standbyMs === null ? null : { kvLevels: [], finishMs: standbyMs },
    })),
);

/** Every choice of KV chunks and their levels. */
export function* everyChoice(view: View): Generator<number[]> {
  const { chunks } = view.outline;
  const extend = function* (levels: number[]): Generator<number[]> {
    yield levels;
    const next = chunks[levels.length];
    if (next === undefined) return;
    const least = Math.max(0, view.progress[levels.length]!.decodedLevel);
    for (let l = least; l < next.levels.length; l++) yield* extend([...levels, l]);
  };
  yield* extend([]);
}
