import { DECODE_GUARD } from './guard.ts';
import {
  type ChunkProgress,
  type Decision,
  levelWithin,
  type Outline,
  type Standby,
  type Strategy,
  type View,
} from './model.ts';
import { finishMs } from './pipeline.ts';
import { Throughput, type ThroughputOptions } from './throughput.ts';

export interface SessionOptions extends ThroughputOptions {
  outline: Outline;
  strategy: Strategy;
  deadlineMs: number;
  /** From the request of the manifest. */
  roundTripMs: number;
  /** Size of the token ids' answer, which travels first. */
  tokenBytes: number;
}

/** A byte range of a chunk object that is on its way. */
export interface Transfer {
  chunk: number;
  /** First byte and the one after the last. The end moves when the transfer is cut short. */
  fromByte: number;
  toByte: number;
}

export interface Actions {
  start: Transfer[];
  /** Transfers whose end was moved to the front. */
  cut: Transfer[];
  /** Set once, if at all: decode and load these levels, evaluate the text after them, and go on receiving meanwhile. */
  standby: readonly number[] | null;
  /** The standby is to stop: KV that is here is ready sooner, and decoding needs the processor. */
  stop: boolean;
  /**
   * Set once, the end. `load`: stop the standby if there is one, decode what is not decoded, load these levels, evaluate the
   * text after them. `text`: what the standby is doing is the answer.
   */
  finish: { from: 'load' | 'text'; kvLevels: readonly number[] } | null;
  wakeAtMs: number;
}

/** Requests on their way at once. HTTP/2 servers allow 100 streams; an edge isolate holds 6 connections, which streams share. */
const MAX_TRANSFERS = 32;
const MIN_TRANSFERS = 2;
/** Chunks of so many fetches at the head of the list are not worth decoding before. */
const RAISED_SOON = 2;
/** Stands for a chunk without any KV: worse than every level. */
const UNDECODED_KLD = 10;

/**
 * Bookkeeping between a strategy and the world: what has been asked for, what is here, what to ask for or cut short now. Still
 * pure: the caller tells it what happened and when, and does what it says. Transfers are expected to arrive in the order in
 * which they were started (HTTP/2 serves streams of one urgency that way, RFC 9218, section 4.2).
 */
