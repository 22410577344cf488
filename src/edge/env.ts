import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Scope } from '../protocol/token.ts';
import type { TierOutcome } from './tiers/outcome.ts';

/** Bindings of wrangler.toml and the secrets that go with them. */
export interface Env {
  /** Chunk objects, profiles, manifests and tokens; keys.ts says under which names. */
  BLOBS: R2Bucket;
  /** Base URL of the origin, without a slash at its end. */
  ORIGIN_URL: string;
  /** Secret: bearer token that the origin accepts. */
  ORIGIN_TOKEN?: string;
  /** Secret: JSON `{"<kid>": "<key, base64url>"}`, the keys that bearer tokens and URLs are signed with. */
  KVEDGE_TOKEN_KEYS?: string;
  /** Secret: 32 bytes or more in base64url, from which the salts of private ids are made. Private contexts need it. */
  KVEDGE_TENANT_SECRET?: string;
  /** Quotas by tenant, JSON; see `quotaOf`. */
  KVEDGE_QUOTAS?: string;
  /** Requests of a tenant in a minute; unlimited without. */
  TENANT_REQUESTS?: RateLimit;
  /** Contexts that a tenant asks for in a minute; unlimited without. */
  TENANT_PUBLISHES?: RateLimit;
}

/** Who sent a request: a tenant, and what its token or signed URL allows. */
export interface Principal {
  tenant: string;
  scopes: readonly Scope[];
}

export interface AppEnv {
  Bindings: Env;
  Variables: {
    requestId: string;
    /** How the answer's object was read, once it was; absent for routes that read none. */
    tierOutcome?: TierOutcome;
    /** Null for who showed no credential. */
    principal: Principal | null;
  };
}

export type App = OpenAPIHono<AppEnv>;
