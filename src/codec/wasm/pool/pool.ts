import type { DecodeArguments } from '../../bound/binding.ts';
import { CodecError } from '../../errors.ts';
import type { CoderSource, FromWorker, ToWorker } from './messages.ts';

/** A thread of the runtime. */
export interface PoolWorker {
  post(message: ToWorker, transfer: ArrayBuffer[]): void;
  /** Whether it keeps the process alive. */
  hold(isHeld: boolean): void;
  terminate(): void;
}

/** Starts a thread that runs `serve`. May throw, or report a failure, where the runtime has none. */
export type StartWorker = (events: {
  onMessage(message: FromWorker): void;
  onFailure(error: Error): void;
}) => PoolWorker;

interface Job {
  coder: number;
  args: DecodeArguments;
  /** Decodes on the calling thread, where there are no workers. */
  here: () => Uint16Array;
  signal: AbortSignal | undefined;
  resolve(planes: Uint16Array): void;
  reject(error: unknown): void;
}

interface Member {
  worker: PoolWorker;
  isReady: boolean;
  job: Job | undefined;
}

/**
 * Decodes chunks on up to `threads` workers, each with an instance and coders of its own. Workers start with the first
 * coder that is opened and end with the last that is closed; one whose instance failed is replaced. Where none starts,
 * chunks are decoded on the calling thread. Workers keep the process alive only while a chunk is wanted.
 */
export class DecodePool {
  readonly #module: WebAssembly.Module;
  readonly #start: StartWorker;
  /** Fewer once a worker did not start: it would not the next time either. */
  #threads: number;
  readonly #sources = new Map<number, CoderSource>();
  readonly #members = new Set<Member>();
  #queue: Job[] = [];
  #coders = 0;

  constructor(module: WebAssembly.Module, start: StartWorker, threads: number) {
    this.#module = module;
    this.#start = start;
    this.#threads = threads;
  }

  /** Workers make the coder while the caller does. Returns its number. */
  open(source: CoderSource): number {
    const coder = this.#coders++;
    this.#sources.set(coder, source);
    for (const { worker } of this.#members) worker.post({ type: 'open', coder, source }, []);
    this.#advance();
    return coder;
  }

  /** Chunks of the coder that still wait are refused; those being decoded still come. */
  close(coder: number): void {
    if (!this.#sources.delete(coder)) return;
    for (const { worker } of this.#members) worker.post({ type: 'close', coder }, []);
    const closed = new CodecError('invalid-argument', 'the profile or codec was closed');
    for (const job of this.#queue) if (job.coder === coder) job.reject(closed);
    this.#queue = this.#queue.filter((job) => job.coder !== coder);
    this.#advance();
  }

  /**
   * `here` decodes the same on the calling thread. A chunk whose signal is aborted is given up if it still waits; one that is
   * being decoded occupies its worker to the end. Rejects with what has the `code` of a `CodecError`.
   */
  decode(
    coder: number,
    args: DecodeArguments,
    here: () => Uint16Array,
    signal: AbortSignal | undefined,
  ): Promise<Uint16Array> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ coder, args, here, signal, resolve, reject });
      this.#advance();
    });
  }

  /** Starts the workers that are missing, gives idle ones a chunk, ends them all when nobody needs them. */
  #advance(): void {
    this.#fill();
    for (const member of this.#members) {
      if (member.isReady && member.job === undefined) this.#giveWork(member);
    }
    if (this.#threads === 0) {
      for (const job of this.#queue.splice(0)) decodeHere(job);
    }
    const isBusy = this.#queue.length > 0 || [...this.#members].some(({ job }) => job !== undefined);
    for (const member of this.#members) {
      if (!isBusy && this.#sources.size === 0) this.#remove(member);
      else member.worker.hold(isBusy);
    }
  }

  #fill(): void {
    while (this.#sources.size > 0 && this.#members.size < this.#threads) {
      try {
        this.#add();
      } catch {
        this.#threads = this.#members.size;
      }
    }
  }

  #add(): void {
    const worker = this.#start({
      onMessage: (message) => this.#received(member, message),
      onFailure: (error) => this.#failed(member, error),
    });
    const member: Member = { worker, isReady: false, job: undefined };
    this.#members.add(member);
    worker.post({ type: 'start', module: this.#module }, []);
    for (const [coder, source] of this.#sources) worker.post({ type: 'open', coder, source }, []);
  }

  #giveWork(member: Member): void {
    let job = this.#queue.shift();
    while (job?.signal?.aborted) {
      job.reject(job.signal.reason);
      job = this.#queue.shift();
    }
    if (job === undefined) return;
    member.job = job;
    const [chunk, level, partial] = job.args;
    const copy = new Uint8Array(chunk); // the caller keeps its bytes, and nothing else of their buffer is sent
    member.worker.post({ type: 'decode', coder: job.coder, args: [copy, level, partial] }, [copy.buffer]);
  }

  #received(member: Member, message: FromWorker): void {
    const { job } = member;
    member.job = undefined;
    if (message.type === 'ready') member.isReady = true;
    else if (message.type === 'decoded') job?.resolve(message.planes);
    else {
      job?.reject(Object.assign(new Error(message.message), { code: message.code }));
      // A trap, or memory that the engine refuses: the instance may be in any state.
      if (message.code === 'backend-unavailable') this.#remove(member);
    }
    this.#advance();
  }

  /** The thread is gone. One that never ran means that this runtime, or its policy, has no more for us. */
  #failed(member: Member, error: Error): void {
    if (!this.#members.has(member)) return; // ended by the pool
    this.#remove(member);
    if (!member.isReady) this.#threads = this.#members.size;
    const failure = new CodecError('backend-unavailable', `a decoder thread failed: ${error.message}`, {
      cause: error,
    });
    member.job?.reject(failure);
    this.#advance();
  }

  #remove(member: Member): void {
    this.#members.delete(member);
    member.worker.terminate();
  }
}

function decodeHere({ here, resolve, reject }: Job): void {
  try {
    resolve(here());
  } catch (error) {
    reject(error);
  }
}
