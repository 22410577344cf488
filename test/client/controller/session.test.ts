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
  test('asks for the coarsest level of every chunk first', () => {
    const { start } = session().step(0);
    expect(start.slice(0, 3).map(({ chunk, fromByte, toByte }) => [chunk, fromByte, toByte])).toEqual([
      [0, 0, 100_000],
      [1, 0, 100_000],
      [2, 0, 100_000],
    ]);
  });

  test('raises a chunk by the byte range that follows', () => {
    const made = session();
    for (const transfer of made.step(0).start)
      if (transfer.toByte === 100_000) made.received(transfer, transfer.toByte);
    made.observe(300_000, 150);
    const upgrade = [...made.step(150).start, ...session().step(0).start].find(
      ({ fromByte }) => fromByte > 0,
    );
    expect(upgrade).toMatchObject({ fromByte: 100_000, toByte: 300_000 });
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

  test('lets text stand by when the link brings nothing, and uses it when it is in time', () => {
    const made = session(adaptive, 10_000);
    let standby: readonly number[] | null = null;
    for (let nowMs = 0; nowMs < 200 && standby === null; nowMs += 10) {
      made.observe(0, 10);
      const { standby: begun, finish } = made.step(nowMs);
      standby = begun ?? finish?.kvLevels ?? null;
    }
    expect(standby).toEqual([]);
  });
});
