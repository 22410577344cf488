/** Keeps profile files by id between runs. What it gives back is verified by the caller. */
export interface ProfileCache {
  get(id: string): Promise<Uint8Array<ArrayBuffer> | null>;
  put(id: string, file: Uint8Array): Promise<void>;
}

/** Profiles as files of one folder. Node only. A folder that cannot be written costs downloads, not correctness. */
export function diskProfileCache(folder: string): ProfileCache {
  const modules = async () => ({
    fs: await import('node:fs/promises'),
    path: await import('node:path'),
  });
  return {
    async get(id) {
      const { fs, path } = await modules();
      try {
        return new Uint8Array(await fs.readFile(path.join(folder, `${id}.kvp`)));
      } catch {
        return null;
      }
    },
    async put(id, file) {
      const { fs, path } = await modules();
      const draft = path.join(folder, `.${id}.${crypto.randomUUID()}`);
      try {
        await fs.mkdir(folder, { recursive: true });
        await fs.writeFile(draft, file, { flag: 'wx' });
        await fs.rename(draft, path.join(folder, `${id}.kvp`));
      } catch {
        await fs.rm(draft, { force: true }).catch(() => {});
      }
    },
  };
}

/** Where Node clients keep profiles: `cache/profiles` below KVEDGE_HOME; null elsewhere. */
export async function defaultProfileCache(): Promise<ProfileCache | null> {
  if (globalThis.process?.versions?.node === undefined) return null;
  const { resolve } = await import('node:path');
  return diskProfileCache(resolve(globalThis.process.env.KVEDGE_HOME || '.kvedge', 'cache', 'profiles'));
}
