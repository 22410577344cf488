import { env as bindings } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import type { Env } from '../../src/edge/env.ts';
import { checkQuota, quotaOf } from '../../src/edge/quota.ts';
import { ProblemError } from '../../src/protocol/problems.ts';
import { edge, expectProblem, sendJson } from './support/edge.ts';
import { unusedId } from './support/objects.ts';
import { actingFor, publishPrivate } from './support/tenants.ts';

const { TENANT_PUBLISHES, TENANT_REQUESTS } = bindings as unknown as Required<Env>;
const body = { model: 'small', text: 'Call me Ishmael.' };

/** Uses up a limit of the runtime's own; resolves with how many requests it took. */
async function exhaust(limit: RateLimit, key: string): Promise<number> {
  for (let count = 0; ; count += 50) {
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => limit.limit({ key })));
    if (outcomes.some(({ success }) => !success)) return count;
  }
}

/** Windows begin with the minute: not shortly before one ends. */
async function earlyInTheMinute(): Promise<void> {
  const leftMs = 60_000 - (Date.now() % 60_000);
  if (leftMs < 15_000) await new Promise((resolve) => setTimeout(resolve, leftMs + 100));
}

describe('the rate limit', () => {
  it('of publishes stops one tenant with 429 and Retry-After, and no other', {
    timeout: 60_000,
  }, async () => {
    await earlyInTheMinute();
    const env = { TENANT_PUBLISHES };
    const busy = `busy-${unusedId().slice(0, 8)}`;
    expect(await exhaust(TENANT_PUBLISHES, busy)).toBeGreaterThan(500);
    const response = await sendJson('POST', '/v1/contexts', body, { tenant: busy, env });
    expect(response.headers.get('retry-after')).toBe('60');
    await expectProblem(response, 429, 'rate-limited');
    const other = await sendJson('POST', '/v1/contexts', body, { tenant: 'calm', env });
    expect(other.status).toBe(202);
    const reads = await edge(`/v1/chunks/${unusedId()}`, { scope: 'read', tenant: busy, env });
    expect(reads.status).toBe(404);
  });

  it('counts tokens and signed URLs of a tenant, but neither strangers nor origins', async () => {
    const keys: string[] = [];
    const limit = async ({ key }: { key: string }) => ({ success: keys.push(key) < 0 });
    const env = { TENANT_REQUESTS: { limit }, TENANT_PUBLISHES: { limit } };
    const path = `/v1/chunks/${unusedId()}`;
    await expectProblem(await edge(path, { scope: 'read', tenant: 'ann', env }), 429, 'rate-limited');
    await expectProblem(await edge(path, { env }), 404, 'chunk-not-found');
    const origins = [{}, { headers: actingFor('ann') }];
    for (const more of origins) {
      await expectProblem(await edge(path, { scope: 'compute', env, ...more }), 404, 'chunk-not-found');
    }
    expect(keys).toEqual(['ann']);
  });

  it('of requests is bound in wrangler.toml too', async () => {
    expect(await TENANT_REQUESTS.limit({ key: unusedId() })).toEqual({ success: true });
  });
});

describe('quotas', () => {
  const privately = { ...body, visibility: 'private' };
  const quotas = (quota: object) => ({ KVEDGE_QUOTAS: JSON.stringify(quota) });

  it('are checked before a private context is computed', async () => {
    const tenant = `q-${unusedId().slice(0, 8)}`;
    const publish = async (env: Partial<Env>) =>
      (await sendJson('POST', '/v1/contexts', privately, { tenant, env })).status;
    expect(await publish(quotas({ '*': { contexts: 1 } }))).toBe(202);
    await publishPrivate(tenant);
    expect(await publish(quotas({ '*': { contexts: 1 } }))).toBe(403);
    expect(await publish(quotas({ '*': { contexts: 2 } }))).toBe(202);
    expect(await publish(quotas({ '*': { bytes: 1000 } }))).toBe(403);
    expect(await publish(quotas({ '*': { contexts: 1 }, [tenant]: {} }))).toBe(202);
    const refused = await sendJson('POST', '/v1/contexts', privately, {
      tenant,
      env: quotas({ [tenant]: { contexts: 0 } }),
    });
    expect(await expectProblem(refused, 403, 'quota-exceeded')).toBe('1 contexts are stored, the quota is 0');
    const publicly = await sendJson('POST', '/v1/contexts', body, {
      tenant,
      env: quotas({ '*': { contexts: 0 } }),
    });
    expect(publicly.status).toBe(202);
  });

  it('let nobody publish privately when they cannot be read', async () => {
    for (const text of ['{', '{"*":{"context":1}}', '{"*":{"bytes":-1}}']) {
      const response = await sendJson('POST', '/v1/contexts', privately, { env: { KVEDGE_QUOTAS: text } });
      expect(await expectProblem(response, 500, 'internal')).toContain('KVEDGE_QUOTAS');
    }
  });

  it.each([
    [{}, { contexts: 1e9, bytes: 1e15 }, true],
    [{ contexts: 2 }, { contexts: 1, bytes: 1e15 }, true],
    [{ contexts: 2 }, { contexts: 2, bytes: 0 }, false],
    [{ bytes: 10 }, { contexts: 9, bytes: 9 }, true],
    [{ bytes: 10 }, { contexts: 0, bytes: 10 }, false],
    [{ contexts: 2, bytes: 10 }, { contexts: 1, bytes: 11 }, false],
  ])('%j with %j stored: %j', (quota, usage, fits) => {
    const check = () => checkQuota(quota, usage);
    if (fits) check();
    else expect(check).toThrow(ProblemError);
  });

  it('of a tenant that is named replace those of all', () => {
    const text = JSON.stringify({ '*': { contexts: 1 }, ann: { bytes: 5 } });
    expect(quotaOf(text, 'ann')).toEqual({ bytes: 5 });
    expect(quotaOf(text, 'bob')).toEqual({ contexts: 1 });
    expect(quotaOf('', 'bob')).toEqual({});
    expect(quotaOf(text, 'constructor')).toEqual({ contexts: 1 });
  });
});
