import type { Comparison } from './compare-samples.ts';
import type { TenancyReport } from './main.ts';

export function printTenancy({ pairs, anotherTenant, ownTenant }: TenancyReport): string {
  const line = (who: string, { medianMs, probabilityLonger, deviations }: Comparison) =>
    `${who.padEnd(16)} existing ${medianMs.existing.toFixed(3)} ms, absent ${medianMs.absent.toFixed(3)} ms; ` +
    `existing takes longer with probability ${probabilityLonger.toFixed(3)} (${deviations.toFixed(1)} deviations)`;
  return [
    `A private chunk and one that never existed, ${pairs} pairs of requests, medians:`,
    line('another tenant', anotherTenant),
    line('its own tenant', ownTenant),
  ].join('\n');
}
