import { EventEmitter, once } from 'node:events';
import { z } from 'zod';

const Line = z.object({ message: z.string(), jobId: z.string().optional() });

/** What the origins of a stack say they do, line by line. */
export class OriginLog {
  /** Computations by job: how often an engine began to read its text. */
  readonly computations = new Map<string, number>();
  readonly #holders = new Map<string, number>();
  readonly #emitter = new EventEmitter().setMaxListeners(0);

  /** For `StackOptions.onOriginLog`. */
  readonly add = (line: string, pid: number): void => {
    const parsed = Line.safeParse(parseJson(line));
    const jobId = parsed.data?.jobId;
    if (jobId === undefined) return;
    if (parsed.data?.message === 'computing') {
      this.computations.set(jobId, (this.computations.get(jobId) ?? 0) + 1);
    }
    if (parsed.data?.message === 'job taken') {
      this.#holders.set(jobId, pid);
      this.#emitter.emit(jobId);
    }
  };

  /** The process that took a job last, once one has. */
  async holder(jobId: string): Promise<number> {
    while (!this.#holders.has(jobId)) await once(this.#emitter, jobId);
    return this.#holders.get(jobId) as number;
  }
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
