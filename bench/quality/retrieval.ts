import type { Codec } from '../../src/codec/codec.ts';
import type { Engine, KvPlanes } from '../../src/engine/index.ts';
import { type OwnCodec, ownCandidates } from './candidates.ts';
import { bytesOf, type ResultCache } from './result-cache.ts';

/** A context with facts in it, and a question whose answer they hold. */
export interface RetrievalCase {
  task: 'passkey' | 'pairs';
  /** Tokens of the filler for `passkey`, number of pairs for `pairs`. */
  size: number;
  /** Where the fact stands, 0 to 1. */
  depth: number;
  context: string;
  question: string;
  answer: string;
}

const PASSKEY_TOKENS = [256, 512, 1024];
const PAIR_COUNTS = [10, 20, 40];
const DEPTHS = [0.1, 0.3, 0.5, 0.7, 0.9];
const ANSWER_TOKENS = 12;
const QUESTION_TOKENS = 64;
const NAMES =
  'apple,bridge,candle,desert,engine,forest,garden,harbor,island,jacket,kitten,ladder,mirror,needle,orange,' +
  'pencil,quartz,rocket,saddle,temple,umbrella,violin,window,yellow,zipper,anchor,basket,copper,dragon,eagle,' +
  'feather,guitar,hammer,iron,jungle,kettle,lemon,marble,novel,ocean';

/** A five-digit number that depends on its arguments and nothing else. */
function number(...seeds: number[]): string {
  const mixed = seeds.reduce((state, seed) => Math.imul(state ^ seed, 2_654_435_761) >>> 0, 17);
  return String(10_000 + (mixed % 90_000));
}

/** Facts at several depths: one number in prose, and one pair among 10 to 40. `filler`: prose to hide the number in. */
export function retrievalCases(filler: readonly string[]): RetrievalCase[] {
  const cases: RetrievalCase[] = [];
  for (const [index, depth] of DEPTHS.entries()) {
    for (const size of PASSKEY_TOKENS) {
      const answer = number(size, index);
      // A token is about 3/4 of a word.
      const words = filler[index % filler.length]!.split(/\s+/).slice(0, Math.round(size * 0.75));
      const at = Math.round(depth * words.length);
      const fact = `The pass key is ${answer}. Remember it: ${answer} is the pass key.`;
      cases.push({
        task: 'passkey',
        size,
        depth,
        context: [...words.slice(0, at), fact, ...words.slice(at)].join(' '),
        question: '\n\nWhat is the pass key? The pass key is',
        answer,
      });
    }
    for (const size of PAIR_COUNTS) {
      const names = NAMES.split(',').slice(0, size);
      const asked = Math.min(size - 1, Math.floor(depth * size));
      const lines = names.map((name, at) => `The number of ${name} is ${number(size, index, at)}.`);
      cases.push({
        task: 'pairs',
        size,
        depth,
        context: `Here is a list of numbers.\n${lines.join('\n')}`,
        question: `\n\nFrom the list: the number of ${names[asked]} is`,
        answer: number(size, index, asked),
      });
    }
  }
  return cases;
}

/** Cases that the exact cache passes, and of those how many each level passes. */
export interface RetrievalReport {
  cases: number;
  passedByFp16: number;
  levels: Record<string, { passed: number; failed: string[] }>;
}

/** Asks every question from the exact cache and, where that answers, from every level. */
export async function runRetrieval(
  engine: Engine,
  codec: Codec,
  own: OwnCodec,
  filler: readonly string[],
  cache: ResultCache,
  onCase: (name: string) => void,
): Promise<RetrievalReport> {
  const cases = retrievalCases(filler).map((item) => ({ item, tokens: engine.tokenize(item.context) }));
  const longest = Math.max(...cases.map(({ tokens }) => tokens.length));
  const sequence = await engine.openSequence({ capacityTokens: longest + QUESTION_TOKENS + ANSWER_TOKENS });
  const levels: RetrievalReport['levels'] = Object.fromEntries(
    own.levels.map((level) => [level, { passed: 0, failed: [] }]),
  );
  let passedByFp16 = 0;
  for (const { item, tokens } of cases) {
    const name = `${item.task}-${item.size}@${item.depth}`;
    onCase(name);
    await sequence.clear();
    await sequence.prefill(tokens);
    const exact = await sequence.readPlanes();
    const answers = (chunks: readonly KvPlanes[]) => {
      const planes = chunks.map(({ data }) => bytesOf(data));
      const key = ['answer', engine.model.fingerprint, bytesOf(tokens), item.question, ...planes];
      return cache.get(key, async () => {
        await sequence.clear();
        await sequence.loadPlanes(tokens, chunks);
        const promptTokens = engine.tokenize(item.question, { bos: false });
        const { tokens: said } = await sequence.generate({ promptTokens, maxTokens: ANSWER_TOKENS });
        return engine.detokenize(said).includes(item.answer);
      });
    };
    if (!(await answers([exact]))) continue;
    passedByFp16++;
    for (const { point, chunks } of ownCandidates(codec, own, exact, tokens, true)) {
      const level = levels[point]!;
      if (await answers(chunks)) level.passed++;
      else level.failed.push(name);
    }
  }
  await sequence.close();
  return { cases: cases.length, passedByFp16, levels };
}