export class Session {
  readonly outline: Outline;
  readonly progress: ChunkProgress[];
  readonly #options: SessionOptions;
  readonly #throughput: Throughput;
  readonly #transfers: Transfer[] = [];
  #tokenBytesMissing: number;
  #tokensAtMs: number | null = null;
  #decoderFreeAtMs = 0;
  #wanted: Decision['fetches'] = [];
  #standby: Standby | null = null;
  #textFinishMs = 0;
  #isOver = false;
  /** Once text or loading has begun, only this is decoded. */
  #settled: readonly number[] | null = null;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.outline = options.outline;
    this.#tokenBytesMissing = options.tokenBytes;
    this.#throughput = new Throughput(options);
    this.progress = options.outline.chunks.map(() => ({
      receivedBytes: 0,
      requestedBytes: 0,
      decodedLevel: -1,
    }));
  }

  /** Bytes arrived within `busyMs`; also call it with 0 bytes when nothing did. */
  observe(bytes: number, busyMs: number): void {
    this.#throughput.observe(bytes, busyMs);
  }

  receivedTokens(bytes: number, nowMs: number): void {
    this.#tokenBytesMissing = Math.max(0, this.#tokenBytesMissing - bytes);
    if (this.#tokenBytesMissing === 0) this.#tokensAtMs ??= nowMs;
  }

  received(transfer: Transfer, bytes: number): void {
    const progress = this.progress[transfer.chunk]!;
    progress.receivedBytes += bytes;
    progress.requestedBytes = Math.max(progress.requestedBytes, progress.receivedBytes);
    if (progress.receivedBytes >= transfer.toByte) this.ended(transfer);
  }

  /** The transfer is over; without all of its bytes if it was cut short or broke. */
  ended(transfer: Transfer): void {
    const at = this.#transfers.indexOf(transfer);
    if (at !== -1) this.#transfers.splice(at, 1);
    this.#settle(transfer.chunk);
  }

  /** All bytes of a chunk's transfer came, and took the link `busyMs`. */
  observeChunk(bytes: number, busyMs: number): void {
    this.#throughput.observeChunk(bytes, busyMs);
  }

  /** Decoding has begun and takes until `freeAtMs`; a standby waits for it. */
  decoding(nowMs: number, freeAtMs: number): void {
    this.#decoderFreeAtMs = freeAtMs;
    if (this.#standby !== null && !this.#isOver) {
      const { kvLevels, finishMs: finish } = this.#standby;
      this.#standby = { kvLevels, finishMs: finish + freeAtMs - nowMs };
    }
  }

  decoded(chunk: number, level: number): void {
    this.progress[chunk]!.decodedLevel = Math.max(this.progress[chunk]!.decodedLevel, level);
  }

  /**
   * What an idle decoder should decode now, or null. Before the plan is final: where it gains most, but not what is about to
   * be raised. Decoding a chunk again later costs nothing that counts.
   */
  nextToDecode(): { chunk: number; level: number } | null {
    if (this.#settled !== null) {
      const chunk = this.#settled.findIndex((level, i) => this.progress[i]!.decodedLevel < level);
      if (chunk !== -1) return { chunk, level: this.#settled[chunk]! };
      if (this.#isOver) return null;
    }
    const soon = this.#wanted.slice(0, RAISED_SOON).map(({ chunk }) => chunk);
    let found: { chunk: number; level: number } | null = null;
    let mostGain = 0;
    for (const [chunk, { receivedBytes, decodedLevel }] of this.progress.entries()) {
      const { levels, tokenCount } = this.outline.chunks[chunk]!;
      const level = levelWithin(this.outline.chunks[chunk]!, receivedBytes);
      if (level <= decodedLevel || soon.includes(chunk) || !this.#mayDelayText(chunk, level)) continue;
      const before = decodedLevel < 0 ? UNDECODED_KLD : levels[decodedLevel]!.kld;
      const gain = (before - levels[level]!.kld) * tokenCount;
      if (found !== null && gain <= mostGain) continue;
      found = { chunk, level };
      mostGain = gain;
    }
    return found;
  }

  /** Whether decoding may take the processor from the text that is being evaluated, if any. */
  #mayDelayText(chunk: number, level: number): boolean {
    if (this.#standby === null) return true;
    const { decodeMs } = this.outline.chunks[chunk]!.levels[level]!;
    return this.#standby.finishMs + decodeMs <= this.#textFinishMs * DECODE_GUARD;
  }

  view(nowMs: number): View {
    const { outline, deadlineMs, roundTripMs } = this.#options;
    const rate = this.#throughput.over(deadlineMs - nowMs);
    const view = {
      outline,
      progress: this.progress,
      nowMs,
      deadlineMs,
      rate,
      roundTripMs,
      idle: this.#transfers.length === 0 && this.#tokenBytesMissing === 0,
      tokenBytesMissing: this.#tokenBytesMissing,
      decoderFreeAtMs: this.#decoderFreeAtMs,
      textFinishMs: 0,
      standby: this.#standby,
    };
    const tokensAtMs = this.#tokensAtMs ?? finishMs(view, rate.middle, 0, []) - outline.prefillMs[0]!;
    view.textFinishMs = tokensAtMs + outline.prefillMs[0]!;
    this.#textFinishMs = view.textFinishMs;
    return view;
  }

  /** Decides. Call it whenever something happened, and at `wakeAtMs`. */
  step(nowMs: number): Actions {
    const actions: Actions = {
      start: [],
      cut: [],
      standby: null,
      stop: false,
      finish: null,
      wakeAtMs: Number.POSITIVE_INFINITY,
    };
    // A strategy that goes chunk by chunk is asked again until the window is full; it only adds then.
    for (let round = 0; round < MAX_TRANSFERS && !this.#isOver; round++) {
      const view = this.view(nowMs);
      const decision = this.#options.strategy(view);
      if (round > 0 && decision.act !== 'fetch') break;
      this.#wanted = decision.fetches;
      actions.wakeAtMs = decision.wakeAtMs;
      if (round === 0) this.#begin(decision, view, actions);
      if (this.#isOver || !this.#startWanted(view, actions) || !decision.hasMore) break;
    }
    return actions;
  }

  #begin({ act, kvLevels }: Decision, view: View, actions: Actions): void {
    if (act === 'standby') {
      this.#standby = { kvLevels, finishMs: finishMs(view, view.rate.middle, kvLevels.length, kvLevels) };
      this.#settled = kvLevels;
      actions.standby = kvLevels;
    } else if (act === 'stop') {
      this.#standby = null;
      this.#settled = null;
      this.#decoderFreeAtMs = Math.max(this.#decoderFreeAtMs, view.nowMs + view.outline.stopMs);
      actions.stop = true;
    } else if (act !== 'fetch') {
      this.#isOver = true;
      this.#settled = kvLevels;
      actions.finish = { from: act, kvLevels };
    }
    this.#cutUnwanted(actions);
  }

  /** Starts what fits the window; true if all of it did, so that a strategy which goes chunk by chunk may add more. */
  #startWanted(view: View, actions: Actions): boolean {
    const windowBytes = 2 * view.rate.middle * view.roundTripMs;
    let started = false;
    for (const { chunk, level } of this.#wanted) {
      const progress = this.progress[chunk]!;
      const toByte = this.outline.chunks[chunk]!.levels[level]!.bytes;
      if (progress.requestedBytes >= toByte) continue;
      const count = this.#transfers.length;
      if (count >= MAX_TRANSFERS) return false;
      if (count >= MIN_TRANSFERS && this.#bytesOnTheWay() > windowBytes) return false;
      const transfer = { chunk, fromByte: progress.requestedBytes, toByte };
      progress.requestedBytes = toByte;
      this.#transfers.push(transfer);
      actions.start.push(transfer);
      started = true;
    }
    return started;
  }

  #cutUnwanted(actions: Actions): void {
    for (const transfer of [...this.#transfers].reverse()) {
      const chunk = this.outline.chunks[transfer.chunk]!;
      let wantedBytes = 0;
      for (const fetch of this.#wanted)
        if (fetch.chunk === transfer.chunk)
          wantedBytes = Math.max(wantedBytes, chunk.levels[fetch.level]!.bytes);
      const toByte = Math.max(wantedBytes, transfer.fromByte, this.progress[transfer.chunk]!.receivedBytes);
      if (toByte >= transfer.toByte) continue;
      transfer.toByte = toByte;
      actions.cut.push(transfer);
      if (this.progress[transfer.chunk]!.receivedBytes >= toByte || toByte <= transfer.fromByte)
        this.ended(transfer);
      else this.#settle(transfer.chunk);
    }
  }

  #settle(chunk: number): void {
    let requested = this.progress[chunk]!.receivedBytes;
    for (const transfer of this.#transfers)
      if (transfer.chunk === chunk) requested = Math.max(requested, transfer.toByte);
    this.progress[chunk]!.requestedBytes = requested;
  }

  #bytesOnTheWay(): number {
    return this.progress.reduce((sum, chunk) => sum + chunk.requestedBytes - chunk.receivedBytes, 0);
  }
}
