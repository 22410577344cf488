import type { Codec } from '../codec/codec.ts';
import type { KvPlanes } from '../engine/index.ts';
import { JobStatus } from '../protocol/api.ts';
import { LIMITS } from '../protocol/limits.ts';
import { ContextTokens, Manifest } from '../protocol/manifest.ts';
import { bestCodec } from './best-codec.ts';
import { decodeChunk } from './decode-chunk.ts';
import { ClientError } from './errors.ts';
import { type EdgeAccess, requestJson, requestPrefix } from './http.ts';
import { Profiles } from './profiles.ts';
import { Meter } from './report.ts';
import { levelOf, verifyBytes, verifyManifest, verifyTokens } from './verify.ts';
import { verifySignature } from './verify-signature.ts';

export interface ContextChunksOptions extends EdgeAccess {
  /** Context id. */
  id: string;
  /** Default: the fastest backend installed. Ignored when `profiles` is given. */
  codec?: Codec;
  /** Loaded profiles to share between calls. */
  profiles?: Profiles;
  /** Name of a level of the manifest. Default `standard`, or the coarsest if there is none of that name. */
  level?: string;
  /** Chunks fetched or decoded at once. Default 4. */
  concurrency?: number;
  /**
   * Public keys of the publishers to trust, each 32 bytes in base64url: a manifest signed by none of them is refused. Default: the
   * signature is not looked at, and the edge is trusted to give the KV that the publisher computed.
   */
  trustedKeys?: readonly string[];
  /** Throws to refuse a manifest before anything else is fetched. */
  checkManifest?: (manifest: Manifest) => void;
  onProgress?: (progress: LoadProgress) => void;
}

export interface LoadProgress {
  chunksDone: number;
  chunksTotal: number;
  /** Chunk bytes received and expected. */
  doneBytes: number;
  totalBytes: number;
  /** Finest level of each chunk that is here, null if none: decoded, or with a deadline received and still to be decoded. */
  levels: readonly (string | null)[];
}

export interface DecodedChunk {
  index: number;
  chunksTotal: number;
  tokens: Uint32Array;
  planes: KvPlanes;
  manifest: Manifest;
  /** Name of the level that was fetched. */
  level: string;
}

const DEFAULT_CONCURRENCY = 4;
const DEFAULT_LEVEL = 'standard';
/** Tokens of the longest context as JSON, with their text. */
const MAX_TOKENS_ANSWER_BYTES = 4 * LIMITS.requestBytes;

/**
 * The chunks of a context in order, each verified and decoded; several are under way at once. For engines of your own:
 * what you get may be loaded as it is. Ends early, and stops all transfers, when you leave the loop.
 *
 * Throws `ClientError`.
 */
export async function* contextChunks(
  options: ContextChunksOptions,
  meter: Meter = new Meter(),
): AsyncGenerator<DecodedChunk, void, void> {
  const stop = new AbortController();
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal]);
  const access: EdgeAccess = { ...options, signal };
  const profiles = options.profiles ?? new Profiles(options.codec ?? (await bestCodec()));
  const underWay: Promise<DecodedChunk>[] = [];
  let load: ChunkLoad | undefined;
  try {
    const manifest = await fetchManifest(access, options.id, meter);
    if (options.trustedKeys !== undefined) await verifySignature(manifest, options.trustedKeys);
    options.checkManifest?.(manifest);
    const level = options.level ?? defaultLevel(manifest);
    const levels = manifest.chunks.map((chunk) => levelOf(chunk, level));
    load = new ChunkLoad(access, manifest, levels, profiles, meter, options.onProgress);
    const window = Math.max(1, options.concurrency ?? DEFAULT_CONCURRENCY);
    let next = 0;
    for (let index = 0; index < manifest.chunks.length; index++) {
      while (next < manifest.chunks.length && underWay.length < window) {
        const chunk = load.chunk(next++);
        chunk.catch(() => {}); // reported when its turn comes
        underWay.push(chunk);
      }
      yield await (underWay.shift() as Promise<DecodedChunk>);
    }
  } finally {
    stop.abort(new Error('the context is no longer wanted'));
    void Promise.allSettled(underWay).then(() => load?.close());
    if (options.profiles === undefined) profiles.close();
  }
}

/** One context on its way: manifest known, tokens and profile wanted by every chunk but fetched once. */
class ChunkLoad {
  readonly #access: EdgeAccess;
  readonly #manifest: Manifest;
  readonly #levels: readonly Manifest['chunks'][number]['levels'][number][];
  readonly #profiles: Profiles;
  readonly #meter: Meter;
  readonly #onProgress: ContextChunksOptions['onProgress'];
  readonly #tokens: Promise<Uint32Array>;
  readonly #profile: ReturnType<Profiles['load']>;
  readonly #levelsHere: (string | null)[];
  #doneBytes = 0;
  #chunksDone = 0;

