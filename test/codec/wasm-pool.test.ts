import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { type CodecProfile, loadWasmCodec } from '../../src/codec/index.ts';
import { createWasmCodec } from '../../src/codec/wasm/index.ts';
import type { FromWorker, ToWorker } from '../../src/codec/wasm/pool/messages.ts';
import { DecodePool, type StartWorker } from '../../src/codec/wasm/pool/pool.ts';
import { startNodeWorker } from '../../src/codec/wasm/pool/start-node.ts';
import { samples } from './support/samples.ts';

const { profileFile, chunkBytes } = samples[2]!;
const EMPTY_MODULE = new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
const here = () => Uint16Array.of(7);
const source = { kind: 'profile', file: profileFile, maxMemoryBytes: undefined } as const;

async function withProfile(threads: number, use: (profile: CodecProfile) => Promise<void>): Promise<void> {
  const profile = (await loadWasmCodec({ threads })).loadProfile(profileFile);
  try {
    await use(profile);
  } finally {
    profile.close();
  }
}

/** Workers that answer when told to. */
function manualWorkers() {
  const started: {
    sent: ToWorker[];
    answer(message: FromWorker): void;
    fail(): void;
    isHeld: boolean;
    isEnded: boolean;
  }[] = [];
  const start: StartWorker = ({ onMessage, onFailure }) => {
    const sent: ToWorker[] = [];
    const worker = {
      sent,
      answer: onMessage,
      fail: () => onFailure(new Error('gone')),
      isHeld: true,
      isEnded: false,
    };
    started.push(worker);
    return {
      post: (message) => sent.push(message),
      hold: (isHeld) => {
        worker.isHeld = isHeld;
      },
      terminate: () => {
        worker.isEnded = true;
      },
    };
  };
  return { started, start };
}

const chunksOf = ({ sent }: { sent: ToWorker[] }) => sent.filter(({ type }) => type === 'decode').length;
const decoded: FromWorker = { type: 'decoded', planes: Uint16Array.of(1) };

test('threads give the same planes, and the caller keeps its bytes', async () => {
  await withProfile(2, async (profile) => {
    const expected = profile.decodeChunk(chunkBytes);
    const buffer = Buffer.from(chunkBytes); // its slice() is no copy
    const chunks = Array.from({ length: 5 }, () => profile.decodeChunkAsync(buffer));
    for (const planes of await Promise.all(chunks)) expect(planes).toEqual(expected);
    expect(buffer.equals(chunkBytes)).toBe(true);
  });
});

test('what the codec refuses has its code on the other side', async () => {
  await withProfile(1, async (profile) => {
    const bad = chunkBytes.slice();
    bad[0] = 0;
    await expect(profile.decodeChunkAsync(bad)).rejects.toMatchObject({
      name: 'CodecError',
      code: 'bad-magic',
    });
    await expect(profile.decodeChunkAsync(chunkBytes, { level: 'none' })).rejects.toMatchObject({
      code: 'unknown-level',
    });
    await profile.decodeChunkAsync(chunkBytes);
  });
});

test('a worker whose instance trapped is replaced, and the profile stays open', async () => {
  await withProfile(1, async (profile) => {
    // No wasm32 allocation is larger than 2^31 - 1 bytes: the module traps.
    const tooLarge = new Uint8Array(2 ** 31 + 8);
    await expect(profile.decodeChunkAsync(tooLarge)).rejects.toMatchObject({ code: 'backend-unavailable' });
    expect(await profile.decodeChunkAsync(chunkBytes)).toEqual(profile.decodeChunk(chunkBytes));
  });
});

test('an abort rejects with its reason', async () => {
  await withProfile(1, async (profile) => {
    const reason = new Error('no longer wanted');
    const stop = new AbortController();
    const [first, second] = [1, 2].map(() => profile.decodeChunkAsync(chunkBytes, { signal: stop.signal }));
    stop.abort(reason);
    await expect(first).rejects.toBe(reason);
    await expect(second).rejects.toBe(reason);
    await expect(profile.decodeChunkAsync(chunkBytes, { signal: stop.signal })).rejects.toBe(reason);
    await profile.decodeChunkAsync(chunkBytes);
  });
});

