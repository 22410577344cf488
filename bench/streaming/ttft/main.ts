import { availableParallelism } from 'node:os';
import { startStack } from '../../../src/cli/local/stack.ts';
import { Profiles } from '../../../src/client/index.ts';
import { loadBestCodec } from '../../../src/codec/index.ts';
import { openLlamaEngine } from '../../../src/engine/llama/engine.ts';
import { fetchModel } from '../../../src/engine/llama/fetch.ts';
import { documents } from '../../quality/documents.ts';
import { median } from '../../statistics.ts';
import { startLinks } from './links.ts';
import { METHODS, type Method, measureText, methodsOf } from './methods.ts';
import { publishBoth } from './publish.ts';
import { prepareSubject, type Subject } from './subject.ts';

export interface TtftOptions {
  /** Lengths of the contexts. */
  tokens: readonly number[];
  profile: string;
}

/** Milliseconds to the first token; null: not there, or (raw, int8) a transfer that would take minutes. */
export type TtftRow = Record<'text' | Method, number | null>;

export interface TtftReport {
  backend: string;
  threads: number;
  roundTripMs: number;
  /** By megabits per second, at the middle length of those measured. */
  ttft: Record<string, TtftRow>;
  ttftTokens: number;
  /** By length and megabits per second. */
  ttftByTokens: Record<string, Record<string, TtftRow>>;
  /** By length: bytes that travel, and KLD of what they decode to against the exact cache, nats per token (0: it is exact). */
  ttftPayloads: Record<string, Record<Method, { bytes: number; kld: number }>>;
}

export const LINKS_MBIT = [10, 50, 200, 1000] as const;
const DELAY_MS = 5;
/** Runs of what does not take the link longer than this; beyond it, the link decides, and it is exact. */
const RUNS = 3;
const LONGEST_REPEATED_MS = 1_500;
/** A transfer that would take longer is left out, so that the whole bench ends within minutes. */
const LONGEST_TRANSFER_MS = 40_000;
const DOCUMENT = 'moby-dick-91';
/** After the context, for verifying what was loaded. */
const SCORED_TOKENS = 32;

/**
 * Time to the first token over shaped loopback links with the real Worker, codecs and engine: from the text, from the cache as it is (raw
 * fp16), from int8, and from codec 2 (CacheGen's) and the ladder, both at `standard`. Every path is verified before it is timed.
 */
export async function runTtft({ tokens: lengths, profile }: TtftOptions): Promise<TtftReport> {
  const modelPath = await fetchModel({});
  const text = documents().find(({ name }) => name === DOCUMENT)!.text;
  const threads = availableParallelism();
  const stack = await startStack({ name: 'bench', profiles: [profile], threads });
  const engine = await openLlamaEngine({ modelPath, threads });
  const codec = await loadBestCodec();
  const profiles = new Profiles(codec, null);
  const ttftByTokens: TtftReport['ttftByTokens'] = {};
  const ttftPayloads: TtftReport['ttftPayloads'] = {};
  try {
    const whole = engine.tokenize(text);
    const most = whole.length - SCORED_TOKENS;
    if (lengths.some((length) => length > most))
      throw new RangeError(`${DOCUMENT} has ${most} tokens to take`);
    const contexts = new Map(lengths.map((length) => [length, whole.subarray(0, length)]));
    const published = await publishBoth(stack, modelPath, contexts, threads);
    for (const length of lengths) {
      process.stderr.write(`ttft: evaluating and verifying ${length} tokens\n`);
      const subject = await prepareSubject({
        engine,
        profiles,
        access: stack.access,
        ids: published.get(length)!,
        tokens: contexts.get(length)!,
        next: whole.subarray(length, length + SCORED_TOKENS),
      });
      const rows: Record<string, TtftRow> = {};
      for (const mbit of LINKS_MBIT) {
        const links = await startLinks(stack.edge.url, subject.payloads, {
          bitsPerSecond: mbit * 1e6,
          delayMs: DELAY_MS,
        });
        try {
          process.stderr.write(`ttft: ${length} tokens over ${mbit} Mbit/s\n`);
          const row: TtftRow = {
            text: await measureText(subject, links),
            raw: null,
            int8: null,
            cachegen: null,
            ours: null,
          };
          for (const { name, bytes, run } of methodsOf(subject, links)) {
            const transferMs = (bytes * 8) / (mbit * 1000);
            if (transferMs > LONGEST_TRANSFER_MS) continue;
            const times = [await run()];
            while (times.length < RUNS && transferMs < LONGEST_REPEATED_MS) times.push(await run());
            row[name] = median(times);
          }
          rows[mbit] = row;
        } finally {
          await links.close();
        }
      }
      ttftByTokens[length] = rows;
      ttftPayloads[length] = payloadsOf(subject);
    }
  } finally {
    profiles.close();
    await engine.close();
    await stack.close();
  }
  const ttftTokens = lengths[lengths.length >> 1]!;
  return {
    backend: codec.backend,
    threads,
    roundTripMs: 2 * DELAY_MS,
    ttft: ttftByTokens[ttftTokens]!,
    ttftTokens,
    ttftByTokens,
    ttftPayloads,
  };
}

function payloadsOf({ bytes, kld }: Subject): TtftReport['ttftPayloads'][string] {
  const entries = METHODS.map((name) => [name, { bytes: bytes[name], kld: kld[name] }]);
  return Object.fromEntries(entries);
}
