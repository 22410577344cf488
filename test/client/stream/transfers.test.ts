import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { outlineOf, Session, type Strategy, type Transfer } from '../../../src/client/controller/index.ts';
import { Transfers } from '../../../src/client/stream/transfers.ts';

const ROUND_TRIP_MS = 40;

beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] }));
afterEach(() => vi.useRealTimers());

/** A session that records what it is told of the link. */
function watched() {
  const outline = outlineOf([{ tokenCount: 256, levels: [{ bytes: 1_000, kld: 0.1, decodeMs: 1 }] }], {
    prefillMsPerToken: 1,
    prefillMsPerTokenPerPosition: 0,
    loadFixedMs: 1,
    loadMsPerToken: 1,
    batchTokens: 64,
  });
  const strategy: Strategy = (view) => ({
    fetches: [{ chunk: 0, level: 0 }],
    kvLevels: [0],
    act: 'fetch',
    wakeAtMs: view.nowMs + 50,
  });
  const session = new Session({
    outline,
    strategy,
    deadlineMs: 1_000,
    roundTripMs: ROUND_TRIP_MS,
    tokenBytes: 0,
  });
  const observed: [bytes: number, busyMs: number][] = [];
  vi.spyOn(session, 'observe').mockImplementation((bytes, busyMs) => void observed.push([bytes, busyMs]));
  return { session, observed };
}

/** Answers after a round trip with 100 bytes, and after a second of silence with the rest. */
const stallingFetch: typeof fetch = async (_, init) => {
  await new Promise((resolve) => setTimeout(resolve, ROUND_TRIP_MS));
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      init!.signal!.addEventListener('abort', () => controller.error(init!.signal!.reason));
      controller.enqueue(new Uint8Array(100));
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      if (init!.signal!.aborted) return;
      controller.enqueue(new Uint8Array(900));
      controller.close();
    },
  });
  return new Response(body, { status: 206, headers: { 'content-range': 'bytes 0-999/1000' } });
};

function transfersOf(session: Session, onEnd = () => {}) {
  return new Transfers({
    access: { edge: 'http://edge.test', fetch: stallingFetch },
    chunkIds: ['a'.repeat(64)],
    session,
    roundTripMs: ROUND_TRIP_MS,
    nowMs: () => performance.now() - startMs,
    onBytes: () => {},
    onEnd,
    onFailure: (error) => {
      throw error;
    },
  });
}

let startMs = 0;
beforeEach(() => {
  startMs = performance.now();
});

test('the first round trip is not the link at work, silence after it is', async () => {
  const { session, observed } = watched();
  const transfers = transfersOf(session);
  const [transfer] = session.step(0).start as [Transfer];
  transfers.start(transfer);
  await vi.advanceTimersByTimeAsync(20);
  transfers.observe(20);
  expect(observed).toEqual([]);
  await vi.advanceTimersByTimeAsync(20);
  expect(observed).toEqual([[100, 0]]);
  await vi.advanceTimersByTimeAsync(300);
  transfers.observe(340);
  expect(observed.at(-1)).toEqual([0, 300]);
  await vi.advanceTimersByTimeAsync(700);
  expect(observed.reduce((sum, [bytes]) => sum + bytes, 0)).toBe(1_000);
  expect(observed.reduce((sum, [, ms]) => sum + ms, 0)).toBeCloseTo(1_000);
  expect(session.progress[0]!.receivedBytes).toBe(1_000);
});

test('a transfer that is cut short ends at once, with what it brought', async () => {
  const { session } = watched();
  const onEnd = vi.fn();
  const transfers = transfersOf(session, onEnd);
  const [transfer] = session.step(0).start as [Transfer];
  transfers.start(transfer);
  await vi.advanceTimersByTimeAsync(50);
  transfer.toByte = session.progress[0]!.receivedBytes;
  transfers.cut(transfer);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(session.progress[0]!.receivedBytes).toBe(100);
  expect(onEnd).not.toHaveBeenCalled();
});
