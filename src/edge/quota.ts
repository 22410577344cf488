import { z } from 'zod';
import { ProblemError } from '../protocol/problems.ts';
import { Tenant } from '../protocol/tenant.ts';

/** What a tenant may store of private contexts. Absent: no limit. */
const Quota = z.strictObject({ contexts: z.int().min(0).optional(), bytes: z.int().min(0).optional() });
export type Quota = z.infer<typeof Quota>;

/** By tenant; `*` stands for every tenant that is not named. */
const Quotas = z.record(z.union([z.literal('*'), Tenant]), Quota);

/** What a tenant stores of private contexts: published ones, and the bytes of everything that is theirs. */
export interface Usage {
  contexts: number;
  bytes: number;
}

let parsed: { text: string; quotas: ReadonlyMap<string, Quota> } | undefined;

/** A tenant's quota by `KVEDGE_QUOTAS`: `{"*": {"contexts": 100, "bytes": 1e10}, "<tenant>": {…}}`. Throws `internal`. */
export function quotaOf(text: string | undefined, tenant: string): Quota {
  if (text === undefined || text === '') return {};
  if (parsed?.text !== text) {
    let quotas: Map<string, Quota>;
    try {
      quotas = new Map(Object.entries(Quotas.parse(JSON.parse(text))));
    } catch {
      throw new ProblemError('internal', 'KVEDGE_QUOTAS: expected JSON {"<tenant or *>": {contexts, bytes}}');
    }
    parsed = { text, quotas };
  }
  return parsed.quotas.get(tenant) ?? parsed.quotas.get('*') ?? {};
}

/** Throws `quota-exceeded` if no further context fits: all are taken, or all bytes are. */
export function checkQuota(quota: Quota, usage: Usage): void {
  for (const of of ['contexts', 'bytes'] as const) {
    const most = quota[of];
    if (most !== undefined && usage[of] >= most) {
      throw new ProblemError('quota-exceeded', `${usage[of]} ${of} are stored, the quota is ${most}`);
    }
  }
}
