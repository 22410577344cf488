import { CHUNK_TOKENS } from '../../src/protocol/limits.ts';
import { OPERATIONS_PER_MESSAGE, type Prices } from './prices.ts';

/** A model as far as costs go. */
export interface ModelSize {
  name: string;
  parameters: number;
  /** Layers x KV heads x (key head dim + value head dim). */
  valuesPerToken: number;
}

export interface Assumptions {
  contextTokens: number;
  /** Of the level that clients load. */
  bitsPerValue: number;
  /** Of the whole object, which is what is stored. */
  storedBitsPerValue: number;
  /** Share of requests that a location's cache answers. */
  hitRatio: number;
  cpuMsPerRequest: number;
  /** Events in Workers Logs for each request: the Worker's line. wrangler.toml turns the platform's own off. */
  logEventsPerRequest: number;
  /** How long a context is kept. */
  months: number;
  gpuDollarsPerHour: number;
  /** Arithmetic the GPU can do, floating point operations per second. */
  gpuFlops: number;
  /** Share of it that prefill reaches. */
  gpuUtilization: number;
  /** GPU time of encoding, as a share of prefill's. */
  encodeShare: number;
}

export interface CostSheet {
  model: string;
  contextTokens: number;
  chunks: number;
  prefillTokensPerSecond: number;
  /** What one load takes. */
  load: { bytes: number; requests: number; r2Reads: number };
  /** US dollars for 1,000 loads. */
  thousandLoads: { requests: number; cpu: number; r2: number; logs: number; total: number; prefill: number };
  /** US dollars to have a context: computing, encoding, sending; and storing it for `months`. */
  context: { gpu: number; platform: number; storage: number; storedBytes: number };
  /** Loads after which publishing was cheaper than prefilling each time; null if never. */
  breakEvenLoads: number | null;
}

/** A miss looks at the head, reads the client's bytes and once more reads the object for the cache. */
const R2_READS_PER_MISS = 3;
/** POST, a queue message pulled, and about three requests for its state. */
const REQUESTS_PER_JOB = 5;
/** Is it there; store it. */
const REQUESTS_PER_CHUNK_STORED = 2;
/** Manifest and tokens. */
const OBJECTS_PER_CONTEXT = 2;
/** The context and a reference to each chunk, with an index each. */
const D1_ROWS_PER_ENTRY = 2;

/** What serving a context costs, against prefilling it anew for each use. Pure arithmetic over list prices. */
export function costSheet(model: ModelSize, assumptions: Assumptions, prices: Prices): CostSheet {
  const { contextTokens, hitRatio, months, gpuDollarsPerHour, gpuFlops, gpuUtilization } = assumptions;
  const chunks = Math.ceil(contextTokens / CHUNK_TOKENS);
  const values = contextTokens * model.valuesPerToken;
  const bytes = (values * assumptions.bitsPerValue) / 8;
  const storedBytes = (values * assumptions.storedBitsPerValue) / 8;

  const requests = chunks + 1;
  const r2Reads = requests * (1 - hitRatio) * R2_READS_PER_MISS;
  const perRequest = requestDollars(assumptions, prices);
  const thousand = {
    requests: 1000 * requests * prices.workersPerRequest,
    cpu: 1000 * requests * assumptions.cpuMsPerRequest * prices.workersPerCpuMs,
    r2: 1000 * r2Reads * prices.r2PerClassB,
    logs: 1000 * requests * assumptions.logEventsPerRequest * prices.logsPerEvent,
  };
  const total = thousand.requests + thousand.cpu + thousand.r2 + thousand.logs;

  // Two operations for every parameter and token.
  const prefillTokensPerSecond = (gpuFlops * gpuUtilization) / (2 * model.parameters);
  const prefill = ((contextTokens / prefillTokensPerSecond) * gpuDollarsPerHour) / 3600;
  const context = {
    gpu: prefill * (1 + assumptions.encodeShare),
    platform:
      (REQUESTS_PER_JOB + REQUESTS_PER_CHUNK_STORED * chunks + 1) * perRequest +
      (chunks + OBJECTS_PER_CONTEXT) * prices.r2PerClassA +
      2 * chunks * prices.r2PerClassB +
      D1_ROWS_PER_ENTRY * (chunks + 1) * prices.d1PerRowWritten +
      OPERATIONS_PER_MESSAGE * prices.queuesPerOperation,
    storage: (storedBytes / 1e9) * prices.r2PerGbMonth * months,
    storedBytes,
  };
  const saved = prefill - total / 1000;
  const spent = context.gpu + context.platform + context.storage;
  return {
    model: model.name,
    contextTokens,
    chunks,
    prefillTokensPerSecond,
    load: { bytes, requests, r2Reads },
    thousandLoads: { ...thousand, total, prefill: 1000 * prefill },
    context,
    breakEvenLoads: saved <= 0 ? null : Math.ceil(spent / saved),
  };
}

function requestDollars(assumptions: Assumptions, prices: Prices): number {
  const { cpuMsPerRequest, logEventsPerRequest } = assumptions;
  return (
    prices.workersPerRequest +
    cpuMsPerRequest * prices.workersPerCpuMs +
    logEventsPerRequest * prices.logsPerEvent
  );
}
