import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { JobRunner } from '../../../origin-gpu/src/jobs/runner.ts';
import { silentLog } from '../../../origin-gpu/src/log.ts';
import { ModelRegistry, type ServedModel } from '../../../origin-gpu/src/models.ts';
import { CODEC_CACHEGEN, CODEC_LADDER } from '../../../src/codec/codec.ts';
import type { JobEvent } from '../../../src/protocol/api.ts';
import { toHex, ZERO_ID } from '../../../src/protocol/ids.ts';
import { createSigner } from '../../../src/protocol/signature.ts';
import { fakeCodec, fakeProfileFile } from './fake-codec.ts';
import type { FakeEdge } from './fake-edge.ts';
import { type FakeEngine, fakeEngine } from './fake-engine.ts';

/** Signs with the key of RFC 8032, section 7.1, test 1. */
export const SIGNER = await createSigner(
  Buffer.from(
    `302e020100300506032b657004220420${'9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60'}`,
    'hex',
  ).toString('base64'),
);

export interface TestOrigin {
  runner: JobRunner;
  engine: FakeEngine;
  /** Resolves with the last event of a job that is published or has failed. */
  settled(jobId: string): Promise<JobEvent & { type: 'published' | 'failed' }>;
  close(): Promise<void>;
}

export function temporaryFolder(): { folder: string; remove: () => void } {
  const folder = mkdtempSync(path.join(tmpdir(), 'kvedge-test-'));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** An origin in this process: the real runner around a fake engine and codec. It is not started. */
export function testOrigin(
  edge: FakeEdge,
  options: { engine?: FakeEngine; profile?: boolean } = {},
): TestOrigin {
  const engine = options.engine ?? fakeEngine();
  const fingerprint = toHex(engine.model.fingerprint);
  const file = fakeProfileFile(fingerprint);
  const codec = fakeCodec().loadProfile(file);
  const model: ServedModel = {
    name: 'fake',
    fingerprint,
    engine,
    coding:
      options.profile === false
        ? {
            codec: CODEC_CACHEGEN,
            profileId: ZERO_ID,
            profileFile: null,
            coder: fakeCodec().openCachegen({ modelFingerprint: fingerprint, ...engine.model.geometry }),
          }
        : { codec: CODEC_LADDER, profileId: codec.info.profileId, profileFile: file, coder: codec },
  };
  const runner = new JobRunner({
    models: new ModelRegistry([model]),
    edgeUrl: edge.url,
    edgeToken: () => 'edge-token',
    codec: fakeCodec(),
    signer: SIGNER,
    log: silentLog,
    minRetryDelayMs: 10,
  });
  return {
    runner,
    engine,
    async settled(jobId) {
      for (;;) {
        const last = edge.events.get(jobId)?.at(-1);
        if (last?.type === 'published' || last?.type === 'failed') return last;
        await delay(5);
      }
    },
    close: () => runner.stop(),
  };
}
