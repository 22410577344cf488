import type { Stores } from '../env.ts';
import { condemnOrphans, retakeCondemned, unsettled } from '../registry/removal.ts';
import { forgetOld } from '../registry/retention.ts';
import { dropChunks, settleContext } from '../removal.ts';
import { reconcile } from './reconcile.ts';

/** What one run may do of each kind; the next run goes on. */
const MAX_CONTEXTS = 10;
const MAX_CHUNKS = 250;

export interface SweepReport {
  /** Contexts settled: removed, or kept because the bucket says so. */
  contexts: number;
  chunks: number;
  /** Objects that the registry did not know. */
  adopted: number;
  /** Steps that failed; each is tried again by the next run. */
  failed: number;
}

/**
 * Brings registry and bucket together: ends what a crash left half done, removes what has expired, and what nothing refers to.
 * Every step is a short piece of work of its own that holds what it works on (registry/leases.ts), so that runs may overlap
 * each other and any request, and may end anywhere.
 *
 * A run knows no host name, and caches are kept by host and location: what it removes stays in caches for as long as their
 * copy lasts.
 */
export async function sweep(stores: Stores): Promise<SweepReport> {
  const { REGISTRY } = stores;
  const report: SweepReport = { contexts: 0, chunks: 0, adopted: 0, failed: 0 };
  const step = async (what: string, work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      report.failed += 1;
      console.warn('sweep', what, error instanceof Error ? error.name : typeof error);
    }
  };
  const uncached = async () => {};

  const { removals, publishes, expired } = await unsettled(REGISTRY, MAX_CONTEXTS);
  for (const [ids, reason] of [
    [removals, 'abandoned'],
    [publishes, 'abandoned'],
    [expired, 'expired'],
  ] as const) {
    for (const id of ids) {
      await step(`context ${id}`, async () => {
        await settleContext(stores, id, reason, uncached);
        report.contexts += 1;
      });
    }
  }
  for (const condemn of [retakeCondemned, condemnOrphans]) {
    await step('chunks', async () => {
      const condemned = await condemn(REGISTRY, MAX_CHUNKS);
      await dropChunks(stores, condemned, uncached);
      report.chunks += condemned.chunks.length;
    });
  }
  await step('bucket', async () => {
    report.adopted += await reconcile(stores);
  });
  await step('old entries', () => forgetOld(REGISTRY));
  return report;
}