  constructor(
    access: EdgeAccess,
    manifest: Manifest,
    levels: readonly Manifest['chunks'][number]['levels'][number][],
    profiles: Profiles,
    meter: Meter,
    onProgress: ContextChunksOptions['onProgress'],
  ) {
    this.#access = access;
    this.#manifest = manifest;
    this.#levels = levels;
    this.#levelsHere = levels.map(() => null);
    this.#profiles = profiles;
    this.#meter = meter;
    this.#onProgress = onProgress;
    this.#tokens = meter.time('tokens', () => this.#fetchTokens());
    this.#profile = meter.time('profile', () => profiles.load(access, manifest));
    this.#tokens.catch(() => {});
    this.#profile.catch(() => {});
    this.#profile.then(({ fetchedBytes }) => meter.addBytes('profile', fetchedBytes)).catch(() => {});
  }

  /** Call it once no chunk is under way. */
  close(): void {
    this.#profile.then(
      ({ release }) => release(),
      () => {}, // it never came
    );
  }

  async chunk(index: number): Promise<DecodedChunk> {
    const { id, tokenCount } = this.#manifest.chunks[index]!;
    const level = this.#levels[index]!;
    const bytes = await this.#meter.time('transfer', () =>
      requestPrefix(this.#access, `v1/chunks/${id}`, level.bytes, (count) => this.#received(count)),
    );
    const tokens = await this.#tokens; // the ids are proved before a chunk is looked at
    await this.#meter.time('verify', () => verifyBytes(bytes, level, index));
    const { profile } = await this.#profile;
    const planes = await this.#meter.time('decode', () =>
      decodeChunk(bytes, this.#manifest, index, this.#profiles, profile, this.#access.signal),
    );
    const from = planes.firstPosition;
    this.#chunksDone += 1;
    this.#levelsHere[index] = level.name;
    this.#report();
    return {
      index,
      chunksTotal: this.#manifest.chunks.length,
      tokens: tokens.subarray(from, from + tokenCount),
      planes,
      manifest: this.#manifest,
      level: level.name,
    };
  }

  async #fetchTokens(): Promise<Uint32Array> {
    return verifyTokens(this.#manifest, await fetchTokens(this.#access, this.#manifest.id, this.#meter));
  }

  #received(count: number): void {
    this.#doneBytes += count;
    this.#meter.addBytes('chunks', count);
    this.#report();
  }

  #report(): void {
    this.#onProgress?.({
      chunksDone: this.#chunksDone,
      chunksTotal: this.#levels.length,
      doneBytes: this.#doneBytes,
      totalBytes: this.#levels.reduce((sum, level) => sum + level.bytes, 0),
      levels: this.#levelsHere,
    });
  }
}

/** The token ids of a context and their text, unverified. */
export async function fetchTokens(access: EdgeAccess, id: string, meter: Meter): Promise<ContextTokens> {
  const route = `v1/contexts/${id}/tokens`;
  const answer = await requestJson(access, route, ContextTokens, MAX_TOKENS_ANSWER_BYTES);
  meter.addBytes('tokens', answer.bytes);
  return answer.value;
}

/**
 * Fetches and checks the manifest of a published context. The id of a job is refused, although the edge forwards it: nothing
 * proves which context a job is for, while the id of a context is made from its tokens.
 */
export async function fetchManifest(access: EdgeAccess, id: string, meter = new Meter()): Promise<Manifest> {
  return meter.time('manifest', async () => {
    const route = `v1/contexts/${id}`;
    const { status, redirected, bytes, value } = await requestJson(
      access,
      route,
      Manifest.or(JobStatus),
      LIMITS.manifestBytes,
    );
    if (status === 202 || 'state' in value) {
      const state =
        'state' in value
          ? ` (${value.state}, ${value.chunksDone} of ${value.chunksTotal ?? '?'} chunks)`
          : '';
      throw new ClientError('context-pending', `the context is still being computed${state}`);
    }
    if (redirected && value.id !== id) {
      throw new ClientError(
        'context-is-job',
        `${id} is the id of a job, which published the context ${value.id}`,
      );
    }
    meter.addBytes('manifest', bytes);
    verifyManifest(value, id);
    return value;
  });
}

function defaultLevel(manifest: Manifest): string {
  const [first] = manifest.chunks;
  const names = first!.levels.map((level) => level.name);
  return names.includes(DEFAULT_LEVEL) ? DEFAULT_LEVEL : names[0]!;
}
