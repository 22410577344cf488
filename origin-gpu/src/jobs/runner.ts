import type { Codec } from '../../../src/codec/codec.ts';
import { EngineError } from '../../../src/engine/index.ts';
import type { StoredChunk } from '../../../src/protocol/api.ts';
import type { Manifest } from '../../../src/protocol/manifest.ts';
import { ProblemError } from '../../../src/protocol/problems.ts';
import { areLevelsSigned, type Signer } from '../../../src/protocol/signature.ts';
import { EdgeClient, EdgeRefused } from '../edge-client.ts';
import type { Log } from '../log.ts';
import { type ModelRegistry, profileOf, type ServedModel } from '../models.ts';
import { computePlanes, encodeChunk, levelsOfObject } from './compute.ts';
import { splitTokens } from './plan.ts';
import type { ChunkLevels, Job, JobStore } from './store.ts';

const CODEC_LADDER = 1;

export interface RunnerOptions {
  store: JobStore;
  models: ModelRegistry;
  edgeUrl: string;
  edgeToken: () => Promise<string> | string;
  codec: Pick<Codec, 'inspectChunk'>;
  signer: Signer;
  log: Log;
  /** See `EdgeClientOptions`. */
  minRetryDelayMs?: number;
}

/**
 * Works off the queue, one job at a time: profile, chunks, then the manifest, so that nothing half-published is ever
 * visible. Everything it does may be done again: after a kill the job simply starts over and skips what the edge has.
 */
export class JobRunner {
  readonly #options: RunnerOptions;
  readonly #stop = new AbortController();
  #finished: Promise<void> | null = null;

  constructor(options: RunnerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#finished ??= this.#loop();
  }

  /** Stops between two steps; the job at hand stays in the store and goes on after the next start. */
  async stop(): Promise<void> {
    this.#stop.abort(new Error('the origin is stopping'));
    await this.#finished;
  }

