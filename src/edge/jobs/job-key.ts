import { z } from 'zod';
import { sha256Hex } from '../../protocol/ids.ts';
import { Id } from '../../protocol/manifest.ts';
import { PUBLIC, Tenant } from '../../protocol/tenant.ts';

/** What travels through the queue: where the job is, and which origins can do it. Never what it is about. */
export const JobKey = z.strictObject({
  tenant: z.union([z.literal(PUBLIC), Tenant]),
  job: Id,
  model: z.string(),
});
export type JobKey = z.infer<typeof JobKey>;

/**
 * The name of a job's object, or of a context's in the making. A tenant's are apart from everybody's, so who may not ask for
 * a tenant's jobs cannot find out whether there are any.
 */
export function jobName({ tenant, job }: Pick<JobKey, 'tenant' | 'job'>): string {
  return tenant === PUBLIC ? job : `${tenant}/${job}`;
}

export interface JobContent {
  model: string;
  text?: string | undefined;
  tokens?: readonly number[] | undefined;
  visibility: string;
}

/**
 * The id of the job that a publish request starts or joins: a digest of what is asked for, because the context's own id is
 * made from tokens, which only an origin can make from text. Two requests that differ only in their expiry are one job.
 *
 * @param tenant `PUBLIC` for public contexts, which all tenants share
 */
export function jobId(content: JobContent, tenant: string): Promise<string> {
  const { model, visibility, text = null, tokens = null } = content;
  const canonical = JSON.stringify(['kvedge/job/v1', tenant, model, visibility, text, tokens]);
  return sha256Hex(new TextEncoder().encode(canonical) as Uint8Array<ArrayBuffer>);
}
