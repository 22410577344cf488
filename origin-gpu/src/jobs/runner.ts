import type { Codec } from '../../../src/codec/codec.ts';
import { EngineError } from '../../../src/engine/index.ts';
import type { Lease } from '../../../src/protocol/jobs.ts';
import { ProblemError } from '../../../src/protocol/problems.ts';
import type { Signer } from '../../../src/protocol/signature.ts';
import { PUBLIC } from '../../../src/protocol/tenant.ts';
import { EdgeClient, EdgeRefused } from '../edge-client.ts';
import type { Log } from '../log.ts';
import type { ModelRegistry } from '../models.ts';
import { contextOf } from './context.ts';
import { HeldLease } from './held-lease.ts';
import { publishContext } from './publish-context.ts';

export interface RunnerOptions {
  models: ModelRegistry;
  edgeUrl: string;
  edgeToken: () => Promise<string> | string;
  codec: Pick<Codec, 'inspectChunk'>;
  signer: Signer;
  log: Log;
  /** See `EdgeClientOptions`. */
  minRetryDelayMs?: number;
}

/** How long a stopping origin tries to give its job back. */
const RELEASE_MS = 3000;

/**
 * Takes jobs from the edge and does them, one at a time. It keeps nothing of its own: after a kill the job's lease ends and
 * this or another origin starts over, skipping the chunks that the edge has.
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

  /** Stops between two steps and gives the job at hand back. */
  async stop(): Promise<void> {
    this.#stop.abort(new Error('the origin is stopping'));
    await this.#finished;
  }

  async #loop(): Promise<void> {
    const { models, log } = this.#options;
    const edge = this.#edge(PUBLIC, this.#stop.signal);
    while (!this.#stop.signal.aborted) {
      try {
        const lease = await edge.lease(models.names);
        if (lease !== null) await this.#work(lease);
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        // Refused: a wrong token, or an edge of another version. It may be put right while this origin runs.
        log.error('no work to be had', { reason: String(error) });
        await pause(this.#options.minRetryDelayMs ?? 5000, this.#stop.signal);
      }
    }
  }

  async #work(job: Lease): Promise<void> {
    const { log, codec, signer } = this.#options;
    const tenant = job.request.tenant?.name ?? PUBLIC;
    const started = performance.now();
    const held = new HeldLease(job, this.#edge(tenant, this.#stop.signal));
    const { jobId } = job;
    log.info('job taken', { jobId });
    try {
      const context = await contextOf(job.request, this.#options.models);
      const { id, tokens, chunkIds } = context;
      await held.tell({ type: 'tokenized', id, tokenCount: tokens.length, chunksTotal: chunkIds.length });
      const signal = AbortSignal.any([this.#stop.signal, held.signal]);
      await publishContext(context, held, { edge: this.#edge(tenant, signal), codec, signer, signal, log });
      await held.tell({ type: 'published', id });
      log.info('published', {
        jobId,
        id,
        tokens: tokens.length,
        ms: Math.round(performance.now() - started),
      });
    } catch (error) {
      if (this.#stop.signal.aborted) return await this.#release(job);
      if (held.signal.aborted) return log.warn('job dropped', { jobId, reason: String(held.signal.reason) });
      const failure = failureOf(error);
      log.error('job failed', { jobId, ...failure });
      await held.tell({ type: 'failed', ...failure }).catch(() => {});
    } finally {
      held.close();
    }
  }

  async #release({ jobId, leaseId, request }: Lease): Promise<void> {
    const edge = this.#edge(request.tenant?.name ?? PUBLIC, AbortSignal.timeout(RELEASE_MS));
    await edge.release(jobId, leaseId).catch(() => {}); // the lease ends by itself
  }

  #edge(tenant: string, signal: AbortSignal): EdgeClient {
    const { edgeUrl, edgeToken, minRetryDelayMs, log } = this.#options;
    return new EdgeClient({
      edgeUrl,
      token: edgeToken,
      tenant,
      signal,
      ...(minRetryDelayMs === undefined ? {} : { minDelayMs: minRetryDelayMs }),
      onRetry: (reason) => log.warn('waiting for the edge', { reason }),
    });
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function failureOf(error: unknown): { code: string; detail: string } {
  if (error instanceof EngineError) return { code: 'engine-failed', detail: error.message };
  if (error instanceof EdgeRefused || error instanceof ProblemError)
    return { code: error.code, detail: error.message };
  return { code: 'internal', detail: error instanceof Error ? error.message : String(error) };
}
