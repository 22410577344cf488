import { PUBLIC } from '../protocol/tenant.ts';

/** Below them, in the public part of the bucket, lie chunks and contexts. */
export const CHUNK_PREFIX = 'chunks/';
export const CONTEXT_PREFIX = 'contexts/';

/** Below the id of a context: the object that makes it one. */
export const MANIFEST_NAME = '/manifest';

/** What belongs to a tenant lies below its name, where no id that another tenant sends can lead. Nothing for `PUBLIC`. */
export const tenantPrefix = (tenant: string) => (tenant === PUBLIC ? '' : `tenants/${tenant}/`);

/**
 * Names of the objects in the bucket, and of their entries in the cache. Nothing else in the Worker writes such a name. `tenant` is
 * whose they are; `PUBLIC` for everybody's. Profiles are public: they say nothing of any context.
 */
export const blobKey = {
  chunk: (id: string, tenant: string) => `${tenantPrefix(tenant)}${CHUNK_PREFIX}${id}`,
  profile: (id: string) => `profiles/${id}`,
  manifest: (id: string, tenant: string) => `${tenantPrefix(tenant)}${CONTEXT_PREFIX}${id}${MANIFEST_NAME}`,
  tokens: (id: string, tenant: string) => `${tenantPrefix(tenant)}${CONTEXT_PREFIX}${id}/tokens`,
};
