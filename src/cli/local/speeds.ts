import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Speeds } from '../../client/index.ts';
import { kvedgeHome } from '../../engine/llama/models.ts';

/** What earlier commands measured of links, decoder and engine; the next one plans with it. */
const file = () => path.join(kvedgeHome(), 'cache', 'speeds.json');

export async function readSpeeds(): Promise<Speeds> {
  return Speeds.parse(await readFile(file(), 'utf8').catch(() => ''));
}

/** A folder that cannot be written costs a measurement the next time, nothing else. */
export async function keepSpeeds(speeds: Speeds): Promise<void> {
  const draft = `${file()}.${process.pid}`;
  try {
    await mkdir(path.dirname(draft), { recursive: true });
    await writeFile(draft, JSON.stringify(speeds));
    await rename(draft, file());
  } catch {}
}
