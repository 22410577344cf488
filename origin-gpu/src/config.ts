import { z } from 'zod';
import type { Signer } from '../../src/protocol/signature.ts';

/** One model that an origin serves, by name. */
export interface ServedModelConfig {
  /** Name in publish requests. */
  name: string;
  modelPath: string;
}

export interface OriginConfig {
  /** Where `/healthz` listens. */
  host: string;
  /** 0 takes any free port. */
  port: number;
  edgeUrl: string;
  /** Gives a bearer token with the scope `compute` for the edge; called anew for every request. */
  edgeToken: () => Promise<string> | string;
  /** Signs manifests. */
  signer: Signer;
  models: ServedModelConfig[];
  /** Profile files or folders of them; the one made for a model is chosen by fingerprint, earlier entries first. */
  profilePaths: string[];
  /** Threads for evaluation; default all that the process may use. */
  threads?: number;
}

/** Limits on what an origin is told by its operator. */
export const OriginPort = z.coerce.number().int().min(0).max(65_535);
export const EdgeUrl = z.url({ protocol: /^https?$/ });
