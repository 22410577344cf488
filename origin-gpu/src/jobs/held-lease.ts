import type { JobEvent } from '../../../src/protocol/api.ts';
import type { Lease, LeaseTerms } from '../../../src/protocol/jobs.ts';
import type { EdgeClient } from '../edge-client.ts';

/** Reports per lease time: two may be lost before the lease ends. */
const REPORTS_PER_LEASE = 3;
const EVENTS_PER_REPORT = 256;

interface News {
  event: JobEvent;
  told: () => void;
}

/**
 * A job that this origin has been given. It tells the edge what happens, one report at a time with all that came up
 * meanwhile, and reports even without news, which keeps the lease.
 */
export class HeldLease {
  readonly job: Lease;
  readonly #edge: Pick<EdgeClient, 'report'>;
  readonly #news: News[] = [];
  readonly #over = new AbortController();
  #terms: LeaseTerms;
  #wake = () => {};

  constructor(job: Lease, edge: Pick<EdgeClient, 'report'>) {
    this.job = job;
    this.#edge = edge;
    this.#terms = job;
    this.#keep().catch((error) => this.#over.abort(error));
  }

  /** Aborted when the lease was lost, with the edge's refusal as its reason, or closed. */
  get signal(): AbortSignal {
    return this.#over.signal;
  }

  /** The expiry that the context shall have, as last heard. */
  get expiresAt(): string | null {
    return this.#terms.expiresAt;
  }

  /** Tells something when there is time for it. */
  report(event: JobEvent): void {
    this.tell(event).catch(() => {}); // who lost the lease is told by `signal`
  }

  /** Tells something and waits until the edge knows. Rejects when the lease is lost. */
  tell(event: JobEvent): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onOver = () => reject(this.signal.reason);
    if (this.signal.aborted) onOver();
    this.signal.addEventListener('abort', onOver, { once: true });
    this.#news.push({ event, told: resolve });
    this.#wake();
    return promise.finally(() => this.signal.removeEventListener('abort', onOver));
  }

  close(): void {
    this.#over.abort(new Error('the job is over'));
    this.#wake();
  }

  async #keep(): Promise<void> {
    while (!this.signal.aborted) {
      if (this.#news.length === 0) await this.#pause((1000 * this.#terms.leaseSeconds) / REPORTS_PER_LEASE);
      if (this.signal.aborted) return;
      const news = this.#news.splice(0, EVENTS_PER_REPORT);
      const { jobId, leaseId } = this.job;
      this.#terms = await this.#edge.report(
        jobId,
        leaseId,
        news.map(({ event }) => event),
      );
      for (const { told } of news) told();
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
