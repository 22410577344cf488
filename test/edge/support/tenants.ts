import { expect } from 'vitest';
import type { Env } from '../../../src/edge/env.ts';
import { tenantSalt } from '../../../src/edge/tenant-salt.ts';
import { putManifest, putPayloads, TENANT_SECRET } from './edge.ts';
import { type ContextSpec, makeContext } from './objects.ts';

export const saltOf = (tenant: string) => tenantSalt({ KVEDGE_TENANT_SECRET: TENANT_SECRET } as Env, tenant);

export const actingFor = (tenant: string) => ({ 'kvedge-tenant': tenant });

/** A private context of a tenant, not stored yet. */
export async function makePrivate(tenant: string, spec: ContextSpec = {}) {
  return makeContext({ ...spec, tenantSalt: await saltOf(tenant) });
}

/** A private context, published as an origin does it. */
export async function publishPrivate(tenant: string, spec: ContextSpec = {}) {
  const context = await makePrivate(tenant, spec);
  await putPayloads(context, actingFor(tenant));
  expect((await putManifest(context, context.manifest, actingFor(tenant))).status).toBe(201);
  return context;
}
