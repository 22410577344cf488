import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Scope } from '../protocol/token.ts';
import type { ContextJob } from './jobs/context-job.ts';
import type { Dispatcher } from './jobs/dispatcher.ts';
import type { JobKey } from './jobs/job-key.ts';
import type { MetricsHub } from './metrics/hub.ts';
import type { TierOutcome } from './tiers/outcome.ts';

/** Bindings of wrangler.toml and the secrets that go with them. */
export interface Env {
  /** Chunk objects, profiles, manifests and tokens; keys.ts says under which names. */
  BLOBS: R2Bucket;
  /** Who refers to what in `BLOBS`; registry/migrations/ has its tables. */
  REGISTRY: D1Database;
  /** Jobs by tenant and id, and contexts in the making by theirs. */
  JOBS: DurableObjectNamespace<ContextJob>;
  /** One object, see `dispatcherOf`. */
  DISPATCHER: DurableObjectNamespace<Dispatcher>;
  /** Carries the keys of jobs to the dispatcher. */
  JOB_QUEUE: Queue<JobKey>;
  /** How long an origin may be silent before another takes its job. */
  LEASE_SECONDS: string;
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
  /** Which requests get a line in the log: `all` (default), or `problems`, those answered with 4xx and 5xx. */
  LOG_REQUESTS?: string;
  /** Adds up the counters of all isolates; without it nothing is counted. */
  METRICS?: DurableObjectNamespace<MetricsHub>;
  /** Secret: bearer token that opens `/metrics` and nothing else. */
  METRICS_TOKEN?: string;
  /** Milliseconds between two flushes of an isolate's counters, default 5000. */
  METRICS_FLUSH_MS?: string;
}

/** Who sent a request: a tenant, and what its token or signed URL allows. */
export interface Principal {
  tenant: string;
  scopes: readonly Scope[];
}

/** Where contexts are kept: their bytes, and the registry of them. */
export type Stores = Pick<Env, 'BLOBS' | 'REGISTRY'>;

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
