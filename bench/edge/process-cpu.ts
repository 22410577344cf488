import { readdirSync, readFileSync } from 'node:fs';

/** Linux counts CPU time in hundredths of a second (USER_HZ). */
const TICK_MS = 10;

interface Stat {
  name: string;
  parent: number;
  cpuMs: number;
}

function stat(pid: number): Stat | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const name = text.slice(text.indexOf('(') + 1, text.lastIndexOf(')'));
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { name, parent: Number(fields[1]), cpuMs: TICK_MS * (Number(fields[11]) + Number(fields[12])) };
  } catch {
    return null; // ended meanwhile
  }
}

/** CPU time that a process and its children have used, all threads, user and system. */
export function cpuMsOf(pid: number): number {
  let total = stat(pid)?.cpuMs ?? 0;
  for (const child of childrenOf(pid)) total += cpuMsOf(child);
  return total;
}

export function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => stat(pid)?.parent === parent);
}
