import { spawnSync } from 'node:child_process';
import { z } from 'zod';

/** What wasm/codec/examples/stages prints. Times are milliseconds for all chunks together. */
const stagesSchema = z.object({
  backend: z.string(),
  tokens: z.number(),
  fp16Bytes: z.number(),
  levelBytes: z.number(),
  cachegenBytes: z.number(),
  symbols: z.number(),
  transformProducts: z.number(),
  gemmProducts: z.number(),
  peerBytes: z.record(z.string(), z.number()),
  rawMs: z.record(z.string(), z.array(z.number())),
  rawCpuMs: z.record(z.string(), z.array(z.number())),
});

export type NativeStages = z.infer<typeof stagesSchema>;

/** Runs the native stages with cargo's optimized build. Throws where there is no cargo, or an answer is wrong. */
export function runStages(
  profile: string,
  level: string,
  rounds: number,
  planePaths: string[],
): NativeStages {
  const cargo = [
    ...['run', '--release', '--locked', '--quiet', '-p', 'kvedge-codec', '--features', 'parallel'],
    ...['--example', 'stages', '--', profile, level, String(rounds), ...planePaths],
  ];
  const { status, stdout, stderr, error } = spawnSync('cargo', cargo, {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (status !== 0) throw new Error(`the native stages failed: ${error?.message ?? stderr}`);
  return stagesSchema.parse(JSON.parse(stdout));
}
