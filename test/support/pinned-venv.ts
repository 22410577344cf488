import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const VENVS = fileURLToPath(new URL('../../.venv/', import.meta.url));

/**
 * The folder of a Python virtual environment with exactly the packages of `requirements` (wheels, checked against their
 * hashes), made anew when that file changed. Null where Python cannot make one, or the packages cannot be fetched.
 */
export function pinnedVenv(name: string, requirements: string): string | null {
  const venv = path.join(VENVS, name);
  const stamp = path.join(venv, 'requirements.txt');
  const pinned = readFileSync(requirements, 'utf8');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === pinned) return venv;
  rmSync(venv, { recursive: true, force: true });
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--require-hashes'];
  const steps: [string, string[]][] = [
    ['python3', ['-m', 'venv', venv]],
    [path.join(venv, 'bin/python'), [...pip, '--only-binary', ':all:', '-r', requirements]],
  ];
  for (const [command, args] of steps) {
    const { status } = spawnSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    if (status !== 0) return null;
  }
  writeFileSync(stamp, pinned);
  return venv;
}
