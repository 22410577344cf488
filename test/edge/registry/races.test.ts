import { describe, expect, it } from 'vitest';
import { HOLD_MS } from '../../../src/edge/registry/leases.ts';
import { sweep } from '../../../src/edge/sweep/index.ts';
import { expectNothingHalfPublished } from '../support/audit.ts';
import { edge, putManifest } from '../support/edge.ts';
import { interrupting, observed } from '../support/observed.ts';
import {
  CASES,
  ENOUGH_MS,
  later,
  type Pair,
  PUBLISH,
  pair,
  publishWhole,
  remove,
  settle,
  stepsOf,
  stores,
  useRegistry,
} from '../support/registry-cases.ts';

useRegistry();

const isToldThatItLostItsHold = (error: unknown) => expect(error).toMatchObject({ code: 'registry-busy' });

describe.each(CASES)('$name that is interrupted', (one) => {
  const others: [string, (contexts: Pair) => Promise<unknown>][] = [
    ['a publish of the other context', ({ other }) => publishWhole(other)],
    ['a publish of the context', ({ shown }) => publishWhole(shown)],
    ['a deletion of the context', ({ shown }) => remove(shown)],
    ['a deletion of the other context', ({ other }) => remove(other)],
    ['a sweep', () => sweep(stores)],
  ];
  it.each(others)(
    'by %s keeps every manifest whole',
    async (_name, act) => {
      const steps = await stepsOf(one);
      for (const at of steps.keys()) {
        const contexts = await one.prepare();
        const watch = interrupting(at, 'before', async () => {
          await act(contexts);
          await expectNothingHalfPublished();
        });
        await one.act(contexts, observed(stores, watch));
        await expectNothingHalfPublished();
        await settle();
      }
    },
    120_000,
  );

  it('for so long that the sweep takes over keeps every manifest whole', async () => {
    const steps = await stepsOf(one);
    for (const at of steps.keys()) {
      const contexts = await one.prepare();
      const watch = interrupting(at, 'after', async () => {
        later(ENOUGH_MS);
        await sweep(stores);
        await publishWhole(contexts.other);
        await expectNothingHalfPublished();
      });
      await one.act(contexts, observed(stores, watch)).catch(isToldThatItLostItsHold);
      await expectNothingHalfPublished();
      await settle();
    }
  }, 120_000);
});

describe('a publish', () => {
  it('succeeds whenever its chunks were stored within the hold, whatever is removed meanwhile', async () => {
    const steps = await stepsOf(PUBLISH);
    for (const at of steps.keys()) {
      const { shown, other } = await pair('stored');
      const watch = interrupting(at, 'before', async () => {
        await remove(shown);
        await sweep(stores);
      });
      expect((await publishWhole(other, observed(stores, watch))).status).toBe(201);
      expect((await edge(`/v1/contexts/${other.id}`)).status).toBe(200);
      await settle();
    }
  }, 120_000);

  it('is told to try again while one of its chunks is being removed', async () => {
    const { shown, other } = await pair('stored');
    later(HOLD_MS + 1);
    const answers: number[] = [];
    const watch = async (step: string, phase: string) => {
      if (step !== 'bucket.delete' || phase !== 'before') return;
      answers.push((await putManifest(other)).status, (await publishWhole(other)).status);
    };
    await sweep(observed(stores, watch));
    expect(answers).toEqual([503, 503]);
    expect((await putManifest(other)).status).toBe(409);
    expect((await publishWhole(other)).status).toBe(201);
    expect((await edge(`/v1/contexts/${shown.id}`)).status).toBe(200);
    await settle();
  });
});
