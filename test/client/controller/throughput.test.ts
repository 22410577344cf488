import { describe, expect, test } from 'vitest';
import { Throughput } from '../../../src/client/controller/index.ts';

const feed = (throughput: Throughput, bytesPerMs: number, ms: number) => {
  for (let at = 0; at < ms; at += 10) throughput.observe(bytesPerMs * 10, 10);
};

describe('the throughput estimate', () => {
  test('is cautious, and says so, before anything was measured', () => {
    const { low, middle, known } = new Throughput({ roundTripMs: 20 }).over(1_000);
    expect(known).toBe(false);
    expect(low).toBeLessThan(middle);
  });

  test('starts below a prior and follows what is measured', () => {
    const throughput = new Throughput({ roundTripMs: 20, priorBytesPerMs: 1_000 });
    expect(throughput.over(1_000).known).toBe(true);
    expect(throughput.over(1_000).low).toBeLessThan(1_000);
    feed(throughput, 5_000, 1_000);
    expect(throughput.over(1_000).low).toBeCloseTo(5_000);
    expect(throughput.over(1_000).middle).toBeCloseTo(5_000);
  });

  test('does not take slow start for the link', () => {
    const throughput = new Throughput({ roundTripMs: 100 });
    for (let rate = 100; rate <= 3_200; rate *= 2) feed(throughput, rate, 100);
    feed(throughput, 4_000, 300);
    expect(throughput.over(1_000).low).toBeGreaterThan(2_500);
  });

  test('is not raised by one burst', () => {
    const throughput = new Throughput({ roundTripMs: 20 });
    feed(throughput, 1_000, 1_000);
    feed(throughput, 50_000, 20);
    expect(throughput.over(1_000).low).toBeLessThan(1_100);
    expect(throughput.over(1_000).middle).toBeLessThan(20_000);
  });

  test('falls while a transfer stalls, before it is complete', () => {
    const throughput = new Throughput({ roundTripMs: 20 });
    feed(throughput, 1_000, 1_000);
    feed(throughput, 0, 500);
    expect(throughput.over(500).low).toBeLessThan(150);
    expect(throughput.over(1_000).low).toBeLessThan(350);
  });

  test('counts on more of a link that is on and off, the longer the time left', () => {
    const throughput = new Throughput({ roundTripMs: 20 });
    for (let turn = 0; turn < 5; turn++) {
      feed(throughput, 1_000, 300);
      feed(throughput, 0, 100);
    }
    const [soon, later] = [throughput.over(200), throughput.over(3_000)];
    expect(soon.low).toBeLessThan(550);
    expect(later.low).toBeGreaterThan(600);
    expect(later.middle).toBeLessThan(850);
  });

  test('foresees the round trips of slow start, up to what the prior allows', () => {
    const [unknown, prior] = [{}, { priorBytesPerMs: 1_000 }].map(
      (known) => new Throughput({ roundTripMs: 100, ...known }),
    );
    for (const throughput of [unknown!, prior!]) {
      feed(throughput, 100, 100);
      feed(throughput, 200, 100);
      expect(throughput.over(1_000).low).toBeGreaterThan(250);
      expect(throughput.over(1_000).middle).toBeGreaterThan(throughput.over(200).middle);
    }
    expect(prior!.over(1_000).high).toBeLessThanOrEqual(1_000);
  });
});
