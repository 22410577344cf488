import { type Actions, Session, type Strategy, type Transfer } from '../../src/client/controller/index.ts';
import type { Workload } from './workload.ts';

export interface Outcome {
  finishMs: number;
  /** Mean KLD over all tokens. */
  loss: number;
  kvChunks: number;
  requests: number;
  receivedBytes: number;
  /** Bytes that arrived after their transfer had been cut short. */
  wastedBytes: number;
}

/** Something queued at the server, in the client's time: its bytes can arrive from `fromMs` on. */
interface Queued {
  /** Null: the token ids. */
  transfer: Transfer | null;
  position: number;
  end: number;
  fromMs: number;
  /** When the server has heard that it was cut short. */
  stopMs: number;
  busyMs: number;
}

/** One client of the simulation: its session, what it has on the wire, its decoder. The link is `simulate`'s. */
export class ClientRun {
  readonly startMs: number;
  outcome: Outcome | null = null;
  wakeAtMs: number;
  #session: Session;
  #workload: Workload;
  #roundTripMs: number;
  #queue: Queued[] = [];
  #decode: { chunk: number; level: number; endMs: number } | null = null;
  #standby: { kvLevels: readonly number[]; fromMs: number; endMs: number } | null = null;
  /** When a standby that was stopped has let go of the processor. */
  #engineFreeAtMs = 0;
  #requests = 1;
  #receivedBytes = 0;
  #wastedBytes = 0;

