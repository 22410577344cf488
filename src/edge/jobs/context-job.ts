import { DurableObject } from 'cloudflare:workers';
import type { JobEvent, JobStatus } from '../../protocol/api.ts';
import type { Lease, LeaseTerms } from '../../protocol/jobs.ts';
import type { Env } from '../env.ts';
import { writeLog } from '../log.ts';
import { record } from '../metrics/recorder.ts';
import { noteRequest } from '../registry/publication.ts';
import { Changes } from './changes.ts';
import { eventStream } from './event-stream.ts';
import { jobOf } from './job-of.ts';
import {
  alarmAtMs,
  backoffSeconds,
  isRetried,
  KEEP_SETTLED_MS,
  MAX_ATTEMPTS,
  MAX_QUEUED_MS,
} from './job-policy.ts';
import {
  afterEvent,
  isPending,
  type JobRecord,
  type JobSubmission,
  laterExpiry,
  newJob,
  statusOf,
} from './job-record.ts';
import { JobStorage } from './job-storage.ts';

/** What the dispatcher hands to an origin; the request follows from the job itself. */
export type LeaseGrant = Omit<Lease, 'request'> & { tenant: string };

/**
 * The one place that knows a job: its request, its state, who works on it, and what was told of it. Named by the job's id.
 * The object named by a context's id only knows which job makes that context.
 *
 *     queued --lease--> running --report--> published | failed
 *       ^                  |
 *       '-- lease ended ---'        after MAX_ATTEMPTS: failed
 *
 * Queue and dispatcher only carry hints that there is work: a hint that is lost is sent again by the alarm, and one too many
 * finds the job leased or done. So no step between them need be atomic.
 */
export class ContextJob extends DurableObject<Env> {
  readonly #stored = new JobStorage(this.ctx.storage);
  readonly #changes = new Changes();
  /** Requests are taken one after the other: all but the first need not send what they ask for. */
  #taking: Promise<unknown> = Promise.resolve();

  /** Waits up to `waitMs` for the job to be published or to fail. Null for an id that stands for nothing. */
  async status(waitMs = 0): Promise<JobStatus | null> {
    const untilMs = Date.now() + waitMs;
    for (;;) {
      const leftMs = Math.max(0, untilMs - Date.now());
      const { leader, job } = this.#stored;
      if (leader !== undefined) return this.#jobOf(leader).status(leftMs);
      if (job === undefined) return null;
      if (!isPending(job) || leftMs === 0) return statusOf(job);
      await this.#changes.next(leftMs);
    }
  }

  /**
   * Starts the job unless it is under way or published already. `payload`, the request's JSON, is read only if it is needed.
   *
   * @param publishedIsGone the caller found that the context is no longer stored
   */
  submit(request: JobSubmission, payload: ReadableStream, publishedIsGone: boolean): Promise<JobStatus> {
    const taken = this.#taking.then(() => this.#take(request, payload, publishedIsGone));
    this.#taking = taken.catch(() => {});
    return taken;
  }

