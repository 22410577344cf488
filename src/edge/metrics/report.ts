import type { MetricFamily, MetricSample } from '../../protocol/prometheus.ts';
import { DURATION_BUCKETS_SECONDS, FAMILIES, type FamilyName, type FamilySpec } from './families.ts';
import { type Counts, KEY_SEPARATOR, SUM } from './tally.ts';

interface Series {
  values: string[];
  value: number;
}

/** The families of `Counts`, in the order of their definition; series of families that no longer exist are left out. */
export function reportOf(counts: Counts): MetricFamily[] {
  const byFamily = new Map<string, Series[]>();
  for (const [key, value] of Object.entries(counts)) {
    const [name, ...values] = key.split(KEY_SEPARATOR);
    const series = byFamily.get(name!) ?? [];
    series.push({ values, value });
    byFamily.set(name!, series);
  }
  return Object.entries<FamilySpec>(FAMILIES).flatMap(([name, spec]) => {
    const series = byFamily.get(name);
    if (series === undefined) return [];
    const samples = spec.type === 'histogram' ? histogramSamples(spec, series) : counterSamples(spec, series);
    return [{ name: name as FamilyName, type: spec.type, help: spec.help, samples }];
  });
}

function counterSamples(spec: FamilySpec, series: readonly Series[]): MetricSample[] {
  return series.map(({ values, value }) => ({ labels: labelsOf(spec, values), value }));
}

/** Cumulative buckets, sum and count of every set of labels. */
function histogramSamples(spec: FamilySpec, series: readonly Series[]): MetricSample[] {
  const parts = new Map<string, Map<string, number>>();
  for (const { values, value } of series) {
    const key = JSON.stringify(values.slice(0, -1));
    const known = parts.get(key) ?? new Map<string, number>();
    known.set(values.at(-1)!, value);
    parts.set(key, known);
  }
  return [...parts].flatMap(([key, found]) => {
    const labels = labelsOf(spec, JSON.parse(key) as string[]);
    const samples: MetricSample[] = [];
    let count = 0;
    for (let bucket = 0; bucket <= DURATION_BUCKETS_SECONDS.length; bucket++) {
      count += found.get(String(bucket)) ?? 0;
      const le = String(DURATION_BUCKETS_SECONDS[bucket] ?? '+Inf');
      samples.push({ suffix: '_bucket', labels: { ...labels, le }, value: count });
    }
    samples.push({ suffix: '_sum', labels, value: found.get(SUM) ?? 0 });
    samples.push({ suffix: '_count', labels, value: count });
    return samples;
  });
}

function labelsOf(spec: FamilySpec, values: readonly string[]): Record<string, string> {
  return Object.fromEntries(spec.labels.map((label, i) => [label, values[i] ?? '']));
}
