import type { Engine } from '../../src/engine/index.ts';
import { type Document, documents, read } from './documents.ts';

/** A text to measure on. Curves are means over the `main` ones; `far` ones are unlike anything that calibration saw. */
export interface Subject {
  name: string;
  domain: Document['domain'] | 'chat' | 'table' | 'random';
  source: string;
  set: 'main' | 'far';
  /** At least `count` tokens if the text has as many. */
  tokens(engine: Engine, count: number): Uint32Array;
}

interface AxeLocale {
  rules: Record<string, { description: string; help: string }>;
}

const locale = (name: string): AxeLocale => JSON.parse(read('axe-core', `locales/${name}.json`));

/** A conversation in the template that SmolLM2 and many others share, its markers as control tokens. */
function conversation(): string {
  const turns = Object.entries(locale('_template').rules).map(
    ([rule, { description, help }]) =>
      `<|im_start|>user\nWhat does the accessibility rule ${rule} want?<|im_end|>\n` +
      `<|im_start|>assistant\n${help}. ${description}.<|im_end|>`,
  );
  return turns.join('\n');
}

/** Versions, files and digests, comma-separated. */
function digestTable(): string {
  const history: Record<string, Record<string, string>> = JSON.parse(read('axe-core', 'sri-history.json'));
  const rows = Object.entries(history).flatMap(([version, files]) =>
    Object.entries(files).map(([file, digest]) => `${version},${file},${digest}`),
  );
  return ['version,file,digest', ...rows].join('\n');
}

function rulesIn(language: string): string {
  return Object.values(locale(language).rules)
    .map(({ description, help }) => `${help}: ${description}`)
    .join('\n');
}

/** Token ids without any structure: a fixed linear congruential sequence (Numerical Recipes, 1992). */
function randomTokens(vocabularySize: number, count: number): Uint32Array {
  let state = 7;
  return Uint32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * vocabularySize);
  });
}

/** The bench's documents and five that are far from them. */
export function subjects(): Subject[] {
  const far = (name: string, domain: Subject['domain'], text: string, specialTokens = false): Subject => ({
    name,
    domain,
    source: 'axe-core',
    set: 'far',
    tokens: (engine) => engine.tokenize(text, { specialTokens }),
  });
  return [
    ...documents().map(({ text, ...document }) => ({
      ...document,
      set: 'main' as const,
      tokens: (engine: Engine) => engine.tokenize(text),
    })),
    far('chat-rules', 'chat', conversation(), true),
    far('digest-table', 'table', digestTable()),
    far('rules-he', 'translation', rulesIn('he')),
    far('rules-ko', 'translation', rulesIn('ko')),
    {
      name: 'random-tokens',
      domain: 'random',
      source: 'none',
      set: 'far',
      tokens: ({ model }, count) => randomTokens(model.vocabularySize, count),
    },
  ];
}
