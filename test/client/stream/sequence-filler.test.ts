import { expect, test } from 'vitest';
import { Meter } from '../../../src/client/report.ts';
import { SequenceFiller } from '../../../src/client/stream/sequence-filler.ts';
import { Speeds } from '../../../src/client/stream/speeds.ts';
import { fakeEngine } from '../../origin/support/fake-engine.ts';

const TOKENS = Uint32Array.from({ length: 600 }, (_, i) => 1 + (i % 50));

const filler = () =>
  new SequenceFiller({
    engine: fakeEngine(),
    capacityTokens: 4 * TOKENS.length,
    speeds: new Speeds(),
    meter: new Meter(),
    isQuiet: () => true,
    signal: new AbortController().signal,
  });

test('a filling that begins while another runs waits for it to end: the sequence holds the context once', async () => {
  const sequence = filler();
  const [first, second] = await Promise.all([sequence.fill(TOKENS, []), sequence.fill(TOKENS, [])]);
  expect([first, second]).toEqual([false, true]);
  expect([...(await sequence.take()).tokens]).toEqual([...TOKENS]);
  await sequence.close();
});

test('stopped before it began, it never begins', async () => {
  const sequence = filler();
  const filling = sequence.fill(TOKENS, []);
  await sequence.stop();
  expect(await filling).toBe(false);
  expect((await sequence.take()).tokens.length).toBeLessThan(TOKENS.length);
  await sequence.close();
});
