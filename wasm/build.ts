// Builds wasm/pkg. `--check` rebuilds into a temporary folder and compares byte for byte with the committed files.
// The bytes depend on the compiler, so both need the one that wasm/pkg/rustc-version.txt names.
// Two modules, because an engine without relaxed SIMD refuses a whole module that has any of it; their glue is the same.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

// Debian's compiler: it comes with the sources of std for wasm32, so std is built with the same flags (SIMD, no unwinding).
const rustc = '/usr/bin/rustc';
const cargo = '/usr/bin/cargo';
const linker = 'wasm-ld-22';
const howToInstall = 'apt install rustc-web cargo-web rust-web-src lld-22';

const wasmDir = fileURLToPath(new URL('.', import.meta.url));
const rootDir = resolve(wasmDir, '..');
const packageDir = join(wasmDir, 'pkg');
const versionFile = 'rustc-version.txt';
/** Target features by the name of the module. */
const modules = { kvedge: '+simd128', kvedge_relaxed: '+simd128,+relaxed-simd' };
const cargoHome = process.env.CARGO_HOME ?? join(homedir(), '.cargo');

function run(command: string, args: string[], env: NodeJS.ProcessEnv = process.env): void {
  const { status, error } = spawnSync(command, args, { cwd: rootDir, env, stdio: 'inherit' });
  if (status !== 0) {
    console.error(`${command} ${args.join(' ')}: ${error?.message ?? `status ${status}`}`);
    process.exit(1);
  }
}

/** The compiler's line in rustc-version.txt; undefined where it is not installed. */
function installedCompiler(): string | undefined {
  const { status, stdout } = spawnSync(rustc, ['-V'], { encoding: 'utf8' });
  const complete = existsSync(cargo) && spawnSync(linker, ['--version']).status === 0;
  return status === 0 && complete ? stdout.trim() : undefined;
}

/** Compiles the crate with these features. Returns the path of the module. */
function compile(name: string, features: string): string {
  const targetDir = join(rootDir, 'target', name === 'kvedge' ? 'wasm' : name);
  const remaps = [
    [targetDir, '/target'],
    [cargoHome, '/cargo'],
    [rootDir, '/kvedge'],
  ].map(([from, to]) => `--remap-path-prefix=${from}=${to}`);
  // A panic is a trap: no text to format, 15% smaller.
  const panics = ['-Zunstable-options', '-Cpanic=immediate-abort'];
  const flags = [`-Ctarget-feature=${features}`, `-Clinker=${linker}`, ...panics, ...remaps];
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    RUSTC: rustc,
    RUSTC_BOOTSTRAP: '1',
    CARGO_TARGET_DIR: targetDir,
    CARGO_ENCODED_RUSTFLAGS: flags.join('\x1f'),
  };
  const target = 'wasm32-unknown-unknown';
  const buildStd = '-Zbuild-std=std,panic_abort';
  run(
    cargo,
    ['build', buildStd, '--target', target, '--profile', 'wasm', '-p', 'kvedge-wasm', '--locked'],
    env,
  );
  return join(targetDir, target, 'wasm', 'kvedge_wasm.wasm');
}

function build(outDir: string, compiler: string): void {
  const compiled = Object.entries(modules).map(
    ([name, features]) => [name, compile(name, features)] as const,
  );
  run('cargo', ['build', '--profile', 'tool', '-p', 'kvedge-bindgen-cli', '--locked'], {
    ...process.env,
    CARGO_TARGET_DIR: join(rootDir, 'target'),
  });
  mkdirSync(outDir, { recursive: true });
  for (const [name, module] of compiled) {
    const folder = name === 'kvedge' ? outDir : mkdtempSync(join(tmpdir(), 'kvedge-wasm-'));
    run(join(rootDir, 'target', 'tool', 'kvedge-bindgen-cli'), [module, folder, 'kvedge']);
    if (folder === outDir) continue;
    const [glue, other] = [outDir, folder].map((path) => readFileSync(join(path, 'kvedge.js')));
    if (!glue!.equals(other!)) throw new Error(`the glue of ${name} is another`);
    copyFileSync(join(folder, 'kvedge_bg.wasm'), join(outDir, `${name}_bg.wasm`));
    rmSync(folder, { recursive: true });
  }
  const lockHash = createHash('sha256')
    .update(readFileSync(join(rootDir, 'Cargo.lock')))
    .digest('hex');
  writeFileSync(join(outDir, versionFile), `${compiler}\nCargo.lock sha256 ${lockHash}\n`);
}

function sameFiles(left: string, right: string): boolean {
  const names = [...new Set([...readdirSync(left), ...readdirSync(right)])].sort();
  const differing = names.filter((name) => {
    const paths = [join(left, name), join(right, name)];
    if (!paths.every((path) => existsSync(path))) return true;
    const [a, b] = paths.map((path) => readFileSync(path));
    return !a!.equals(b!);
  });
  for (const name of differing) console.error(`wasm/pkg/${name} differs from what its sources build`);
  return differing.length === 0;
}

function check(compiler: string | undefined): void {
  const versionPath = join(packageDir, versionFile);
  const recorded = existsSync(versionPath) ? readFileSync(versionPath, 'utf8').split('\n')[0] : undefined;
  if (recorded !== undefined && compiler !== recorded) {
    console.log(`SKIP wasm rebuild check: needs ${recorded} (${howToInstall}), found ${compiler ?? 'none'}`);
    return;
  }
  if (compiler === undefined) {
    console.log(`SKIP wasm rebuild check: no compiler (${howToInstall})`);
    return;
  }
  const outDir = mkdtempSync(join(tmpdir(), 'kvedge-wasm-'));
  try {
    build(outDir, compiler);
    if (!sameFiles(packageDir, outDir)) process.exitCode = 1;
    else console.log('wasm/pkg equals what its sources build');
  } finally {
    rmSync(outDir, { recursive: true, force: true });
  }
}

const compiler = installedCompiler();
if (process.argv.includes('--check')) {
  check(compiler);
} else if (compiler === undefined) {
  console.error(`build:wasm needs ${rustc}, ${cargo} and ${linker}: ${howToInstall}`);
  process.exitCode = 1;
} else {
  rmSync(packageDir, { recursive: true, force: true });
  build(packageDir, compiler);
}
