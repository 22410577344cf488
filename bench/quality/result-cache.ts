import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Results of slow measurements, one small file each, named by the digest of everything that a result depends on. */
export class ResultCache {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
  }

  async get<T>(dependsOn: readonly (string | Uint8Array)[], measure: () => Promise<T>): Promise<T> {
    const hash = createHash('sha256');
    for (const part of dependsOn) hash.update(createHash('sha256').update(part).digest());
    const path = join(this.#folder, `${hash.digest('hex')}.json`);
    if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8'));
    const result = await measure();
    const temporary = `${path}.${process.pid}.tmp`;
    writeFileSync(temporary, JSON.stringify(result));
    renameSync(temporary, path);
    return result;
  }
}

/** The bytes of any typed array. */
export function bytesOf({ buffer, byteOffset, byteLength }: Uint16Array | Uint32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
