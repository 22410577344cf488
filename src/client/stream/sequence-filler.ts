import { EngineError } from '../../engine/errors.ts';
import type { Engine, EngineSequence, KvPlanes } from '../../engine/index.ts';
import { toHex } from '../../protocol/ids.ts';
import { ClientError } from '../errors.ts';
import type { Meter } from '../report.ts';
import { type Speeds, TEXT_PIECE_TOKENS } from './speeds.ts';

export interface SequenceFillerOptions {
  engine: Engine;
  capacityTokens: number;
  speeds: Speeds;
  meter: Meter;
  /** False while something else uses the processor: then nothing that takes time is measured. */
  isQuiet: () => boolean;
  /** Stops it for good. */
  signal: AbortSignal;
}

/**
 * Puts a context into a sequence of the engine: KV of the first chunks, then the text after them, evaluated piece by piece so that
 * it can be stopped when something better has come, and begun anew. Opens the sequence at once: it is there when it is needed.
 */
export class SequenceFiller {
  readonly #options: SequenceFillerOptions;
  readonly #model: string;
  readonly #opening: Promise<EngineSequence>;
  #isStopped = false;
  /** Counts stops; a filling that has not begun before the next one never does. */
  #turn = 0;
  #running: Promise<boolean> | null = null;

  constructor(options: SequenceFillerOptions) {
    this.#options = options;
    this.#model = toHex(options.engine.model.fingerprint);
    this.#opening = options.engine.openSequence({ capacityTokens: options.capacityTokens });
    this.#opening.catch(() => {}); // reported by `fill`
  }

  /** Resolves with true when all tokens are in, false if it was stopped before. Throws `ClientError` `engine-failed`. */
  fill(tokens: Uint32Array, planes: readonly KvPlanes[]): Promise<boolean> {
    this.#running = this.#afterStop(this.stop(), tokens, planes);
    return this.#running;
  }

  /** Resolves when the engine has stopped, after the piece that it evaluates. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#turn += 1;
    await this.#running?.catch(() => {}); // `fill` reports it
  }

  /** Hands the sequence over, once it is filled. */
  take(): Promise<EngineSequence> {
    return this.#opening;
  }

  async close(): Promise<void> {
    await this.stop();
    await this.#opening.then((sequence) => sequence.close()).catch(() => {});
  }

  /** One filling at a time: what was under way has ended before the next one touches the sequence. */
  async #afterStop(
    stopped: Promise<void>,
    tokens: Uint32Array,
    planes: readonly KvPlanes[],
  ): Promise<boolean> {
    const turn = this.#turn; // `stop` has begun it
    await stopped;
    if (turn !== this.#turn) return false;
    this.#isStopped = false;
    return this.#fill(tokens, planes);
  }

  async #fill(tokens: Uint32Array, planes: readonly KvPlanes[]): Promise<boolean> {
    const { meter } = this.#options;
    try {
      const sequence = await this.#opening;
      if (sequence.tokens.length > 0) await sequence.clear();
      if (this.#isOver()) return false;
      const kvTokens = planes.reduce((sum, chunk) => sum + chunk.tokenCount, 0);
      if (kvTokens > 0)
        await meter.time('load', () => this.#load(sequence, tokens.subarray(0, kvTokens), planes));
      if (kvTokens === tokens.length) return true;
      return await meter.time('text', () => this.#evaluate(sequence, tokens, kvTokens));
    } catch (cause) {
      if (!(cause instanceof EngineError)) throw cause;
      throw new ClientError('engine-failed', `the engine refused the context: ${cause.message}`, { cause });
    }
  }

  #isOver(): boolean {
    return this.#isStopped || this.#options.signal.aborted;
  }

  async #load(sequence: EngineSequence, tokens: Uint32Array, planes: readonly KvPlanes[]): Promise<void> {
    const startMs = performance.now();
    await sequence.loadPlanes(tokens, planes);
    this.#options.speeds.observeLoad(this.#model, tokens.length, performance.now() - startMs);
  }

  async #evaluate(sequence: EngineSequence, tokens: Uint32Array, from: number): Promise<boolean> {
    const { speeds, isQuiet } = this.#options;
    for (let at = from; at < tokens.length; at += TEXT_PIECE_TOKENS) {
      if (this.#isOver()) return false;
      const piece = tokens.subarray(at, at + TEXT_PIECE_TOKENS);
      const wasQuiet = isQuiet();
      const startMs = performance.now();
      await sequence.prefill(piece);
      if (wasQuiet && isQuiet())
        speeds.observePrefill(this.#model, at, piece.length, performance.now() - startMs);
    }
    return true;
  }
}
