import { describe, expect, test } from 'vitest';
import { adaptive, outlineOf, Session, type Strategy } from '../../../src/client/controller/index.ts';

const LEVELS = [
  { bytes: 100_000, kld: 0.035, decodeMs: 10 },
  { bytes: 300_000, kld: 0.006, decodeMs: 12 },
];
const outline = outlineOf(
  [0, 1, 2].map(() => ({ tokenCount: 256, levels: LEVELS })),
  {
    prefillMsPerToken: 4,
    prefillMsPerTokenPerPosition: 0,
    loadFixedMs: 5,
    loadMsPerToken: 0.01,
    batchTokens: 16,
  },
);
const session = (strategy: Strategy = adaptive, deadlineMs = 1_000) => {
  const made = new Session({
    outline,
    strategy,
    deadlineMs,
    roundTripMs: 20,
    tokenBytes: 100,
    priorBytesPerMs: 2_000,
  });
  made.receivedTokens(100, 0);
  return made;
};

describe('a session', () => {
  test('asks for the coarsest level of every chunk first, then for the byte ranges that follow', () => {
    const made = session();
    const asked: [chunk: number, fromByte: number, toByte: number][] = [];
    for (let nowMs = 0; nowMs < 400 && asked.length < 5; nowMs += 50) {
      for (const transfer of made.step(nowMs).start) {
        asked.push([transfer.chunk, transfer.fromByte, transfer.toByte]);
        made.received(transfer, transfer.toByte - transfer.fromByte);
        made.observe(transfer.toByte - transfer.fromByte, 50);
      }
    }
    expect(asked.slice(0, 3)).toEqual([0, 1, 2].map((chunk) => [chunk, 0, 100_000]));
    expect(asked[3]!.slice(1)).toEqual([100_000, 300_000]);
  });

  test('cuts a transfer short and keeps the level that is here', () => {
    let wanted = [{ chunk: 0, level: 1 }];
    const made = session((view) => ({
      fetches: wanted,
      kvLevels: [0],
      act: 'fetch',
      wakeAtMs: view.nowMs + 1,
    }));
    const [transfer] = made.step(0).start;
    made.received(transfer!, 150_000);
    wanted = [];
    expect(made.step(10).cut).toEqual([transfer]);
    expect(transfer!.toByte).toBe(150_000);
    expect(made.progress[0]).toEqual({ receivedBytes: 150_000, requestedBytes: 150_000, decodedLevel: -1 });
    expect(made.nextToDecode()).toEqual({ chunk: 0, level: 0 });
  });

  test('lets text stand by in time when the link brings nothing, and does so once', () => {
    const made = session(adaptive, 1_000);
    const begun: number[] = [];
    for (let nowMs = 0; nowMs < 400; nowMs += 10) {
      made.observe(0, 10);
      const { standby, finish } = made.step(nowMs);
      expect(finish).toBeNull();
      if (standby !== null) begun.push(nowMs);
    }
    expect(begun).toHaveLength(1);
    expect(begun[0]).toBeLessThanOrEqual(0.05 * outline.prefillMs[0]!);
  });

  test('stops a standby that would be late as soon as KV is here, and then loads', () => {
    const made = session(adaptive, 600);
    for (let nowMs = 0; nowMs < 120; nowMs += 10) {
      made.observe(0, 10);
      made.step(nowMs);
    }
    expect(made.view(120).standby).not.toBeNull();
    const acts: string[] = [];
    for (let nowMs = 120; nowMs < 700 && !acts.includes('load'); nowMs += 10) {
      for (const [chunk, { receivedBytes, requestedBytes }] of made.progress.entries())
        if (requestedBytes > receivedBytes)
          made.received(
            { chunk, fromByte: receivedBytes, toByte: requestedBytes },
            requestedBytes - receivedBytes,
          );
      made.observe(100_000, 10);
      const { stop, finish } = made.step(nowMs);
      if (stop) acts.push('stop');
      if (finish !== null) acts.push(finish.from);
    }
    expect(acts).toEqual(['stop', 'load']);
  });
});
