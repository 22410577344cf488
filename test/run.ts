/**
 * `npm test`: every suite, one after the other, and one closing line `N passed, N failed, N skipped`.
 * Optional parts that are missing are skipped aloud; with CI=true a skip of a part that works here is a failure.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

const inCi = process.env.CI === 'true';
const total: Counts = { passed: 0, failed: 0, skipped: 0 };
const skips: string[] = [];

function run(
  command: string,
  args: string[],
  env: Record<string, string> = {},
): { code: number; out: string } {
  console.log(`\n$ ${command} ${args.join(' ')}`);
  const child = spawnSync(command, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    env: { ...process.env, ...env },
  });
  process.stdout.write(child.stdout ?? '');
  return { code: child.status ?? 1, out: child.stdout ?? '' };
}

const has = (command: string, args = ['--version']) => spawnSync(command, args).status === 0;

function add(counts: Counts) {
  total.passed += counts.passed;
  total.failed += counts.failed;
  total.skipped += counts.skipped;
}

/** One pass or fail for a whole command. */
function step(name: string, command: string, args: string[]): boolean {
  const { code, out } = run(command, args);
  const skipped = out.split('\n').find((line) => line.startsWith('SKIP'));
  if (skipped) skip(skipped);
  else add({ passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 });
  if (code !== 0) console.log(`FAILED ${name}`);
  return code === 0;
}

/** Counts a missing part: skipped for a person, failed in CI. */
function skip(reason: string) {
  console.log(reason);
  skips.push(reason);
  add({ passed: 0, failed: inCi ? 1 : 0, skipped: inCi ? 0 : 1 });
}

function rust() {
  if (!has('cargo')) {
    skip('SKIP rust tests, native addon: no cargo; install Rust from your system or rustup.rs');
    return;
  }
  step('native addon', 'npm', ['run', '-s', 'build:native']);
  const { code, out } = run('cargo', [
    'test',
    '--workspace',
    '--exclude',
    'kvedge-bindgen-cli',
    '--release',
    '--locked',
  ]);
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  for (const match of out.matchAll(/^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored/gm)) {
    counts.passed += Number(match[1]);
    counts.failed += Number(match[2]);
    counts.skipped += Number(match[3]);
  }
  if (code !== 0 && counts.failed === 0) counts.failed = 1;
  add(counts);
}

function vitest() {
  const folder = mkdtempSync(join(tmpdir(), 'kvedge-test-'));
  const file = join(folder, 'vitest.json');
  try {
    const { code } = run('npx', [
      'vitest',
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${file}`,
    ]);
    const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
    if (existsSync(file)) {
      const report = JSON.parse(readFileSync(file, 'utf8')) as Record<string, number>;
      counts.passed = report.numPassedTests ?? 0;
      counts.failed = report.numFailedTests ?? 0;
      counts.skipped = (report.numPendingTests ?? 0) + (report.numTodoTests ?? 0);
    }
    if (code !== 0 && counts.failed === 0) counts.failed = 1;
    if (inCi && counts.skipped > 0) {
      skips.push(`SKIP ${counts.skipped} vitest tests (see above)`);
      counts.failed += counts.skipped;
      counts.skipped = 0;
    }
    add(counts);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

step('types and lint', 'npm', ['run', '-s', 'check']);
rust();
step('wasm rebuild', 'npm', ['run', '-s', 'build:wasm', '--', '--check']);
step('NEON', 'npm', ['run', '-s', 'test:neon']);
step('contract', 'npm', ['run', '-s', 'test:contract']);
step('worker bundle', 'npm', ['run', '-s', 'build:worker']);
for (const model of ['smollm2-135m-instruct', 'qwen2.5-coder-0.5b-instruct']) {
  if (!step(`model ${model}`, 'npm', ['run', '-s', 'kvedge', '--', 'model', 'fetch', model])) {
    console.log('the tests of this model below will be skipped');
  }
}
step('load', 'npm', ['run', '-s', 'load', '--', 'steady', '--seconds', '10']);
vitest();

for (const reason of skips) console.log(reason);
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed === 0 ? 0 : 1;
