import type { RouteConfig, RouteHandler } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { PROBLEMS, Problem, type ProblemCode } from '../../protocol/problems.ts';
import type { App, AppEnv } from '../env.ts';
import { newReading, type Reading } from '../reading.ts';
import type { BlobTiers } from '../tiers/blobs.ts';

type RouteContext<R extends RouteConfig> = Parameters<RouteHandler<R, AppEnv>>[0];

/** Registers a route whose handler answers with a plain `Response`: most bodies here are streams of stored bytes. */
export function addRoute<const R extends RouteConfig>(
  app: App,
  config: R,
  handler: (c: RouteContext<R>) => Response | Promise<Response>,
): void {
  app.openapi(config, handler as never);
}

/** OpenAPI entries of the problems that a route can answer with, one per status. */
export function problemResponses(...codes: ProblemCode[]) {
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of codes) {
    const status = PROBLEMS[code][0];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, names]) => [
      status,
      {
        description: names.map((name) => `\`${name}\`: ${PROBLEMS[name][1]}`).join('; '),
        content: { 'application/problem+json': { schema: Problem } },
      },
    ]),
  );
}

/** The request of a route, for handlers that need no more of it. */
export function readingOf(c: Context<AppEnv>): Reading {
  const { executionCtx } = c;
  return newReading(
    c.req.raw,
    c.env,
    c.get('principal') ?? null,
    (work) => executionCtx.waitUntil(work),
    (outcome) => c.set('tierOutcome', outcome),
  );
}

/** The read path for one request. */
export function tiersOf(c: Context<AppEnv>): BlobTiers {
  return readingOf(c).tiers;
}

/** OpenAPI entry of routes that need a token. */
export const BEARER = [{ bearer: [] as string[] }];
/** OpenAPI entry of routes that show more to who has a token or a signed URL. */
export const READER = [{}, ...BEARER, { signedUrl: [] as string[] }];
