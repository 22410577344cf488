import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { openLlamaEngine, resolveModelPath } from '../../src/engine/llama/index.ts';
import { kvedgeHome } from '../../src/engine/llama/models.ts';
import { dequantizedCopy } from '../quality/dequantize.ts';
import { documents } from '../quality/documents.ts';

export interface CalibrationOptions {
  model: string;
  /** Tokens that are compared. */
  tokens: number;
}

const CALIBRATE = fileURLToPath(new URL('../../origin-gpu/calibrate/run.sh', import.meta.url));
const DOCUMENT = 'moby-dick-91';
/** Of the compared tokens, those whose next-token distributions are compared too. */
const SCORED_TOKENS = 16;
/** Relative root mean square error of a plane that the engine's f16 cache explains: 2^-11 an entry, and what later layers make of it. */
const MAX_PLANE_ERROR = 0.01;
const MAX_KLD = 0.001;

const differences = z.object({
  tokens: z.number(),
  kld: z.number(),
  keys: z.array(z.number()),
  values: z.array(z.number()),
});

export interface CalibrationReport extends z.infer<typeof differences> {
  model: string;
  architecture: string;
  /** Whether the calibration's model computes what the engine does. */
  agrees: boolean;
}

/** Compares the model that calibration runs (PyTorch) with the engine, both on the f32 copy of a GGUF file. */
export async function runCalibrationCheck({ model, tokens }: CalibrationOptions): Promise<CalibrationReport> {
  const modelPath = await resolveModelPath(model);
  const copy = join(kvedgeHome(), 'cache', `${basename(modelPath, '.gguf')}.f32.gguf`);
  const exactPath = await dequantizedCopy(modelPath, copy);
  const engine = await openLlamaEngine({ modelPath: exactPath });
  const folder = mkdtempSync(join(tmpdir(), 'kvedge-calibration-'));
  try {
    const text = documents().find(({ name }) => name === DOCUMENT)!.text;
    const ids = engine.tokenize(text).subarray(0, tokens);
    const sequence = await engine.openSequence({ capacityTokens: ids.length });
    await sequence.prefill(ids.subarray(0, -SCORED_TOKENS));
    const distributions: Float32Array[] = [];
    await sequence.score(ids.subarray(-SCORED_TOKENS), (_, distribution) => distributions.push(distribution));
    const { data } = await sequence.readPlanes();
    writeFileSync(join(folder, 'tokens.u32'), ids);
    writeFileSync(join(folder, 'planes.f16'), data);
    writeFileSync(join(folder, 'distributions.f32'), Buffer.concat(distributions.map(bytesOf)));
    const found = compare(exactPath, folder);
    const worst = Math.max(...found.keys, ...found.values);
    const agrees = worst <= MAX_PLANE_ERROR && found.kld <= MAX_KLD;
    return { model: engine.model.name, architecture: engine.model.architecture, ...found, agrees };
  } finally {
    rmSync(folder, { recursive: true });
    await engine.close();
  }
}

function compare(modelPath: string, folder: string) {
  const child = spawnSync('bash', [CALIBRATE, '--model', modelPath, '--compare-engine', folder], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (child.status !== 0) throw new Error(`the calibration ended with status ${child.status}`);
  return differences.parse(JSON.parse(child.stdout));
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array) =>
  new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);

/** One line for each kind of plane, and the verdict. */
export function printCalibrationCheck({
  model,
  tokens,
  kld,
  keys,
  values,
  agrees,
}: CalibrationReport): string {
  const line = (name: string, errors: readonly number[]) =>
    `${name}: relative error ${Math.min(...errors).toExponential(1)} to ${Math.max(...errors).toExponential(1)} over ${errors.length} layers`;
  return [
    `${model}, ${tokens} tokens`,
    line('keys', keys),
    line('values', values),
    `next-token distributions: KLD ${kld.toExponential(1)}`,
    agrees
      ? 'The calibration computes what the engine does.'
      : 'They DIFFER: a profile of this model would be wrong.',
  ].join('\n');
}