  constructor(workload: Workload, strategy: Strategy, roundTripMs: number, startMs: number) {
    this.startMs = startMs;
    this.wakeAtMs = startMs;
    this.#workload = workload;
    this.#roundTripMs = roundTripMs;
    const { believed, deadlineMs, tokenBytes, priorBytesPerMs } = workload;
    this.#session = new Session({
      outline: believed,
      strategy,
      deadlineMs,
      roundTripMs,
      tokenBytes,
      ...(priorBytesPerMs !== undefined && { priorBytesPerMs }),
    });
    this.#queue.push(this.#queued(null, 0, tokenBytes, startMs));
  }

  /** Whether the link has bytes for it now. */
  isServedAt(timeMs: number): boolean {
    const head = this.#queue[0];
    return head !== undefined && head.fromMs <= timeMs;
  }

  isDone(): boolean {
    return this.outcome !== null && this.#queue.length === 0;
  }

  /** When something happens next if it is served at this rate. */
  nextEvent(timeMs: number, bytesPerMs: number): number {
    let nextMs = this.outcome === null ? this.wakeAtMs : Number.POSITIVE_INFINITY;
    if (this.#decode !== null) nextMs = Math.min(nextMs, this.#decode.endMs);
    if (this.#standby !== null) nextMs = Math.min(nextMs, this.#standby.endMs);
    const head = this.#queue[0];
    if (head === undefined) return nextMs;
    if (head.fromMs > timeMs) nextMs = Math.min(nextMs, head.fromMs);
    else if (bytesPerMs > 0) nextMs = Math.min(nextMs, timeMs + (head.end - head.position) / bytesPerMs);
    for (const { stopMs } of this.#queue) if (stopMs > timeMs) nextMs = Math.min(nextMs, stopMs);
    return nextMs;
  }

  /** Receives at this rate until `toMs`. */
  advance(timeMs: number, toMs: number, bytesPerMs: number): void {
    const head = this.#queue[0];
    if (head === undefined || head.fromMs > timeMs) return;
    const elapsedMs = toMs - timeMs;
    const from = head.position;
    const position = Math.min(head.end, from + bytesPerMs * elapsedMs);
    head.position = head.end - position < 1e-3 ? head.end : position;
    head.busyMs += elapsedMs;
    const bytes = head.position - from;
    this.#receivedBytes += bytes;
    this.#session.observe(bytes, elapsedMs);
    if (head.transfer === null) {
      this.#session.receivedTokens(bytes + 1e-3, toMs - this.startMs);
      return;
    }
    const kept = Math.min(head.position, head.transfer.toByte) - Math.min(from, head.transfer.toByte);
    this.#wastedBytes += bytes - kept;
    if (kept > 0) this.#session.received(head.transfer, kept);
  }

  /** Handles what is due. */
  handle(timeMs: number): void {
    let happened = timeMs >= this.wakeAtMs;
    for (const queued of this.#queue) {
      if (queued.stopMs <= timeMs && queued.transfer !== null)
        queued.end = Math.max(queued.position, Math.min(queued.end, queued.transfer.toByte));
    }
    while (this.#queue[0] !== undefined && this.#queue[0].position >= this.#queue[0].end) {
      const { transfer, end, busyMs } = this.#queue.shift()!;
      if (transfer !== null && end - transfer.fromByte > 0)
        this.#session.observeChunk(end - transfer.fromByte, busyMs);
      happened = true;
    }
    if (this.#decode !== null && this.#decode.endMs <= timeMs) {
      this.#session.decoded(this.#decode.chunk, this.#decode.level);
      this.#decode = null;
    }
    if (this.#standby !== null && this.#standby.endMs <= timeMs)
      this.#end(this.#standby.kvLevels, this.#standby.endMs);
    if (this.outcome !== null) return;
    if (happened) this.#act(this.#session.step(timeMs - this.startMs), timeMs);
    this.#decodeNext(timeMs);
  }

  #act(actions: Actions, timeMs: number): void {
    this.wakeAtMs = this.startMs + actions.wakeAtMs;
    for (const transfer of actions.cut)
      for (const queued of this.#queue)
        if (queued.transfer === transfer) queued.stopMs = Math.min(queued.stopMs, timeMs + this.#roundTripMs);
    for (const transfer of actions.start)
      this.#queue.push(this.#queued(transfer, transfer.fromByte, transfer.toByte, timeMs));
    this.#requests += actions.start.length;
    if (actions.standby !== null) {
      const { readyMs, kvLevels } = this.#loaded(actions.standby, this.#stopped(timeMs));
      const endMs = readyMs + this.#workload.truth.prefillMs[kvLevels.length]!;
      this.#standby = { kvLevels, fromMs: readyMs, endMs };
    }
    if (actions.stop) {
      this.#engineFreeAtMs = this.#stopped(timeMs);
      this.#standby = null;
    }
    if (actions.finish === null) return;
    if (actions.finish.from === 'text') this.#end(this.#standby!.kvLevels, this.#standby!.endMs);
    else {
      const { truth } = this.#workload;
      const { readyMs, kvLevels } = this.#loaded(actions.finish.kvLevels, this.#stopped(timeMs));
      this.#end(kvLevels, readyMs + truth.prefillMs[kvLevels.length]!);
    }
  }

  #decodeNext(timeMs: number): void {
    if (this.#decode !== null || this.outcome !== null) return;
    const next = this.#session.nextToDecode();
    if (next === null) return;
    const { chunks } = this.#workload.truth;
    const fromMs = Math.max(timeMs, this.#engineFreeAtMs);
    const endMs = fromMs + chunks[next.chunk]!.levels[next.level]!.decodeMs;
    this.#decode = { ...next, endMs };
    const believed = this.#workload.believed.chunks[next.chunk]!.levels[next.level]!.decodeMs;
    this.#session.decoding(timeMs - this.startMs, fromMs - this.startMs + believed);
    if (this.#standby !== null) {
      this.#standby.fromMs += endMs - timeMs;
      this.#standby.endMs += endMs - timeMs;
    }
  }

  /** When a standby that is told so now has stopped: after the batch that it evaluates. */
  #stopped(timeMs: number): number {
    if (this.#standby === null) return Math.max(timeMs, this.#engineFreeAtMs);
    const { fromMs, endMs } = this.#standby;
    const { stopMs } = this.#workload.truth;
    if (timeMs <= fromMs) return fromMs;
    return Math.min(endMs, timeMs + stopMs - ((timeMs - fromMs) % stopMs));
  }

  /** Decodes and loads from `fromMs` on; from there nothing is left to chance. */
  #loaded(wanted: readonly number[], fromMs: number) {
    const { truth } = this.#workload;
    let readyMs = fromMs;
    if (this.#decode !== null) {
      readyMs = Math.max(fromMs, this.#decode.endMs);
      this.#session.decoded(this.#decode.chunk, this.#decode.level);
      this.#decode = null;
    }
    const kvLevels = wanted.map((level, chunk) => {
      const { decodedLevel } = this.#session.progress[chunk]!;
      if (level < 0) throw new Error(`chunk ${chunk} was to be used but is not here`);
      if (decodedLevel >= level) return decodedLevel;
      this.#session.decoded(chunk, level);
      readyMs += truth.chunks[chunk]!.levels[level]!.decodeMs;
      return level;
    });
    return { readyMs: readyMs + truth.loadMs[kvLevels.length]!, kvLevels };
  }

  #end(kvLevels: readonly number[], endMs: number): void {
    const { truth } = this.#workload;
    const loss = kvLevels.reduce((sum, level, chunk) => {
      const { levels, tokenCount } = truth.chunks[chunk]!;
      return sum + levels[level]!.kld * tokenCount;
    }, 0);
    this.outcome = {
      finishMs: endMs - this.startMs,
      loss: loss / truth.tokenCount,
      kvChunks: kvLevels.length,
      requests: this.#requests,
      receivedBytes: this.#receivedBytes,
      wastedBytes: this.#wastedBytes,
    };
    this.#queue.length = 0;
  }

  #queued(transfer: Transfer | null, position: number, end: number, timeMs: number): Queued {
    const fromMs = timeMs + this.#roundTripMs;
    return { transfer, position, end, fromMs, stopMs: Number.POSITIVE_INFINITY, busyMs: 0 };
  }
}
