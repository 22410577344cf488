import { type ChunkCoder, CODEC_CACHEGEN, type Codec, type CodecProfile } from '../codec/codec.ts';
import { CodecError } from '../codec/errors.ts';
import { sha256Hex } from '../protocol/ids.ts';
import { LIMITS } from '../protocol/limits.ts';
import type { Manifest } from '../protocol/manifest.ts';
import { ClientError, integrity } from './errors.ts';
import { type EdgeAccess, request } from './http.ts';
import { defaultProfileCache, type ProfileCache } from './profile-cache.ts';
import { readBounded } from './read-stream.ts';

export interface LoadedProfile {
  profile: ChunkCoder;
  /** Bytes fetched for it now; 0 when it was in the cache. */
  fetchedBytes: number;
  /** Call it once nothing is being decoded with it any more. It may be closed then. */
  release(): void;
}

/** A profile that is here or on its way. */
interface Held {
  loading: Promise<Omit<LoadedProfile, 'release'>>;
  /** Calls that wait for it or use it. */
  users: number;
}

/**
 * The profiles that a process has loaded into its codec, each fetched and unpacked once. Share one between calls of
 * `openContext`: unpacking takes far longer than a short context. Close it at the end; calls under way still finish.
 */
export class Profiles {
  readonly codec: Codec;
  readonly #cache: ProfileCache | null | undefined;
  /** By profile id; those of codec 2, which needs none, by model. */
  readonly #held = new Map<string, Held>();
  #isClosed = false;

  /** @param cache default: `cache/profiles` below KVEDGE_HOME in Node, none elsewhere; null for none */
  constructor(codec: Codec, cache?: ProfileCache | null) {
    this.codec = codec;
    this.#cache = cache;
  }

  /**
   * Nothing is fetched for codec 2. Calls that want one profile at once share its transfer; if that fails for the call that
   * began it, the next one begins anew.
   *
   * Throws `ClientError`: integrity-failed, codec-failed and those of the transfer; `TypeError` once closed; on an abort, the
   * signal's reason.
   */
  async load(access: EdgeAccess, manifest: Manifest): Promise<LoadedProfile> {
    const key = keyOf(manifest);
    for (;;) {
      if (this.#isClosed) throw new TypeError('these profiles are closed');
      const known = this.#held.get(key);
      const held = known ?? this.#begin(key, access, manifest);
      held.users += 1;
      try {
        const { profile, fetchedBytes } = await orAborted(held.loading, access.signal);
        checkModel(profile, manifest);
        return {
          profile,
          fetchedBytes: known === undefined ? fetchedBytes : 0,
          release: once(() => this.#leave(held)),
        };
      } catch (error) {
        this.#leave(held);
        if (known === undefined || this.#held.get(key) === known) throw error;
        access.signal?.throwIfAborted();
      }
    }
  }

  /** Closes every profile as soon as nobody uses it. */
  close(): void {
    this.#isClosed = true;
    for (const held of this.#held.values()) if (held.users === 0) closeWhenHere(held);
    this.#held.clear();
  }

  #begin(key: string, access: EdgeAccess, manifest: Manifest): Held {
    const loading =
      manifest.codec === CODEC_CACHEGEN
        ? this.#openCachegen(manifest)
        : this.#open(access, manifest.profileId);
    const held: Held = { loading, users: 0 };
    this.#held.set(key, held);
    loading.catch(() => this.#held.delete(key));
    return held;
  }

  #leave(held: Held): void {
    held.users -= 1;
    if (this.#isClosed && held.users === 0) closeWhenHere(held);
  }

  async #openCachegen({ model }: Manifest): Held['loading'] {
    const { fingerprint, layers, kvHeads, keyHeadDim, valueHeadDim } = model;
    try {
      const geometry = { layers, kvHeads, keyHeadDim, valueHeadDim };
      const profile = this.codec.openCachegen({ modelFingerprint: fingerprint, ...geometry });
      return { profile, fetchedBytes: 0 };
    } catch (cause) {
      if (!(cause instanceof CodecError)) throw cause;
      throw new ClientError('codec-failed', `codec 2 was refused: ${cause.message}`, { cause });
    }
  }

  async #open(access: EdgeAccess, id: string): Held['loading'] {
    const { file, fetchedBytes } = await this.#file(access, id);
    try {
      return { profile: this.codec.loadProfile(file), fetchedBytes };
    } catch (cause) {
      if (!(cause instanceof CodecError)) throw cause;
      throw new ClientError('codec-failed', `the profile was refused: ${cause.message}`, { cause });
    }
  }

  async #file(access: EdgeAccess, id: string) {
    const cache = this.#cache === undefined ? await defaultProfileCache() : this.#cache;
    const cached = (await cache?.get(id)) ?? null;
    if (cached !== null && (await sha256Hex(cached)) === id) return { file: cached, fetchedBytes: 0 };
    const file = await fetchProfile(access, id);
    if ((await sha256Hex(file)) !== id) throw integrity(`the profile's bytes do not have the SHA-256 ${id}`);
    await cache?.put(id, file);
    return { file, fetchedBytes: file.length };
  }
}

function keyOf({ codec, profileId, model }: Manifest): string {
  if (codec !== CODEC_CACHEGEN) return profileId;
  const { fingerprint, layers, kvHeads, keyHeadDim, valueHeadDim } = model;
  return [CODEC_CACHEGEN, fingerprint, layers, kvHeads, keyHeadDim, valueHeadDim].join('/');
}

function checkModel(profile: ChunkCoder | CodecProfile, { profileId, model }: Manifest): void {
  if (!('info' in profile) || profile.info.modelFingerprint === model.fingerprint) return;
  throw integrity(`the profile ${profileId} was made for another model`);
}

function closeWhenHere({ loading }: Held): void {
  loading.then(
    ({ profile }) => profile.close(),
    () => {}, // nothing to close; who waits for it is told
  );
}

/** `promise`, or the reason of the signal if that comes first: another call's transfer may go on without this one. */
async function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  signal.throwIfAborted();
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function once(work: () => void): () => void {
  let isDone = false;
  return () => {
    if (isDone) return;
    isDone = true;
    work();
  };
}

/** The size of a profile is not in the manifest, so it is read up to the limit. */
function fetchProfile(access: EdgeAccess, id: string): Promise<Uint8Array<ArrayBuffer>> {
  return request(
    access,
    `v1/profiles/${id}`,
    () => ({}),
    (response) =>
      readBounded(response.body, LIMITS.profileBytes, () =>
        integrity(`the profile is larger than ${LIMITS.profileBytes} bytes`),
      ),
  );
}
