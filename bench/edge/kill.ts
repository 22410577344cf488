import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import cliProgress from 'cli-progress';
import type { Service } from '../../src/cli/local/service.ts';
import { type Stack, startStack } from '../../src/cli/local/stack.ts';
import {
  contextChunks,
  fetchManifest,
  followContext,
  Profiles,
  submitContext,
} from '../../src/client/index.ts';
import { loadBestCodec } from '../../src/codec/index.ts';
import { SMOLLM2 } from '../../src/engine/llama/models.ts';
import { type JobEvent, JobStatus } from '../../src/protocol/api.ts';
import { OriginLog } from './origin-log.ts';
import { shortText } from './texts.ts';

const KILL_POINTS = 20;
/** Short, so that the bench need not wait long for a lease to end. */
const LEASE_SECONDS = 5;
const FIRST_CHAPTER = 60;
/** A kill comes up to so long after the event it waits for: a short job is published a moment after its last chunk. */
const JITTER_MS = 100;
/** A job that is not published so long after the kill is lost. */
const LOST_MS = 300_000;

export interface KillFigures {
  killPoints: number;
  /** Contexts that showed anything while a part of them was missing; must be 0. */
  halfPublished: number;
  /** Jobs that no origin finished; must be 0. */
  lostJobs: number;
  /** How often the kill found the job in this state, by the edge's account. */
  killedAt: Record<string, number>;
}

/** Where the kills fall, in turn: a random moment of the job, most of which is prefill, or just after one of its steps. */
const AFTER: readonly (null | ((event: JobEvent) => boolean))[] = [
  null,
  (event) => event.type === 'tokenized',
  (event) => event.type === 'prefilled' && event.tokensDone === event.tokenCount,
  (event) => event.type === 'chunk',
  (event) => event.type === 'chunk' && event.chunksDone === event.chunksTotal,
];

/**
 * Kills the origin that works on a job with SIGKILL, at a random point of the job, twenty times. Another origin that waits
 * for work must finish each, and the edge must not show a context before it is whole.
 */
export async function runKills(random: () => number = Math.random): Promise<KillFigures> {
  const log = new OriginLog();
  const stack = await startStack({
    name: 'bench-kill',
    profiles: [],
    leaseSeconds: LEASE_SECONDS,
    onOriginLog: log.add,
  });
  const profiles = new Profiles(await loadBestCodec(), null);
  const bar = new cliProgress.SingleBar(
    { format: 'kills {bar} {value}/{total}, last at: {at}', stream: process.stderr, noTTYOutput: false },
    cliProgress.Presets.shades_classic,
  );
  const figures: KillFigures = { killPoints: 0, halfPublished: 0, lostJobs: 0, killedAt: {} };
  try {
    const origins = new Map(
      [stack.origin, await stack.addOrigin()].map((origin) => [origin.process.pid!, origin]),
    );
    const jobMs = await timeJob(stack, log);
    bar.start(KILL_POINTS, 0, { at: 'none' });
    for (let point = 0; point < KILL_POINTS; point++) {
      const text = shortText(FIRST_CHAPTER + 1 + point);
      const { id: job } = await submitContext(stack.access, { model: SMOLLM2.id, text });
      await log.holder(job);
      const after = AFTER[point % AFTER.length] ?? null;
      if (after !== null) await eventOf(stack, job, after);
      await delay(random() * (after === null ? jobMs : JITTER_MS));
      const holder = await log.holder(job); // a starved machine may have passed the job on meanwhile
      await kill(origins.get(holder)!);
      origins.delete(holder);
      figures.killPoints += 1;
      const at = await stageOf(stack, job);
      figures.killedAt[at] = (figures.killedAt[at] ?? 0) + 1;
      if (await isHalfPublished(stack, job, profiles)) figures.halfPublished += 1;
      const replacement = stack.addOrigin();
      if (!(await finishes(stack, job))) figures.lostJobs += 1;
      if (await isHalfPublished(stack, job, profiles)) figures.halfPublished += 1;
      const origin = await replacement;
      origins.set(origin.process.pid!, origin);
      bar.update(point + 1, { at });
    }
    return figures;
  } finally {
    bar.stop();
    profiles.close();
    await stack.close();
  }
}

/** How long an undisturbed job takes, from when an origin takes it. */
async function timeJob(stack: Stack, log: OriginLog): Promise<number> {
  const { id } = await submitContext(stack.access, { model: SMOLLM2.id, text: shortText(FIRST_CHAPTER) });
  await log.holder(id);
  const started = performance.now();
  await followContext(stack.access, id);
  return performance.now() - started;
}

/** Resolves with the first event that `wanted` accepts. */
async function eventOf(stack: Stack, job: string, wanted: (event: JobEvent) => boolean): Promise<void> {
  const seen = new AbortController();
  const following = followContext({ ...stack.access, signal: seen.signal }, job, (event) => {
    if (wanted(event)) seen.abort(new Error('seen'));
  });
  await following.catch((error) => {
    if (!seen.signal.aborted) throw error;
  });
}

async function kill(origin: Service): Promise<void> {
  const exited = once(origin.process, 'exit');
  origin.process.kill('SIGKILL');
  await exited;
}

/** Null for a job that has failed. */
async function statusOf(stack: Stack, job: string): Promise<JobStatus | 'published' | null> {
  const response = await fetch(`${stack.edge.url}/v1/contexts/${job}`, { redirect: 'manual' });
  if (response.status === 303) return 'published';
  return response.status === 202 ? JobStatus.parse(await response.json()) : null;
}

async function stageOf(stack: Stack, job: string): Promise<string> {
  const status = await statusOf(stack, job);
  if (status === 'published') return 'published';
  if (status === null) return 'failed';
  if (status.contextId === null) return 'taken';
  return status.chunksDone === 0 ? 'tokenized' : `chunk ${status.chunksDone} of ${status.chunksTotal}`;
}

/** True if the edge shows the job's context in part: its manifest without a payload, or tokens without a manifest. */
async function isHalfPublished(stack: Stack, job: string, profiles: Profiles): Promise<boolean> {
  const status = await statusOf(stack, job);
  if (status === null) return false;
  const id = status === 'published' ? await followContext(stack.access, job) : status.contextId;
  if (id === null) return false;
  const context = `${stack.edge.url}/v1/contexts/${id}`;
  const tokens = await fetch(`${context}/tokens`); // before the manifest: it may be published between the two
  const manifest = await fetch(context);
  if (manifest.status !== 200) return tokens.status === 200;
  try {
    const { tokenCount } = await fetchManifest(stack.access, id);
    let loaded = 0;
    for await (const chunk of contextChunks({ ...stack.access, id, profiles, level: 'near-lossless' })) {
      loaded += chunk.planes.tokenCount;
    }
    return loaded !== tokenCount;
  } catch {
    return true;
  }
}

async function finishes(stack: Stack, job: string): Promise<boolean> {
  try {
    await followContext({ ...stack.access, signal: AbortSignal.timeout(LOST_MS) }, job);
    return true;
  } catch {
    return false;
  }
}
