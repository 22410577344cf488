/**
 * package.json as it is packed. `prepack` puts it in place of the repository's own, `postpack` takes it away again: the library needs
 * neither what the edge, the origin and the commands depend on, nor Node itself, and its engine is the caller's choice.
 */
import { copyFile, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const MANIFEST = path.join(ROOT, 'package.json');
const KEPT = path.join(ROOT, 'dist/package.json.kept');
const ENGINE = 'node-llama-cpp';

const [action] = process.argv.slice(2);
if (action === 'place') await place();
else if (action === 'restore') await rename(KEPT, MANIFEST);
else throw new Error(`expected "place" or "restore", got ${action}`);

async function place(): Promise<void> {
  const manifest = JSON.parse(await readFile(MANIFEST, 'utf8'));
  const { dependencies, optionalDependencies } = manifest;
  const used = await importedPackages(path.join(ROOT, 'dist/lib/node'));
  used.delete(ENGINE);
  const missing = [...used].filter((name) => !(name in dependencies));
  if (missing.length > 0) throw new Error(`the library imports ${missing}, which package.json does not have`);
  await copyFile(MANIFEST, KEPT);
  const { bin: _, devDependencies: __, optionalDependencies: ___, overrides: ____, ...packed } = manifest;
  packed.dependencies = Object.fromEntries([...used].sort().map((name) => [name, dependencies[name]]));
  packed.peerDependencies = { [ENGINE]: `^${optionalDependencies[ENGINE]}` };
  packed.peerDependenciesMeta = { [ENGINE]: { optional: true } };
  await writeFile(MANIFEST, `${JSON.stringify(packed, null, 2)}\n`);
}

/** Packages that the built files import. */
async function importedPackages(folder: string): Promise<Set<string>> {
  const names = new Set<string>();
  for (const file of await readdir(folder)) {
    const text = await readFile(path.join(folder, file), 'utf8');
    for (const [, name] of text.matchAll(/^\s*(?:import|export)\b[^;'"]*?["']([^."'][^"']*)["'];/gm)) {
      if (!name!.startsWith('node:'))
        names.add(
          name!
            .split('/')
            .slice(0, name!.startsWith('@') ? 2 : 1)
            .join('/'),
        );
    }
    for (const [, name] of text.matchAll(/\bimport\(["']([^."'][^"']*)["']\)/g)) {
      if (!name!.startsWith('node:')) names.add(name!);
    }
  }
  return names;
}
