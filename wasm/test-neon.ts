// Tests of the codec and its kernels for aarch64, run by qemu. Prints SKIP where the tools are missing.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

// Debian's compiler comes with the sources of std, of which it has no build for aarch64.
const rustc = '/usr/bin/rustc';
const cargo = '/usr/bin/cargo';
const stdSources = '/usr/lib/rustlib/src';
const linker = 'aarch64-linux-gnu-gcc';
const emulator = 'qemu-aarch64';
const howToInstall = 'apt install rustc-web cargo-web rust-web-src gcc-aarch64-linux-gnu qemu-user';

const rootDir = fileURLToPath(new URL('..', import.meta.url));
const target = 'aarch64-unknown-linux-gnu';
const suites = [
  ['-p', 'kvedge-codec-simd', '--lib'],
  // The rest of the suite does not depend on the instruction set, and takes long on an emulated core.
  ['-p', 'kvedge-codec', '--test', 'suite', '--', 'vectors::', 'backends::'],
];

const missing = [
  ...[rustc, cargo, stdSources].filter((path) => !existsSync(path)),
  ...[linker, emulator].filter((tool) => spawnSync(tool, ['--version']).status !== 0),
];

function test(suite: string[]): boolean {
  const build = ['--release', '--locked', '--target', target, '-Zbuild-std=std,panic_unwind,test'];
  const { status } = spawnSync(cargo, ['test', ...build, ...suite], {
    cwd: rootDir,
    stdio: 'inherit',
    env: {
      ...process.env,
      RUSTC: rustc,
      RUSTC_BOOTSTRAP: '1',
      CARGO_TARGET_DIR: join(rootDir, 'target', 'neon'),
      CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER: linker,
      CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER: `${emulator} -L /usr/aarch64-linux-gnu`,
    },
  });
  return status === 0;
}

if (missing.length > 0) console.log(`SKIP NEON tests: no ${missing.join(', ')}; ${howToInstall}`);
else if (!suites.every(test)) process.exitCode = 1;
