import { type Assumptions, type CostSheet, costSheet, type ModelSize } from './model.ts';
import { PRICES } from './prices.ts';

/** One whose levels are measured, and two classes of models by their usual shapes. */
const MODELS: readonly ModelSize[] = [
  { name: 'SmolLM2-135M', parameters: 135e6, valuesPerToken: 30 * 3 * (64 + 64) },
  { name: '8B, 8 KV heads', parameters: 8e9, valuesPerToken: 32 * 8 * (128 + 128) },
  { name: '70B, 8 KV heads', parameters: 70e9, valuesPerToken: 80 * 8 * (128 + 128) },
];

/** Of SmolLM2-135M's levels `standard` and `near-lossless`, from a manifest; for other models an assumption. */
export const STANDARD_BITS_PER_VALUE = 0.76;
export const WHOLE_BITS_PER_VALUE = 2.89;
const FIXED = { encodeShare: 1, logEventsPerRequest: 1, storedBitsPerValue: WHOLE_BITS_PER_VALUE };

export type CostOptions = Omit<Assumptions, keyof typeof FIXED>;

export interface CostReport {
  assumptions: Assumptions;
  prices: typeof PRICES;
  sheets: CostSheet[];
}

export function runCost(options: CostOptions): CostReport {
  const assumptions: Assumptions = { ...options, ...FIXED };
  return {
    assumptions,
    prices: PRICES,
    sheets: MODELS.map((model) => costSheet(model, assumptions, PRICES)),
  };
}

/** The report as Markdown tables. */
export function printCost({ assumptions, sheets }: CostReport): string {
  const a = assumptions;
  const rows: [string, (sheet: CostSheet) => string][] = [
    ['bytes loaded', ({ load }) => megabytes(1000 * load.bytes)],
    ['requests', ({ load }) => String(1000 * load.requests)],
    ['R2 reads', ({ load }) => String(Math.round(1000 * load.r2Reads))],
    ['requests, $', ({ thousandLoads }) => dollars(thousandLoads.requests)],
    ['CPU, $', ({ thousandLoads }) => dollars(thousandLoads.cpu)],
    ['R2 reads, $', ({ thousandLoads }) => dollars(thousandLoads.r2)],
    ['logs, $', ({ thousandLoads }) => dollars(thousandLoads.logs)],
    ['**1,000 loads, $**', ({ thousandLoads }) => dollars(thousandLoads.total)],
    ['**1,000 prefills, $**', ({ thousandLoads }) => dollars(thousandLoads.prefill)],
    [
      'prefill, tokens/s',
      ({ prefillTokensPerSecond }) => Math.round(prefillTokensPerSecond).toLocaleString('en'),
    ],
    ['stored, one context', ({ context }) => megabytes(context.storedBytes)],
    ['storing it, $', ({ context }) => dollars(context.storage)],
    ['computing and encoding it, $', ({ context }) => dollars(context.gpu)],
    ['sending it, $', ({ context }) => dollars(context.platform)],
    ['**break-even, loads**', ({ breakEvenLoads }) => String(breakEvenLoads ?? 'never')],
  ];
  return [
    `${a.contextTokens} tokens, ${a.bitsPerValue} bits/value loaded, ${a.storedBitsPerValue} stored for ${a.months} month(s), ` +
      `hit ratio ${a.hitRatio}, ${a.cpuMsPerRequest} ms CPU a request, GPU $${a.gpuDollarsPerHour}/h with ` +
      `${a.gpuFlops / 1e12} TFLOPS used to ${100 * a.gpuUtilization}%`,
    '',
    `| | ${sheets.map(({ model }) => model).join(' | ')} |`,
    `| --- |${sheets.map(() => ' ---: |').join('')}`,
    ...rows.map(([name, cell]) => `| ${name} | ${sheets.map(cell).join(' | ')} |`),
  ].join('\n');
}

function dollars(amount: number): string {
  return amount < 0.01 ? amount.toPrecision(2) : amount.toFixed(3);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toLocaleString('en', { maximumFractionDigits: 1 })} MB`;
}
