/**
 * `npm run test:contract`: schemathesis, an independent property-based tester of HTTP APIs, over /openapi.json of the real
 * Worker. Skipped aloud where Python cannot make a virtual environment with the pinned packages.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { publishSample, startTestEdge } from './edge.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const VENV = fileURLToPath(new URL('../../.venv/contract', import.meta.url));
const REQUIREMENTS = path.join(HERE, 'requirements.txt');
const MAX_SECONDS = 240;

/** Makes the virtual environment if the pinned packages changed; null if that does not work here. */
function schemathesis(): string | null {
  const stamp = path.join(VENV, 'requirements.txt');
  const pinned = readFileSync(REQUIREMENTS, 'utf8');
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== pinned) {
    rmSync(VENV, { recursive: true, force: true });
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--require-hashes'];
    const steps: [string, string[]][] = [
      ['python3', ['-m', 'venv', VENV]],
      [path.join(VENV, 'bin/python'), [...pip, '--only-binary', ':all:', '-r', REQUIREMENTS]],
    ];
    for (const [command, args] of steps) {
      const { status } = spawnSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
      if (status !== 0) return null;
    }
    writeFileSync(stamp, pinned);
  }
  return path.join(VENV, 'bin/schemathesis');
}

const command = schemathesis();
if (command === null) {
  console.log('SKIP contract test: no Python 3 with venv, or its packages cannot be fetched');
} else {
  const edge = await startTestEdge();
  try {
    const context = await publishSample(edge);
    const config = path.join(HERE, 'schemathesis.toml');
    const child = spawn(command, ['--config-file', config, 'run', `${edge.url}/openapi.json`], {
      stdio: 'inherit',
      timeout: MAX_SECONDS * 1000,
      env: {
        ...process.env,
        KVEDGE_TEST_HOOKS: path.join(HERE, 'hooks.py'),
        KVEDGE_TEST_TOKEN: edge.token,
        KVEDGE_TEST_CHUNK: context.ids[0],
        KVEDGE_TEST_CONTEXT: context.id,
        KVEDGE_TEST_PROFILE: context.profileId,
      },
    });
    const [code] = await once(child, 'exit');
    if (code === null) console.log(`stopped after ${MAX_SECONDS} s`);
    process.exitCode = code ?? 1;
  } finally {
    await edge.close();
  }
}
