// Builds the native codec: origin-gpu/addon/kvedge.node. Optional: without it the wasm codec is used.
import { spawnSync } from 'node:child_process';
import { copyFileSync, renameSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const addonDir = fileURLToPath(new URL('.', import.meta.url));
const rootDir = resolve(addonDir, '../..');
const libraryNames: Partial<Record<NodeJS.Platform, string>> = {
  linux: 'libkvedge_addon.so',
  darwin: 'libkvedge_addon.dylib',
  win32: 'kvedge_addon.dll',
};

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}

const libraryName = libraryNames[process.platform];
if (libraryName === undefined) fail(`build:native does not know the platform ${process.platform}`);

const targetDir = join(rootDir, 'target');
const built = spawnSync('cargo', ['build', '--profile', 'dist', '--locked', '-p', 'kvedge-addon'], {
  cwd: rootDir,
  env: { ...process.env, CARGO_TARGET_DIR: targetDir },
  stdio: 'inherit',
});
if (built.error !== undefined) {
  fail(
    `build:native needs cargo (Rust 1.89 or later), which cannot be started: ${built.error.message}\n` +
      'Install it from https://rustup.rs. Without the addon everything works on the wasm codec, only slower.',
  );
}
if (built.status !== 0) fail(`build:native: cargo ended with status ${built.status}`);

// A running process may have the old file mapped: replace it, never write into it.
const addonPath = join(addonDir, 'kvedge.node');
copyFileSync(join(targetDir, 'dist', libraryName), `${addonPath}.new.node`);
renameSync(`${addonPath}.new.node`, addonPath);
console.log(`built ${addonPath}`);
