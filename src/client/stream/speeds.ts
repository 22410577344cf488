import * as z from 'zod';
import type { EngineSpeed } from '../controller/index.ts';
import { PrefillFit } from './prefill-fit.ts';

/** Text is evaluated in pieces of so many tokens: an evaluation that is no longer wanted ends after one. */
export const TEXT_PIECE_TOKENS = 64;

/** A new measurement counts for so much of an average. */
const NEWEST_SHARE = 0.3;

/** Before anything was decoded: a fixed part per chunk, and per byte of it (a codec without SIMD is slower still). */
const GUESSED_DECODE_MS = 20;
const GUESSED_DECODE_MS_PER_BYTE = 1e-4;
const GUESSED_PROFILE_MS = 500;
const GUESSED_LOAD_MS_PER_TOKEN = 0.05;
const LOAD_FIXED_MS = 5;

const Figure = z.number().positive();
const SpeedsFile = z.object({
  link: z.record(z.string(), Figure),
  decode: z.record(z.string(), Figure),
  profile: z.record(z.string(), Figure),
  load: z.record(z.string(), Figure),
  prefill: z.record(z.string(), z.array(z.number()).length(5)),
});

/**
 * What earlier sessions measured: the throughput of edges, how fast this client decodes, how fast engines load and evaluate. The
 * controller starts from it. Kept for the process by default; `JSON.stringify` and `Speeds.parse` keep it for longer.
 */
export class Speeds {
  readonly #link = new Map<string, number>();
  readonly #decode = new Map<string, number>();
  readonly #profile = new Map<string, number>();
  readonly #load = new Map<string, number>();
  readonly #prefill = new Map<string, PrefillFit>();

  /** Reads what `JSON.stringify` wrote; nothing is known when `text` is anything else. */
  static parse(text: string): Speeds {
    const speeds = new Speeds();
    let json: unknown = null;
    try {
      json = JSON.parse(text);
    } catch {
      return speeds;
    }
    const { success, data } = SpeedsFile.safeParse(json);
    if (!success) return speeds;
    for (const [key, value] of Object.entries(data.link)) speeds.#link.set(key, value);
    for (const [key, value] of Object.entries(data.decode)) speeds.#decode.set(key, value);
    for (const [key, value] of Object.entries(data.profile)) speeds.#profile.set(key, value);
    for (const [key, value] of Object.entries(data.load)) speeds.#load.set(key, value);
    for (const [key, sums] of Object.entries(data.prefill)) speeds.#prefill.set(key, new PrefillFit(sums));
    return speeds;
  }

  toJSON(): z.infer<typeof SpeedsFile> {
    return {
      link: Object.fromEntries(this.#link),
      decode: Object.fromEntries(this.#decode),
      profile: Object.fromEntries(this.#profile),
      load: Object.fromEntries(this.#load),
      prefill: Object.fromEntries([...this.#prefill].map(([key, fit]) => [key, fit.sums])),
    };
  }

  /** Bytes per millisecond of the last session with this edge; undefined before the first. */
  link(edge: string): number | undefined {
    return this.#link.get(new URL(edge).origin);
  }

  /** The last session says most: links change. */
  observeLink(edge: string, bytesPerMs: number): void {
    this.#link.set(new URL(edge).origin, bytesPerMs);
  }

  /** Milliseconds to decode `tokenCount` tokens of a level with `bytes` bytes. `decoder` names backend and profile. */
  decodeMs(decoder: string, level: string, tokenCount: number, bytes: number): number {
    const perToken = this.#decode.get(`${decoder} ${level}`);
    return perToken === undefined
      ? GUESSED_DECODE_MS + bytes * GUESSED_DECODE_MS_PER_BYTE
      : perToken * tokenCount;
  }

  observeDecode(decoder: string, level: string, tokenCount: number, ms: number): void {
    average(this.#decode, `${decoder} ${level}`, ms / tokenCount);
  }

  /** Milliseconds to fetch, from wherever it is kept, and unpack a profile. */
  profileMs(decoder: string): number {
    return this.#profile.get(decoder) ?? GUESSED_PROFILE_MS;
  }

  observeProfile(decoder: string, ms: number): void {
    average(this.#profile, decoder, ms);
  }

  /** Speed of the engine that holds a model; undefined before text was evaluated by it. */
  engine(model: string): EngineSpeed | undefined {
    const fit = this.#prefill.get(model)?.line();
    if (fit === undefined) return undefined;
    return {
      ...fit,
      // Generation evaluates the last token once more.
      loadFixedMs: LOAD_FIXED_MS + fit.prefillMsPerToken,
      loadMsPerToken: this.#load.get(model) ?? GUESSED_LOAD_MS_PER_TOKEN,
      batchTokens: TEXT_PIECE_TOKENS,
    };
  }

  /** `tokens` tokens, the first at `position`, were evaluated in `ms`. */
  observePrefill(model: string, position: number, tokens: number, ms: number): void {
    const fit = this.#prefill.get(model) ?? new PrefillFit();
    this.#prefill.set(model, fit);
    fit.add(position + tokens / 2, ms / tokens, tokens);
  }

  observeLoad(model: string, tokens: number, ms: number): void {
    average(this.#load, model, Math.max(ms - LOAD_FIXED_MS, ms / 10) / tokens);
  }
}

function average(values: Map<string, number>, key: string, value: number): void {
  if (!(value > 0)) return;
  const before = values.get(key);
  values.set(key, before === undefined ? value : before + NEWEST_SHARE * (value - before));
}
