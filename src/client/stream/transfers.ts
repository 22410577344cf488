import type { Session, Transfer } from '../controller/index.ts';
import { type EdgeAccess, requestRange } from '../http.ts';
import { ChunkBytes } from './chunk-bytes.ts';

export interface TransfersOptions {
  access: EdgeAccess;
  /** Of every chunk, in order. */
  chunkIds: readonly string[];
  session: Session;
  roundTripMs: number;
  /** Milliseconds on the session's clock. */
  nowMs: () => number;
  onBytes: (count: number) => void;
  /** A transfer is complete or was cut short. */
  onEnd: () => void;
  /** A transfer failed for good. */
  onFailure: (error: unknown) => void;
}

interface UnderWay {
  stop: AbortController;
  askedAtMs: number;
  /** When the link began to have bytes for it; null before the first answer. */
  servedFromMs: number | null;
  bytes: number;
}

/** Byte ranges of chunks on their way: fetches what the session starts, and tells it what came, and in what time. */
export class Transfers {
  readonly #options: TransfersOptions;
  readonly #objects: readonly ChunkBytes[];
  readonly #underWay = new Map<Transfer, UnderWay>();
  #observedMs = 0;
  #servedMs = 0;
  #receivedBytes = 0;
  #requests = 0;
  #isClosed = false;

  constructor(options: TransfersOptions) {
    this.#options = options;
    this.#objects = options.chunkIds.map(() => new ChunkBytes());
  }

  get requests(): number {
    return this.#requests;
  }

  /** Mean throughput of the time in which the link had bytes for us; undefined after too few to tell. */
  get bytesPerMs(): number | undefined {
    if (this.#receivedBytes < MEASURABLE_BYTES || this.#servedMs <= 0) return undefined;
    return this.#receivedBytes / this.#servedMs;
  }

  /** The first bytes of a chunk object. A view: later bytes are still being written. */
  prefix(chunk: number, bytes: number): Uint8Array<ArrayBuffer> {
    return this.#objects[chunk]!.bytes.subarray(0, bytes);
  }

  start(transfer: Transfer): void {
    const stop = new AbortController();
    const underWay: UnderWay = { stop, askedAtMs: this.#options.nowMs(), servedFromMs: null, bytes: 0 };
    this.#underWay.set(transfer, underWay);
    this.#objects[transfer.chunk]!.add(transfer);
    this.#requests += 1;
    void this.#fetch(transfer, underWay);
  }

  /** The session moved the end of a transfer to the front. What lies before the new end still comes. */
  cut(transfer: Transfer): void {
    const underWay = this.#underWay.get(transfer);
    if (underWay === undefined || transfer.fromByte + underWay.bytes < transfer.toByte) return;
    this.#forget(transfer);
    underWay.stop.abort(CUT);
  }

  /** Tells the session what the link did until now. Call it also when nothing came. */
  observe(nowMs: number, bytes = 0): void {
    let servedFromMs = Number.POSITIVE_INFINITY;
    for (const { askedAtMs, servedFromMs: since } of this.#underWay.values())
      servedFromMs = Math.min(servedFromMs, since ?? askedAtMs + this.#options.roundTripMs);
    const busyMs = Math.max(0, nowMs - Math.max(this.#observedMs, servedFromMs));
    this.#observedMs = nowMs;
    if (busyMs === 0 && bytes === 0) return;
    this.#servedMs += busyMs;
    this.#receivedBytes += bytes;
    this.#options.session.observe(bytes, busyMs);
  }

  close(): void {
    this.#isClosed = true;
    for (const { stop } of this.#underWay.values()) stop.abort(CUT);
    this.#underWay.clear();
  }

  async #fetch(transfer: Transfer, underWay: UnderWay): Promise<void> {
    const { access, chunkIds, session, nowMs, onEnd, onFailure } = this.#options;
    const stop = underWay.stop.signal;
    const signal = access.signal === undefined ? stop : AbortSignal.any([access.signal, stop]);
    try {
      await requestRange({ ...access, signal }, `v1/chunks/${chunkIds[transfer.chunk]!}`, {
        fromByte: transfer.fromByte,
        toByte: () => transfer.toByte,
        onAnswer: () => {
          underWay.servedFromMs ??= nowMs();
        },
        onBytes: (piece) => this.#received(transfer, underWay, piece),
      });
      if (this.#isClosed || !this.#underWay.has(transfer)) return;
      const { servedFromMs, bytes } = underWay;
      session.observeChunk(bytes, nowMs() - (servedFromMs ?? underWay.askedAtMs));
      this.#underWay.delete(transfer);
      onEnd();
    } catch (error) {
      if (this.#isClosed || stop.aborted) return;
      this.#forget(transfer);
      session.ended(transfer);
      onFailure(error);
    }
  }

  #received(transfer: Transfer, underWay: UnderWay, piece: Uint8Array): void {
    if (this.#isClosed || !this.#underWay.has(transfer)) return;
    underWay.bytes += piece.length;
    this.observe(this.#options.nowMs(), piece.length);
    this.#options.onBytes(piece.length);
    for (const { transfer: arrived, bytes } of this.#objects[transfer.chunk]!.put(transfer, piece))
      this.#options.session.received(arrived, bytes);
  }

  #forget(transfer: Transfer): void {
    this.#underWay.delete(transfer);
    this.#objects[transfer.chunk]!.drop(transfer);
  }
}

/** Fewer bytes come out of buffers and say nothing of the link. */
const MEASURABLE_BYTES = 65_536;
const CUT = new Error('the transfer is no longer wanted');
