import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Codec, CodecProfile } from '../../src/codec/codec.ts';
import type { Engine } from '../../src/engine/index.ts';
import { openLlamaEngine } from '../../src/engine/llama/engine.ts';
import { toHex } from '../../src/protocol/ids.ts';
import { ProblemError } from '../../src/protocol/problems.ts';
import type { OriginConfig } from './config.ts';
import type { Log } from './log.ts';

export interface LoadedProfile {
  id: string;
  file: Uint8Array<ArrayBuffer>;
  codec: CodecProfile;
}

export interface ServedModel {
  name: string;
  fingerprint: string;
  engine: Engine;
  /** Null when no profile file was made for this very model. */
  profile: LoadedProfile | null;
}

const PROFILE_EXTENSION = '.kvp';

/** The models of an origin, loaded. */
export class ModelRegistry {
  readonly #models: Map<string, ServedModel>;

  constructor(models: readonly ServedModel[]) {
    this.#models = new Map(models.map((model) => [model.name, model]));
  }

  static async open(
    config: Pick<OriginConfig, 'models' | 'profilePaths' | 'threads'>,
    codec: Codec,
    log: Log,
  ): Promise<ModelRegistry> {
    const files = await profileFiles(config.profilePaths);
    const models: ServedModel[] = [];
    for (const { name, modelPath } of config.models) {
      const threads = config.threads === undefined ? {} : { threads: config.threads };
      const engine = await openLlamaEngine({ modelPath, ...threads });
      const fingerprint = toHex(engine.model.fingerprint);
      const profile = await findProfile(files, fingerprint, codec, log);
      if (profile === null)
        log.warn('no profile for this model; publishing it will be refused', { model: name, fingerprint });
      else log.info('model ready', { model: name, fingerprint, profileId: profile.id });
      models.push({ name, fingerprint, engine, profile });
    }
    return new ModelRegistry(models);
  }

  get names(): string[] {
    return [...this.#models.keys()];
  }

  /** Throws the problem `model-unknown`. */
  get(name: string): ServedModel {
    const model = this.#models.get(name);
    if (model !== undefined) return model;
    throw new ProblemError(
      'model-unknown',
      `No model ${JSON.stringify(name)}; this origin serves ${this.names.join(', ') || 'none'}.`,
    );
  }

  async close(): Promise<void> {
    for (const { engine, profile } of this.#models.values()) {
      profile?.codec.close();
      await engine.close();
    }
  }
}

/** Throws the problem `profile-missing`. */
export function profileOf(model: ServedModel): LoadedProfile {
  if (model.profile !== null) return model.profile;
  throw new ProblemError(
    'profile-missing',
    `None of the profile files was made for the model ${model.name} (fingerprint ${model.fingerprint}).`,
  );
}

async function profileFiles(paths: readonly string[]): Promise<string[]> {
  const files: string[] = [];
  for (const entry of paths) {
    const found = await stat(entry).catch(() => null);
    if (found === null) continue;
    if (!found.isDirectory()) files.push(entry);
    else {
      const names = (await readdir(entry)).filter((name) => name.endsWith(PROFILE_EXTENSION)).sort();
      files.push(...names.map((name) => path.join(entry, name)));
    }
  }
  return files;
}

/** The first readable profile made for the model. A damaged file is reported and passed over. */
async function findProfile(
  files: readonly string[],
  fingerprint: string,
  codec: Codec,
  log: Log,
): Promise<LoadedProfile | null> {
  for (const filePath of files) {
    try {
      const file = new Uint8Array(await readFile(filePath));
      const profile = codec.loadProfile(file);
      if (profile.info.modelFingerprint === fingerprint)
        return { id: profile.info.profileId, file, codec: profile };
      profile.close();
    } catch (error) {
      log.warn('profile file passed over', { file: filePath, reason: String(error) });
    }
  }
  return null;
}
