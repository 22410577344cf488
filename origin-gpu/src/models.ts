import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { type ChunkCoder, CODEC_CACHEGEN, CODEC_LADDER, type Codec } from '../../src/codec/codec.ts';
import type { Engine } from '../../src/engine/index.ts';
import { openLlamaEngine } from '../../src/engine/llama/engine.ts';
import { toHex, ZERO_ID } from '../../src/protocol/ids.ts';
import { ProblemError } from '../../src/protocol/problems.ts';
import type { OriginConfig } from './config.ts';
import type { Log } from './log.ts';

/** How the chunks of a model are coded (docs/format.md, section 3): with its profile by codec 1, without one by codec 2. */
export interface ModelCoding {
  codec: number;
  /** `ZERO_ID` without a profile. */
  profileId: string;
  /** Null without a profile. */
  profileFile: Uint8Array<ArrayBuffer> | null;
  coder: ChunkCoder;
}

export interface ServedModel {
  name: string;
  fingerprint: string;
  engine: Engine;
  coding: ModelCoding;
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
      const coding =
        (await profileCoding(files, fingerprint, codec, log)) ?? cachegenCoding(engine, fingerprint, codec);
      if (coding.codec === CODEC_CACHEGEN) {
        log.warn(
          'no profile for this model: its contexts are coded by codec 2 (cachegen), several times larger; ' +
            '"npm run calibrate" makes a profile, "--profile FILE" uses it',
          { model: name, fingerprint },
        );
      }
      const { codec: codecId, profileId } = coding;
      log.info('model ready', { model: name, fingerprint, codec: codecId, profileId });
      models.push({ name, fingerprint, engine, coding });
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
    for (const { engine, coding } of this.#models.values()) {
      coding.coder.close();
      await engine.close();
    }
  }
}

/** Codec 2, which needs no profile. */
function cachegenCoding({ model }: Engine, modelFingerprint: string, codec: Codec): ModelCoding {
  const coder = codec.openCachegen({ modelFingerprint, ...model.geometry });
  return { codec: CODEC_CACHEGEN, profileId: ZERO_ID, profileFile: null, coder };
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
async function profileCoding(
  files: readonly string[],
  fingerprint: string,
  codec: Codec,
  log: Log,
): Promise<ModelCoding | null> {
  for (const filePath of files) {
    try {
      const file = new Uint8Array(await readFile(filePath));
      const profile = codec.loadProfile(file);
      if (profile.info.modelFingerprint === fingerprint)
        return { codec: CODEC_LADDER, profileId: profile.info.profileId, profileFile: file, coder: profile };
      profile.close();
    } catch (error) {
      log.warn('profile file passed over', { file: filePath, reason: String(error) });
    }
  }
  return null;
}