test('workers let the process end, but not while a chunk is wanted', () => {
  const script = `
    import { loadWasmCodec } from ${JSON.stringify(new URL('../../src/codec/index.ts', import.meta.url))};
    const profile = (await loadWasmCodec({ threads: 2 })).loadProfile(Buffer.from('${Buffer.from(profileFile).toString('base64')}', 'base64'));
    const chunk = Buffer.from('${Buffer.from(chunkBytes).toString('base64')}', 'base64');
    console.log((await profile.decodeChunkAsync(chunk)).data.length);`;
  const run = spawnSync(process.execPath, ['--input-type=module-typescript', '-e', script], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    encoding: 'utf8',
    timeout: 50_000,
  });
  expect(run).toMatchObject({ status: 0, stdout: expect.stringMatching(/^[1-9]\d*\n$/) });
});

test('no more than the threads asked for, one chunk each, the rest in turn', async () => {
  const { started, start } = manualWorkers();
  const pool = new DecodePool(EMPTY_MODULE, start, 2);
  const coder = pool.open(source);
  expect(started.map(({ sent }) => sent.map(({ type }) => type))).toEqual(Array(2).fill(['start', 'open']));
  expect(started.every(({ isHeld }) => !isHeld)).toBe(true);
  const chunks = [1, 2, 3].map(() => pool.decode(coder, [chunkBytes, undefined, false], here, undefined));
  expect(started.every(({ isHeld }) => isHeld)).toBe(true);
  for (const worker of started) worker.answer({ type: 'ready' });
  expect(started.map(chunksOf)).toEqual([1, 1]);
  started[1]!.answer(decoded);
  expect(started.map(chunksOf)).toEqual([1, 2]);
  for (const worker of started) worker.answer(decoded);
  expect(await Promise.all(chunks)).toEqual(Array(3).fill(Uint16Array.of(1)));
  expect(started.every(({ isHeld }) => !isHeld)).toBe(true);
  pool.close(coder);
  expect(started.every(({ isEnded }) => isEnded)).toBe(true);
});

test('closing refuses what waits and lets what runs come', async () => {
  const { started, start } = manualWorkers();
  const pool = new DecodePool(EMPTY_MODULE, start, 1);
  const coder = pool.open(source);
  started[0]!.answer({ type: 'ready' });
  const [runs, waits] = [1, 2].map(() => pool.decode(coder, [chunkBytes, undefined, false], here, undefined));
  pool.close(coder);
  await expect(waits).rejects.toMatchObject({ code: 'invalid-argument' });
  expect(started[0]!.isEnded).toBe(false);
  started[0]!.answer(decoded);
  expect(await runs).toEqual(Uint16Array.of(1));
  expect(started[0]!.isEnded).toBe(true);
});

test('a thread that dies fails its chunk; the next one has another', async () => {
  const { started, start } = manualWorkers();
  const pool = new DecodePool(EMPTY_MODULE, start, 1);
  const coder = pool.open(source);
  started[0]!.answer({ type: 'ready' });
  const [first, second] = [1, 2].map(() =>
    pool.decode(coder, [chunkBytes, undefined, false], here, undefined),
  );
  started[0]!.fail();
  await expect(first).rejects.toMatchObject({ code: 'backend-unavailable' });
  started[1]!.answer({ type: 'ready' });
  started[1]!.answer(decoded);
  expect(await second).toEqual(Uint16Array.of(1));
  pool.close(coder);
});

test('chunks are decoded on the calling thread where no worker starts', async () => {
  const throws = new DecodePool(
    EMPTY_MODULE,
    () => {
      throw new Error('there are no workers');
    },
    2,
  );
  expect(await throws.decode(throws.open(source), [chunkBytes, undefined, false], here, undefined)).toEqual(
    here(),
  );

  const { started, start } = manualWorkers();
  const dies = new DecodePool(EMPTY_MODULE, start, 2);
  const chunk = dies.decode(dies.open(source), [chunkBytes, undefined, false], here, undefined);
  for (const worker of started) worker.fail();
  expect(await chunk).toEqual(here());
});

test('a real thread that ends before it runs counts as none', async () => {
  const start: StartWorker = (events) => {
    const worker = startNodeWorker(events);
    worker.terminate();
    return worker;
  };
  const module = await WebAssembly.compile(
    await readFile(new URL('../../wasm/pkg/kvedge_bg.wasm', import.meta.url)),
  );
  const profile = createWasmCodec(module, { start, threads: 1 }).loadProfile(profileFile);
  expect(await profile.decodeChunkAsync(chunkBytes)).toEqual(profile.decodeChunk(chunkBytes));
  profile.close();
});
