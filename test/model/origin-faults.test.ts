import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { silentLog } from '../../origin-gpu/src/log.ts';
import { ModelRegistry } from '../../origin-gpu/src/models.ts';
import { type Stack, startStack } from '../../src/cli/local/stack.ts';
import {
  contextChunks,
  fetchManifest,
  followContext,
  publishContext,
  submitContext,
} from '../../src/client/index.ts';
import { loadBestCodec } from '../../src/codec/index.ts';
import { crc32c } from '../../src/codec/reference/crc32c.ts';
import { SMOLLM2 } from '../../src/engine/llama/models.ts';
import type { JobEvent } from '../../src/protocol/api.ts';
import { modelPath, profilePath, skipReason } from './support/setup.ts';
import { shortText } from './support/texts.ts';

const model = SMOLLM2.id;
/** Short, so that tests need not wait long for a lease to end. */
const LEASE_SECONDS = 2;
/** Text of the job that is killed so late that its manifest may be out. */
const RACING_CHAPTER = 112;

describe.skipIf(skipReason !== null)('an origin that is killed', () => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await startStack({ name: 'test', profiles: [profilePath!], leaseSeconds: LEASE_SECONDS });
  });
  afterAll(async () => {
    await stack?.close();
  });

  /** Kills the origin, as a power cut would, and waits until it is gone. */
  async function killOrigin(): Promise<void> {
    const exited = once(stack.origin.process, 'exit');
    stack.origin.process.kill('SIGKILL');
    await exited;
  }

  /** Resolves with the first event that `wanted` accepts; the origin's connection may break meanwhile. */
  async function eventOf(id: string, wanted: (event: JobEvent) => boolean): Promise<void> {
    const stop = new AbortController();
    const seen = followContext({ ...stack.access, signal: stop.signal }, id, (event) => {
      if (wanted(event)) stop.abort();
    });
    await seen.catch((error) => {
      if (!stop.signal.aborted) throw error;
    });
  }

  const points: [name: string, chapter: number, reached: (id: string) => Promise<unknown>][] = [
    ['right after it took the job', 92, async () => {}],
    ['at some moment of prefill', 94, () => delay(200 + Math.random() * 800)],
    [
      'after prefill',
      95,
      (id) => eventOf(id, (event) => event.type === 'prefilled' && event.tokensDone === event.tokenCount),
    ],
    ['in the middle of the upload', 96, (id) => eventOf(id, (event) => event.type === 'chunk')],
    [
      'before the manifest',
      RACING_CHAPTER,
      (id) => eventOf(id, (event) => event.type === 'chunk' && event.chunksDone === event.chunksTotal),
    ],
  ];

  test.each(points)(
    '%s loses nothing: another finishes the job, and nothing half-published shows before',
    async (_, chapter, reached) => {
      const text = shortText(chapter);
      const { id: job, status } = await submitContext(stack.access, { model, text });
      expect(status).not.toBeNull();
      await reached(job);
      await killOrigin();
      // The last point races with the manifest itself, which may be there and must then be whole.
      const state = await fetch(`${stack.access.edge}/v1/contexts/${job}`, { redirect: 'manual' });
      if (chapter !== RACING_CHAPTER) expect(state.status).toBe(202);
      await stack.restartOrigin(); // it has nothing of the one that was killed
      const id = await followContext(stack.access, job);
      let positions = 0;
      for await (const chunk of contextChunks({ ...stack.access, id, level: 'near-lossless' })) {
        positions += chunk.planes.tokenCount;
      }
      expect(positions).toBe((await fetchManifest(stack.access, id)).tokenCount);
    },
  );

  test('is made up for by another origin that runs already', async () => {
    const other = await stack.addOrigin();
    const body = { model, text: shortText(114) };
    const { id: job } = await submitContext(stack.access, body);
    await eventOf(job, (event) => event.type === 'tokenized');
    // Whichever of the two has the job: both are killed, one after the other, and the next start finishes it.
    await killOrigin();
    const killed = once(other.process, 'exit');
    other.process.kill('SIGKILL');
    await killed;
    await stack.addOrigin();
    const id = await followContext(stack.access, job);
    expect((await fetchManifest(stack.access, id)).id).toBe(id);
  });

  test('is not needed for a job to survive a restart of the edge', async () => {
    const { id } = await publishContext(stack.access, { model, text: shortText(116) });
    await stack.edge.close();
    await delay(500);
    await stack.restartEdge();
    await followContext(stack.access, id);
    expect((await fetchManifest(stack.access, id)).id).toBe(id);
  });

  test('does not matter to a job that is queued while there is no origin, over a restart of the edge', async () => {
    await stack.closeOrigins();
    const { id: job, status } = await submitContext(stack.access, { model, text: shortText(117) });
    expect(status?.state).toBe('queued');
    await stack.restartEdge();
    await stack.addOrigin();
    const id = await followContext(stack.access, job);
    expect((await fetchManifest(stack.access, id)).id).toBe(id);
  });
});

test.skipIf(skipReason !== null)('a profile for another model is not used', async () => {
  const bytes = new Uint8Array(readFileSync(profilePath!));
  const FINGERPRINT_AT = 12; // docs/format.md, section 4
  bytes[FINGERPRINT_AT]! ^= 1;
  const crcAt = bytes.length - 4;
  new DataView(bytes.buffer).setUint32(crcAt, crc32c(bytes.subarray(0, crcAt)), true);
  const file = path.join(tmpdir(), `kvedge-test-${process.pid}.kvp`);
  writeFileSync(file, bytes);
  const models = [{ name: model, modelPath }];
  const registry = await ModelRegistry.open(
    { models, profilePaths: [file] },
    await loadBestCodec(),
    silentLog,
  );
  try {
    expect(registry.get(model).coding).toMatchObject({ codec: 2, profileFile: null });
  } finally {
    await registry.close();
    rmSync(file);
  }
});
