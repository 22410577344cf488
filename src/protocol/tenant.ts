import * as z from 'zod';

/**
 * Name of a tenant, as tokens carry it. Safe as it is in storage keys and URLs: no separator, and never `.` or `..`.
 */
export const Tenant = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'expected 1 to 64 of A-Z, a-z, 0-9, ".", "_" and "-"');

/** Stands for no tenant: what everybody may read. */
export const PUBLIC = '';

/**
 * Header between Worker and origin that says for whom they ask or publish; its absence means `PUBLIC`. At the edge it takes a token
 * with the scope `compute`.
 */
export const TENANT_HEADER = 'kvedge-tenant';
