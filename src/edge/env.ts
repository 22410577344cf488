import type { OpenAPIHono } from '@hono/zod-openapi';
import type { TierOutcome } from './tiers/outcome.ts';

/** Bindings of wrangler.toml and the secrets that go with them. */
export interface Env {
  /** Chunk objects, profiles, manifests and tokens; keys.ts says under which names. */
  BLOBS: R2Bucket;
  /** Base URL of the origin, without a slash at its end. */
  ORIGIN_URL: string;
  /** Secret: bearer token that the origin accepts. */
  ORIGIN_TOKEN?: string;
  /** Secret: JSON `{"<kid>": "<key, base64url>"}`, the keys that bearer tokens are signed with. */
  KVEDGE_TOKEN_KEYS?: string;
}

export interface AppEnv {
  Bindings: Env;
  Variables: {
    requestId: string;
    /** How the answer's object was read, once it was; absent for routes that read none. */
    tierOutcome?: TierOutcome;
  };
}

export type App = OpenAPIHono<AppEnv>;
