import type { ProfileCache } from '../../../client/index.ts';

const CACHE = 'kvedge-profiles';

/** Profiles in the browser's own cache, by id: they are large and never change. Where it refuses, they are fetched again. */
export const browserProfileCache: ProfileCache = {
  async get(id) {
    try {
      const cached = await (await caches.open(CACHE)).match(pathOf(id));
      return cached === undefined ? null : new Uint8Array(await cached.arrayBuffer());
    } catch {
      return null;
    }
  },
  async put(id, file) {
    try {
      await (await caches.open(CACHE)).put(pathOf(id), new Response(file as Uint8Array<ArrayBuffer>));
    } catch {
      // no room, or a private window
    }
  },
};

function pathOf(id: string): string {
  return `/v1/profiles/${id}`;
}
