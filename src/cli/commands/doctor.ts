import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { loadBestCodec } from '../../codec/index.ts';
import { loadBinding } from '../../engine/llama/binding.ts';
import { pinnedModelPath, SMOLLM2 } from '../../engine/llama/models.ts';
import { EXIT } from '../exit-codes.ts';
import { homeFolders } from '../local/home.ts';
import type { CommandContext } from '../main.ts';

interface Check {
  name: string;
  ok: boolean;
  /** Nothing of the main job fails without it. */
  optional: boolean;
  found: string;
  remedy?: string;
}

const PROJECT = new URL('../../../', import.meta.url);
const MIN_NODE_MAJOR = 22;

export function doctorCommand({ output }: CommandContext): Command {
  return new Command('doctor')
    .description('say what is installed, what is missing, and what to do about it')
    .action(async () => {
      const checks = await everyCheck();
      output().result({ ok: checks.every((check) => check.ok || check.optional), checks }, () =>
        checks.map(describe).join('\n'),
      );
      if (checks.some((check) => !check.ok && !check.optional)) process.exitCode = EXIT.missingPart;
    });
}

function describe({ name, ok, optional, found, remedy }: Check): string {
  const mark = ok ? 'ok      ' : optional ? 'optional' : 'MISSING ';
  const first = `${mark}  ${name.padEnd(14)}  ${found}`;
  return remedy === undefined || ok ? first : `${first}\n${' '.repeat(26)}${remedy}`;
}

async function everyCheck(): Promise<Check[]> {
  return [
    nodeCheck(),
    await wasmCheck(),
    await nativeCheck(),
    await engineCheck(),
    await edgeRuntimeCheck(),
    await modelCheck(),
    profileCheck(),
    command('python3', ['--version'], 'Needed to fetch the model and to calibrate: install Python 3.'),
    command('cargo', ['--version'], 'Needed to build the native addon: install Rust from rustup.rs.'),
    command('k6', ['version'], 'Needed for load tests: go install go.k6.io/k6@v1.8.1'),
    chromiumCheck(),
  ];
}

function nodeCheck(): Check {
  const ok = Number(process.versions.node.split('.')[0]) >= MIN_NODE_MAJOR;
  const remedy = `Run commands through npm ("npm run kvedge -- ..."), which brings Node 24, or install Node ${MIN_NODE_MAJOR}.`;
  return { name: 'node', ok, optional: false, found: process.version, remedy };
}

async function wasmCheck(): Promise<Check> {
  const remedy = 'Run "npm run build:wasm", or check out wasm/pkg again.';
  try {
    const { loadWasmCodec } = await import('../../codec/index.ts');
    await loadWasmCodec();
    return { name: 'wasm codec', ok: true, optional: false, found: 'loads', remedy };
  } catch (error) {
    return { name: 'wasm codec', ok: false, optional: false, found: reason(error), remedy };
  }
}

async function nativeCheck(): Promise<Check> {
  const remedy = 'Several times faster than wasm: run "npm run build:native" (needs cargo).';
  try {
    const { backend } = await loadBestCodec();
    const ok = backend === 'native';
    return {
      name: 'native codec',
      ok,
      optional: true,
      found: ok ? 'loads' : `not built; ${backend} is used`,
      remedy,
    };
  } catch (error) {
    return { name: 'native codec', ok: false, optional: true, found: reason(error), remedy };
  }
}

async function engineCheck(): Promise<Check> {
  try {
    await loadBinding();
    return { name: 'llama.cpp', ok: true, optional: false, found: 'node-llama-cpp loads' };
  } catch (error) {
    return {
      name: 'llama.cpp',
      ok: false,
      optional: false,
      found: reason(error),
      remedy: 'Run "npm ci" without "--omit=optional".',
    };
  }
}

async function edgeRuntimeCheck(): Promise<Check> {
  const name = 'edge runtime';
  try {
    await import('miniflare');
    const { version } = createRequire(import.meta.url)('wrangler/package.json');
    return { name, ok: true, optional: true, found: `wrangler ${version}, workerd` };
  } catch (error) {
    const remedy = 'Needed by "kvedge edge dev" and the demo: run "npm ci" without "--omit=dev".';
    return { name, ok: false, optional: true, found: reason(error), remedy };
  }
}

async function modelCheck(): Promise<Check> {
  const found = pinnedModelPath(SMOLLM2);
  const ok = await access(found).then(
    () => true,
    () => false,
  );
  return { name: 'model', ok, optional: false, found, remedy: 'Run "npm run kvedge -- model fetch".' };
}

function profileCheck(): Check {
  const folders = [fileURLToPath(new URL('origin-gpu/profiles/', PROJECT)), homeFolders().profiles];
  const files = folders.flatMap((folder) =>
    existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.kvp')) : [],
  );
  return {
    name: 'profiles',
    ok: files.length > 0,
    optional: true,
    found: files.join(', ') || `none in ${folders.join(' or ')}`,
    remedy:
      'Contexts are coded by codec 2, several times larger: run "npm run calibrate", or start the origin with "--profile FILE".',
  };
}

function command(name: string, args: string[], remedy: string): Check {
  const child = spawnSync(name, args, { encoding: 'utf8' });
  const ok = child.status === 0;
  return { name, ok, optional: true, found: ok ? child.stdout.split('\n')[0]!.trim() : 'not found', remedy };
}

function chromiumCheck(): Check {
  const found = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((file) =>
    existsSync(file),
  );
  return {
    name: 'chromium',
    ok: found !== undefined,
    optional: true,
    found: found ?? 'not found',
    remedy: "Needed for browser tests only: install your system's chromium.",
  };
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
