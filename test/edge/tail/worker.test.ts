import { env as bindings } from 'cloudflare:workers';
import { expect, it } from 'vitest';
import type { Env } from '../../../src/edge/env.ts';
import { metricsHub } from '../../../src/edge/metrics/hub.ts';
import { reportOf } from '../../../src/edge/metrics/report.ts';
import tailWorker from '../../../src/edge/tail/worker.ts';

const env = bindings as unknown as Env;

it('adds the CPU time of every invocation, in seconds and by outcome', async () => {
  const trace = (outcome: string, cpuTime: number) =>
    ({ outcome, cpuTime, logs: [{ message: ['SECRET'] }] }) as unknown as TraceItem;
  const events = [trace('ok', 4), trace('ok', 20), trace('exceededCpu', 50)];
  await tailWorker.tail(events, env);
  const { counts } = await metricsHub(env).read();
  const [family] = reportOf(counts).filter(({ name }) => name === 'kvedge_cpu_seconds');
  const sample = (suffix: string, labels: Record<string, string>) =>
    family!.samples.find(
      (one) =>
        one.suffix === suffix && Object.entries(labels).every(([name, value]) => one.labels[name] === value),
    )?.value;
  expect(sample('_sum', { outcome: 'ok' })).toBeCloseTo(0.024, 9);
  expect(sample('_bucket', { outcome: 'ok', le: '0.005' })).toBe(1);
  expect(sample('_bucket', { outcome: 'ok', le: '0.025' })).toBe(2);
  expect(sample('_count', { outcome: 'exceededCpu' })).toBe(1);
  expect(JSON.stringify(counts)).not.toContain('SECRET');
});
