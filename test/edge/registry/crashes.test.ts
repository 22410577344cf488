import { describe, expect, it } from 'vitest';
import { sweep } from '../../../src/edge/sweep/index.ts';
import { expectNothingHalfPublished } from '../support/audit.ts';
import { BUCKET, edge } from '../support/edge.ts';
import { dying, observed } from '../support/observed.ts';
import {
  CASES,
  DELETION,
  ENOUGH_MS,
  later,
  PHASES,
  PUBLISH,
  pair,
  publishAt,
  publishWhole,
  remove,
  settle,
  stepsOf,
  stores,
  useRegistry,
} from '../support/registry-cases.ts';

useRegistry();

describe.each(CASES)('$name that dies', (one) => {
  it.each(PHASES)(
    '%s any of its steps leaves nothing half-published, and the sweep cleans up',
    async (phase) => {
      const steps = await stepsOf(one);
      expect(steps.length).toBeGreaterThan(2);
      for (const at of steps.keys()) {
        const contexts = await one.prepare();
        const outcome = one.act(contexts, observed(stores, dying(at, phase)));
        await outcome.catch(() => {});
        await expectNothingHalfPublished();
        await settle();
      }
    },
    120_000,
  );
});

describe('a publish that died', () => {
  it.each(PHASES)(
    '%s any of its steps is completed by the next one, at once',
    async (phase) => {
      const steps = await stepsOf(PUBLISH);
      for (const at of steps.keys()) {
        const { other } = await pair('stored');
        const died = await publishWhole(other, observed(stores, dying(at, phase)));
        expect(died.status).toBe(500);
        expect([200, 201]).toContain((await publishAt(other)).status);
        expect(await (await edge(`/v1/contexts/${other.id}`)).json()).toEqual(other.manifest);
        later(20 * ENOUGH_MS);
        await sweep(stores);
        expect((await edge(`/v1/contexts/${other.id}`)).status).toBe(200);
        await settle();
      }
    },
    120_000,
  );
});

describe('a deletion that died', () => {
  it.each(PHASES)(
    '%s any of its steps is completed by the next one, once its hold has run out',
    async (phase) => {
      const steps = await stepsOf(DELETION);
      for (const at of steps.keys()) {
        const { shown, other } = await pair('published');
        await remove(shown, observed(stores, dying(at, phase)));
        later(ENOUGH_MS);
        expect((await remove(shown)).status).toBe(204);
        expect((await edge(`/v1/contexts/${shown.id}`)).status).toBe(410);
        expect((await edge(`/v1/contexts/${other.id}`)).status).toBe(200);
        later(ENOUGH_MS);
        await sweep(stores);
        expect(await BUCKET.head(`chunks/${shown.ids[2]}`)).toBeNull();
        expect(await BUCKET.head(`chunks/${shown.ids[0]}`)).not.toBeNull();
        await settle();
      }
    },
    120_000,
  );
});
