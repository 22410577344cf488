/**
 * List prices of the Workers Paid plan in US dollars, beyond what its $5 a month include, as published in August 2026 on
 * developers.cloudflare.com: /workers/platform/pricing, /r2/pricing, /d1/platform/pricing, /queues/platform/pricing,
 * /workers/observability/logs/workers-logs. Egress is free. They change: compare before relying on a figure.
 */
export const PRICES = {
  workersPerRequest: 0.3e-6,
  workersPerCpuMs: 0.02e-6,
  r2PerClassA: 4.5e-6,
  r2PerClassB: 0.36e-6,
  r2PerGbMonth: 0.015,
  d1PerRowWritten: 1e-6,
  queuesPerOperation: 0.4e-6,
  logsPerEvent: 0.6e-6,
} as const;
export type Prices = { [Name in keyof typeof PRICES]: number };

/** Write, read and delete of one message. */
export const OPERATIONS_PER_MESSAGE = 3;
