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
}

/**
 * The profiles that a process has loaded into its codec, each fetched and unpacked once. Share one between calls of
 * `openContext`: unpacking takes far longer than a short context. Close it at the end.
 */
export class Profiles {
  readonly codec: Codec;
  readonly #cache: ProfileCache | null | undefined;
  /** By profile id; those of codec 2, which needs none, by model. */
  readonly #loaded = new Map<string, ChunkCoder>();

  /** @param cache default: `cache/profiles` below KVEDGE_HOME in Node, none elsewhere; null for none */
  constructor(codec: Codec, cache?: ProfileCache | null) {
    this.codec = codec;
    this.#cache = cache;
  }

  /** Nothing is fetched for codec 2. Throws `ClientError`: integrity-failed, codec-failed and those of the transfer. */
  async load(access: EdgeAccess, manifest: Manifest): Promise<LoadedProfile> {
    if (manifest.codec === CODEC_CACHEGEN) return { profile: this.#cachegen(manifest), fetchedBytes: 0 };
    const id = manifest.profileId;
    const known = this.#loaded.get(id);
    if (known !== undefined) return { profile: known, fetchedBytes: 0 };
    const { file, fetchedBytes } = await this.#file(access, id);
    const profile = this.#unpack(file, manifest);
    this.#loaded.get(id)?.close();
    this.#loaded.set(id, profile);
    return { profile, fetchedBytes };
  }

  close(): void {
    for (const profile of this.#loaded.values()) profile.close();
    this.#loaded.clear();
  }

  #cachegen({ model }: Manifest): ChunkCoder {
    const { fingerprint, layers, kvHeads, keyHeadDim, valueHeadDim } = model;
    const key = `${CODEC_CACHEGEN}/${[fingerprint, layers, kvHeads, keyHeadDim, valueHeadDim].join('/')}`;
    let coder = this.#loaded.get(key);
    if (coder === undefined) {
      try {
        const geometry = { layers, kvHeads, keyHeadDim, valueHeadDim };
        coder = this.codec.openCachegen({ modelFingerprint: fingerprint, ...geometry });
      } catch (cause) {
        if (!(cause instanceof CodecError)) throw cause;
        throw new ClientError('codec-failed', `codec 2 was refused: ${cause.message}`, { cause });
      }
      this.#loaded.set(key, coder);
    }
    return coder;
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

  #unpack(file: Uint8Array, manifest: Manifest): CodecProfile {
    let profile: CodecProfile;
    try {
      profile = this.codec.loadProfile(file);
    } catch (cause) {
      if (!(cause instanceof CodecError)) throw cause;
      throw new ClientError('codec-failed', `the profile was refused: ${cause.message}`, { cause });
    }
    if (profile.info.modelFingerprint === manifest.model.fingerprint) return profile;
    profile.close();
    throw integrity(`the profile ${manifest.profileId} was made for another model`);
  }
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
