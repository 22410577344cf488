import { z } from 'zod';
import type { Signer } from '../../src/protocol/signature.ts';

/** One model that an origin serves, by name. */
export interface ServedModelConfig {
  /** Name in `POST /v1/jobs`. */
  name: string;
  modelPath: string;
}

export interface OriginConfig {
  /** kvedge's folder; the origin keeps its state in `origin/` below it. */
  home: string;
  host: string;
  /** 0 takes any free port. */
  port: number;
  /** Bearer token that callers of `/v1/jobs` must send. */
  originToken: string;
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
export const OriginSecret = z.string().min(16, 'expected at least 16 characters');
export const EdgeUrl = z.url({ protocol: /^https?$/ });
