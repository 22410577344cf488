import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { kvedgeHome, type PinnedModel, pinnedModelPath, SMOLLM2 } from '../../../src/engine/llama/models.ts';

const PROFILES = fileURLToPath(new URL('../../../origin-gpu/profiles/', import.meta.url));
const TRIAL = path.join(kvedgeHome(), 'trial', 'smollm2-135m.kvp');

export const modelPath = pinnedModelPath(SMOLLM2);

/** The committed profile of a model, null if there is none. */
export function committedProfile({ id }: PinnedModel): string | null {
  const file = path.join(PROFILES, `${id}.kvp`);
  return existsSync(file) ? file : null;
}

/** The committed profile of the model, else a trial one. */
export const profilePath = committedProfile(SMOLLM2) ?? (existsSync(TRIAL) ? TRIAL : null);

/** Why the tests that need the real model cannot run here; null if they can. Said aloud once per file. */
export const skipReason: string | null = !existsSync(modelPath)
  ? 'the model is missing: run "npm run kvedge -- model fetch"'
  : profilePath === null
    ? 'no profile of the model: run "npm run calibrate"'
    : null;

if (skipReason !== null) console.warn(`SKIP model tests: ${skipReason}`);
