import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { Profiles } from '../../src/client/profiles.ts';
import type { Codec, CodecProfile } from '../../src/codec/codec.ts';
import { ZERO_ID } from '../../src/protocol/ids.ts';
import type { Manifest } from '../../src/protocol/manifest.ts';
import { fakeCodec, fakeProfileFile } from '../origin/support/fake-codec.ts';

const MODEL = 'a'.repeat(64);
const file = fakeProfileFile(MODEL);
const profileId = createHash('sha256').update(file).digest('hex');
const manifest = { codec: 1, profileId, model: { fingerprint: MODEL } } as Manifest;
const cachegen = { codec: 2, profileId: ZERO_ID, model: { fingerprint: MODEL } } as Manifest;

/** A codec that counts what is open. */
function countingCodec(): { codec: Codec; opened: number; closed: number } {
  const counts = { codec: fakeCodec(), opened: 0, closed: 0 };
  const { loadProfile, openCachegen } = counts.codec;
  const counted = <C extends { close(): void }>(coder: C): C => {
    counts.opened += 1;
    const close = () => {
      counts.closed += 1;
    };
    return { ...coder, close };
  };
  counts.codec.loadProfile = (bytes) => counted<CodecProfile>(loadProfile(bytes));
  counts.codec.openCachegen = (model) => counted(openCachegen(model));
  return counts;
}

/** An edge whose answers wait for `answer`. */
function heldEdge() {
  const waiting: PromiseWithResolvers<Response>[] = [];
  const signals: (AbortSignal | null | undefined)[] = [];
  return {
    signals,
    waiting,
    access: {
      edge: 'http://edge.invalid',
      retries: 0,
      fetch: (_: unknown, init?: RequestInit) => {
        const answer = Promise.withResolvers<Response>();
        waiting.push(answer);
        signals.push(init?.signal);
        init?.signal?.addEventListener('abort', () => answer.reject(init.signal!.reason));
        return answer.promise;
      },
    },
  };
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 5));

test('calls at once share one transfer and one profile', async () => {
  const counts = countingCodec();
  const profiles = new Profiles(counts.codec, null);
  const { access, waiting } = heldEdge();
  const [first, second] = [profiles.load(access, manifest), profiles.load(access, manifest)];
  await expect.poll(() => waiting.length).toBe(1);
  waiting[0]!.resolve(new Response(file));
  const [a, b] = await Promise.all([first, second]);
  expect(a.profile).toBe(b.profile);
  expect([a.fetchedBytes, b.fetchedBytes]).toEqual([file.length, 0]);
  expect(waiting).toHaveLength(1);
  expect(counts).toMatchObject({ opened: 1, closed: 0 });
});

test.each([
  ['a profile', manifest],
  ['codec 2', cachegen],
])('%s that is in use is closed when the last call lets it go, and once', async (_, wanted) => {
  const counts = countingCodec();
  const profiles = new Profiles(counts.codec, null);
  const access = { edge: 'http://edge.invalid', fetch: async () => new Response(file) };
  const [a, b] = [await profiles.load(access, wanted), await profiles.load(access, wanted)];
  profiles.close();
  a.release();
  a.release();
  await settle();
  expect(counts.closed).toBe(0);
  b.release();
  await settle();
  profiles.close();
  await settle();
  expect(counts).toMatchObject({ opened: 1, closed: 1 });
});

test('a profile that nobody uses stays until the end', async () => {
  const counts = countingCodec();
  const profiles = new Profiles(counts.codec, null);
  const access = { edge: 'http://edge.invalid', fetch: async () => new Response(file) };
  (await profiles.load(access, manifest)).release();
  expect((await profiles.load(access, manifest)).fetchedBytes).toBe(0);
  expect(counts).toMatchObject({ opened: 1, closed: 0 });
});

test('closing while a profile loads: the call that waits gets it, and lets it go for good', async () => {
  const counts = countingCodec();
  const profiles = new Profiles(counts.codec, null);
  const { access, waiting } = heldEdge();
  const loading = profiles.load(access, manifest);
  await expect.poll(() => waiting.length).toBe(1);
  profiles.close();
  waiting[0]!.resolve(new Response(file));
  const { release } = await loading;
  await settle();
  expect(counts).toMatchObject({ opened: 1, closed: 0 });
  release();
  await settle();
  expect(counts.closed).toBe(1);
  await expect(profiles.load(access, manifest)).rejects.toThrow('closed');
});

test('closing while a profile loads that nobody waits for any more leaks nothing', async () => {
  const counts = countingCodec();
  const profiles = new Profiles(counts.codec, null);
  const { access, waiting } = heldEdge();
  const stop = new AbortController();
  const first = profiles.load(access, manifest);
  const second = profiles.load({ ...access, signal: stop.signal }, manifest);
  await expect.poll(() => waiting.length).toBe(1);
  stop.abort(new Error('enough'));
  await expect(second).rejects.toThrow('enough');
  profiles.close();
  waiting[0]!.resolve(new Response(file));
  (await first).release();
  await settle();
  expect(counts).toMatchObject({ opened: 1, closed: 1 });
});

test('a call whose signal ends the transfer does not end it for another', async () => {
  const counts = countingCodec();
  const profiles = new Profiles(counts.codec, null);
  const { access, waiting, signals } = heldEdge();
  const stop = new AbortController();
  const first = profiles.load({ ...access, signal: stop.signal }, manifest);
  const second = profiles.load(access, manifest);
  await expect.poll(() => waiting.length).toBe(1);
  stop.abort(new Error('enough'));
  await expect(first).rejects.toThrow('enough');
  await expect.poll(() => waiting.length).toBe(2);
  expect(signals[1]).toBeUndefined();
  waiting[1]!.resolve(new Response(file));
  expect((await second).fetchedBytes).toBe(file.length);
  expect(counts.opened).toBe(1);
});

test('an edge that is away fails every call, each after an attempt of its own', async () => {
  const profiles = new Profiles(fakeCodec(), null);
  let requests = 0;
  const access = {
    edge: 'http://edge.invalid',
    retries: 0,
    fetch: async () => {
      requests += 1;
      throw new TypeError('no route');
    },
  };
  const calls = Array.from({ length: 3 }, () => profiles.load(access, manifest));
  for (const { status, ...more } of await Promise.allSettled(calls))
    expect({ status, ...more }).toMatchObject({ status: 'rejected', reason: { code: 'edge-unreachable' } });
  expect(requests).toBe(3);
});