  async #loop(): Promise<void> {
    const { store } = this.#options;
    while (!this.#stop.signal.aborted) {
      const job = store.next();
      if (job === null) await this.#queued();
      else await this.#run(job);
    }
  }

  #queued(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        off();
        this.#stop.signal.removeEventListener('abort', done);
        resolve();
      };
      const off = this.#options.store.onChange('queued', done);
      this.#stop.signal.addEventListener('abort', done, { once: true });
    });
  }

  async #run(job: Job): Promise<void> {
    const { store, log } = this.#options;
    const started = performance.now();
    try {
      store.setState(job.id, 'running');
      await this.#publish(job);
      store.published(job.id);
      log.info('published', {
        id: job.id,
        tokens: job.tokens.length,
        ms: Math.round(performance.now() - started),
      });
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      const { code, detail } = failureOf(error);
      store.failed(job.id, code, detail);
      log.error('job failed', { id: job.id, code, detail });
    }
  }

  async #publish(job: Job): Promise<void> {
    const { models, log } = this.#options;
    const { store, edgeUrl, edgeToken, minRetryDelayMs } = this.#options;
    const model = models.get(job.model);
    const profile = profileOf(model);
    if (model.fingerprint !== job.modelFingerprint || profile.id !== job.profileId) {
      throw new ProblemError(
        'model-unknown',
        'The origin now serves another model or profile under this name.',
      );
    }
    let waiting = false;
    const edge = new EdgeClient({
      edgeUrl,
      token: edgeToken,
      tenant: job.tenant,
      signal: this.#stop.signal,
      ...(minRetryDelayMs === undefined ? {} : { minDelayMs: minRetryDelayMs }),
      onRetry: (reason) => {
        if (!waiting) store.setState(job.id, 'queued');
        waiting = true;
        log.warn('waiting for the edge', { id: job.id, reason });
      },
    });
    /** A job that waits for the edge says `queued`; it runs again with the first answer. */
    const step = async <T>(work: Promise<T>): Promise<T> => {
      const result = await work;
      if (waiting) store.setState(job.id, 'running');
      waiting = false;
      return result;
    };
    if (!(await step(edge.hasProfile(profile.id)))) await step(edge.putProfile(profile.id, profile.file));
    const levels = await this.#publishChunks(job, model, edge, step);
    const { manifest, chunks } = publication(job, model, levels);
    await step(
      edge.putContext(job.id, { manifest: await this.#options.signer.signManifest(manifest), chunks }),
    );
  }

  async #publishChunks(
    job: Job,
    model: ServedModel,
    edge: EdgeClient,
    step: <T>(work: Promise<T>) => Promise<T>,
  ): Promise<ChunkLevels[]> {
    const { store, edgeUrl, codec, signer } = this.#options;
    const { signal } = this.#stop;
    const profile = profileOf(model);
    const levels = new Array<ChunkLevels | null>(job.chunkIds.length).fill(null);
    for (const [index, id] of job.chunkIds.entries()) {
      const remembered = store.storedLevels(edgeUrl, id);
      if (remembered !== null && (await step(edge.hasChunk(id)))) levels[index] = remembered;
    }
    let done = levels.filter((known) => known !== null).length;
    if (done > 0) store.chunkDone(job.id, done, levels.length);
    if (done === levels.length) return levels as ChunkLevels[];

    const planes = await computePlanes(model, job.tokens, {
      signal,
      onProgress: (tokensDone) => store.prefilled(job.id, tokensDone, job.tokens.length),
    });
    for (const [index, id] of job.chunkIds.entries()) {
      if (levels[index] !== null) continue;
      signal.throwIfAborted();
      const object = await encodeChunk(profile, planes, job.tokens, index, id);
      const signature = await signer.signLevels(id, levelsOfObject(codec, object));
      const stored = await step(edge.putChunk(id, object, signature));
      // The edge may have had an object of another origin; a manifest may vouch only for what a publisher's key vouches for.
      if (!(await isTrusted(stored, signer))) {
        throw new ProblemError(
          'conflict',
          `The edge stores another encoding of chunk ${id}, which is not signed with this origin's key.`,
        );
      }
      store.rememberChunk(edgeUrl, id, stored.levels);
      levels[index] = stored.levels;
      done += 1;
      store.chunkDone(job.id, done, levels.length);
    }
    return levels as ChunkLevels[];
  }
}

async function isTrusted({ id, levels, signature }: StoredChunk, { publicKey }: Signer): Promise<boolean> {
  return signature?.publicKey === publicKey && areLevelsSigned(signature, id, levels);
}

function publication(job: Job, model: ServedModel, levels: readonly ChunkLevels[]) {
  const chunkTokens = splitTokens(job.tokens);
  const expiresMs = job.ttlSeconds === null ? null : Date.parse(job.createdAt) + job.ttlSeconds * 1000;
  const manifest: Manifest = {
    version: 1,
    id: job.id,
    model: { name: job.model, fingerprint: model.fingerprint, ...model.engine.model.geometry },
    codec: CODEC_LADDER,
    profileId: job.profileId,
    visibility: job.tenantSalt === null ? 'public' : 'private',
    ...(job.tenantSalt === null ? {} : { tenantSalt: job.tenantSalt }),
    tokenCount: job.tokens.length,
    chunks: job.chunkIds.map((id, index) => ({
      id,
      tokenCount: chunkTokens[index]!.length,
      levels: levels[index]!,
    })),
    createdAt: job.createdAt,
    expiresAt: expiresMs === null ? null : new Date(expiresMs).toISOString(),
  };
  const chunks = chunkTokens.map((tokens) => ({
    tokens: [...tokens],
    text: model.engine.detokenize(tokens),
  }));
  return { manifest, chunks };
}

function failureOf(error: unknown): { code: string; detail: string } {
  if (error instanceof EngineError) return { code: 'engine-failed', detail: error.message };
  if (error instanceof EdgeRefused || error instanceof ProblemError)
    return { code: error.code, detail: error.message };
  return { code: 'internal', detail: error instanceof Error ? error.message : String(error) };
}