  async #take(request: JobSubmission, payload: ReadableStream, publishedIsGone: boolean): Promise<JobStatus> {
    const underWay = await this.join(request.expiresAtMs);
    if (underWay !== null && !(underWay.state === 'published' && publishedIsGone)) {
      await payload.cancel();
      await this.addRequester(request.requester);
      return underWay;
    }
    const bytes = new Uint8Array(await new Response(payload).arrayBuffer());
    const job = newJob(request, Date.now());
    this.#stored.tenant = request.tenant;
    this.#stored.leader = undefined;
    this.#stored.deleteEvents();
    this.#stored.payload = bytes;
    this.#stored.requesters = [request.requester];
    this.#save(job);
    await this.#send(job);
    return statusOf(job);
  }

  /** The state of a job that already does what is asked for, with at least that expiry; null if there is none. */
  async join(expiresAtMs: number | null): Promise<JobStatus | null> {
    const { leader, job } = this.#stored;
    if (leader !== undefined) return this.#jobOf(leader).join(expiresAtMs);
    if (job === undefined || job.state === 'failed') return null;
    const later = laterExpiry(job.expiresAtMs, expiresAtMs);
    if (later === job.expiresAtMs) return statusOf(job);
    if (job.state === 'published') return null;
    this.#stored.job = { ...job, expiresAtMs: later };
    return statusOf(job);
  }

  /** Keeps who asked for the job's context, in the registry as soon as its id is known. */
  async addRequester(tenant: string): Promise<void> {
    const { leader, job, requesters } = this.#stored;
    if (leader !== undefined) return this.#jobOf(leader).addRequester(tenant);
    if (job?.contextId != null) return noteRequest(this.env.REGISTRY, job.contextId, tenant);
    if (!requesters.includes(tenant)) this.#stored.requesters = [...requesters, tenant];
  }

  /** Makes the job the caller's for a while. Null if there is nothing to do: it is leased, done or gone. */
  async lease(): Promise<LeaseGrant | null> {
    const { job, leader } = this.#stored;
    if (job === undefined || leader !== undefined || job.state !== 'queued') return null;
    const lease = { id: crypto.randomUUID(), untilMs: Date.now() + this.#leaseMs };
    const running: JobRecord = { ...job, state: 'running', sinceMs: Date.now(), lease };
    this.#save(running);
    const createdAt = new Date(job.createdAtMs).toISOString();
    return { ...this.#terms(running), tenant: job.tenant, jobId: job.id, leaseId: lease.id, createdAt };
  }

  /** The request's JSON, for the holder of the lease. */
  async payload(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#stored.payload;
  }

  /** Takes an origin's news and keeps its lease. Null if the lease is no longer its own. */
  async report(leaseId: string, events: readonly JobEvent[]): Promise<LeaseTerms | null> {
    for (const event of events) {
      if (event.type !== 'tokenized' || this.#held(leaseId) === null) continue;
      await this.#noteAll(event.id);
      const leader = await this.#jobOf(event.id).claim(this.#stored.job!.id, this.#stored.tenant);
      if (this.#held(leaseId) === null || leader === this.#stored.job!.id) continue;
      await this.#noteAll(event.id);
      this.#follow(leader);
    }
    const held = this.#held(leaseId);
    if (held === null) return null;
    if (!isPending(held)) return this.#terms(held); // the answer to an earlier report was lost
    const nowMs = Date.now();
    let job: JobRecord = {
      ...held,
      state: 'running',
      lease: { id: leaseId, untilMs: nowMs + this.#leaseMs },
    };
    for (const event of events) {
      if (event.type === 'failed' && isRetried(event.code, job.attempts)) {
        await this.#queueAgain({ ...job, attempts: job.attempts + 1, lease: null });
        return this.#terms(job);
      }
      // Some may have asked while the id was learnt.
      if (event.type === 'published') await this.#noteAll(event.id);
      this.#stored.addEvent(event);
      job = afterEvent(job, event, nowMs);
      if (!isPending(job)) break;
    }
    if (!isPending(job)) this.#settle(job);
    else if (held.state === 'running')
      this.#stored.job = job; // the alarm looks at the lease when it rings
    else this.#save(job);
    this.#changes.announce();
    return this.#terms(job);
  }

  /** Gives an unfinished job back; it is no attempt. */
  async release(leaseId: string): Promise<void> {
    const job = this.#held(leaseId);
    if (job?.state !== 'running') return;
    await this.#queueAgain({ ...job, lease: null });
  }

  /** Gives a job up that no origin works on. */
  async giveUp(code: string, detail: string): Promise<void> {
    const { job } = this.#stored;
    if (job?.state === 'queued') this.#fail(job, code, detail);
  }

  /** The job's Server-Sent Events after `afterSeq`, until it is published or failed. Null for an id that stands for nothing. */
  async events(afterSeq: number): Promise<ReadableStream | null> {
    if (this.#stored.job === undefined && this.#stored.leader === undefined) return null;
    return eventStream(afterSeq, {
      stored: this.#stored,
      changes: this.#changes,
      eventsOf: (leader, seq) => this.#jobOf(leader).events(seq),
    });
  }

  /**
   * Called on the object of a context: which job makes it. The first that asks does; the next does when that one is done or
   * gone, and finds in the store what was made.
   */
  async claim(jobId: string, tenant: string): Promise<string> {
    if (this.#stored.job !== undefined) throw new Error('the id of a context is that of a job');
    const { leader } = this.#stored;
    if (leader !== undefined && leader !== jobId) {
      const other = await this.#jobOf(leader).ownState();
      if (other === 'queued' || other === 'running') return leader;
      if (this.#stored.leader !== leader) return this.claim(jobId, tenant);
    }
    this.#stored.tenant = tenant;
    this.#stored.leader = jobId;
    await this.ctx.storage.setAlarm(Date.now() + KEEP_SETTLED_MS);
    return jobId;
  }

  /** The state of this very job; null if another stands for it. */
  async ownState(): Promise<JobStatus['state'] | null> {
    return this.#stored.leader === undefined ? (this.#stored.job?.state ?? null) : null;
  }

  override async alarm(): Promise<void> {
    const { job, leader } = this.#stored;
    const nowMs = Date.now();
    if (job === undefined || leader !== undefined || !isPending(job)) {
      // A context whose job is still under way keeps its pointer.
      const state = job === undefined && leader !== undefined ? await this.#jobOf(leader).ownState() : null;
      if (state !== 'queued' && state !== 'running') return this.ctx.storage.deleteAll();
      return this.ctx.storage.setAlarm(nowMs + KEEP_SETTLED_MS);
    }
    if (job.state === 'running') {
      if ((job.lease?.untilMs ?? 0) > nowMs) return this.#setAlarm(job);
      if (job.attempts + 1 < MAX_ATTEMPTS) return this.#queueAgain({ ...job, attempts: job.attempts + 1 });
      const detail = `${MAX_ATTEMPTS} origins took the job, and each fell silent or failed`;
      return this.#fail(job, 'origin-lost', detail);
    }
    if (nowMs - job.sinceMs < MAX_QUEUED_MS) {
      // No origin had time, or the key was lost.
      const queuedMs = nowMs - job.sinceMs;
      writeLog('warn', 'job key sent again', { jobId: job.id, sends: job.sends, queuedMs });
      return this.#send(job);
    }
    const hours = MAX_QUEUED_MS / 3_600_000;
    this.#fail(job, 'origin-unreachable', `no origin took the job within ${hours} hours`);
  }

  /** Tells the registry who asked for the context: they may delete it, if nobody else did, and it is no longer gone. */
  async #noteAll(contextId: string): Promise<void> {
    const noted = new Set<string>();
    for (;;) {
      // Looked at anew each time: some may ask meanwhile.
      const tenant = this.#stored.requesters.find((one) => !noted.has(one));
      if (tenant === undefined) return;
      await noteRequest(this.env.REGISTRY, contextId, tenant);
      noted.add(tenant);
    }
  }

  /** Another object of the same tenant. */
  #jobOf(id: string) {
    return jobOf(this.env, { tenant: this.#stored.tenant, job: id });
  }

  get #leaseMs(): number {
    return 1000 * Number(this.env.LEASE_SECONDS);
  }

  #terms(job: JobRecord): LeaseTerms {
    const { expiresAtMs } = job;
    return {
      leaseSeconds: this.#leaseMs / 1000,
      expiresAt: expiresAtMs === null ? null : new Date(expiresAtMs).toISOString(),
    };
  }

  /** The job if `leaseId` names its last lease, even one that ended: nobody has taken the job since. */
  #held(leaseId: string): JobRecord | null {
    const { job, leader } = this.#stored;
    return job !== undefined && leader === undefined && job.lease?.id === leaseId ? job : null;
  }

  #follow(leader: string): void {
    this.#stored.leader = leader;
    this.#stored.deletePayload();
    void this.ctx.storage.setAlarm(Date.now() + KEEP_SETTLED_MS);
    this.#changes.announce();
  }

  #fail(job: JobRecord, code: string, detail: string): void {
    const event: JobEvent = { type: 'failed', code, detail };
    this.#stored.addEvent(event);
    this.#settle({ ...afterEvent(job, event, Date.now()), lease: null });
    this.#changes.announce();
  }

  /** A job comes here once a run: published or failed. */
  #settle(job: JobRecord): void {
    this.#stored.deletePayload();
    this.#save(job);
    if (job.state !== 'failed') return;
    record(
      this.env,
      (work) => this.ctx.waitUntil(work),
      (tally) => tally.add('kvedge_jobs_total', { event: 'failed' }),
    );
  }

  async #queueAgain(job: JobRecord): Promise<void> {
    const queued: JobRecord = { ...job, state: 'queued', sinceMs: Date.now(), sends: 0 };
    this.#save(queued);
    this.#changes.announce();
    await this.#send(queued);
  }

  /** Sends the key to the queue. If that fails the alarm does it again soon, else after a while in case the key is lost. */
  async #send(job: JobRecord): Promise<void> {
    try {
      const delaySeconds = job.sends === 0 ? backoffSeconds(job.attempts) : 0;
      await this.env.JOB_QUEUE.send({ tenant: job.tenant, job: job.id, model: job.model }, { delaySeconds });
    } catch (error) {
      console.error('the queue took no key', job.id, String(error));
      return this.#setAlarm(job);
    }
    const now = this.#stored.job;
    if (now?.state !== 'queued') return; // an origin was faster
    this.#save({ ...now, sends: now.sends + 1 });
  }

  #save(job: JobRecord): void {
    this.#stored.job = job;
    void this.#setAlarm(job);
  }

  #setAlarm(job: JobRecord): Promise<void> {
    return this.ctx.storage.setAlarm(alarmAtMs(job, Date.now()));
  }
}
