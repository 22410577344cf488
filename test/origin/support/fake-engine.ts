import {
  allocatePlanes,
  type Engine,
  EngineError,
  type EngineSequence,
  type KvPlanes,
  modelFingerprint,
  validateChunks,
} from '../../../src/engine/index.ts';

export const GEOMETRY = { layers: 2, kvHeads: 1, keyHeadDim: 4, valueHeadDim: 4 };
export const VOCABULARY = 256;

export interface FakeEngine extends Engine {
  /** Contexts evaluated so far. */
  prefills: number;
  /** Sequences that were given KV. */
  loads: { tokens: Uint32Array; chunks: KvPlanes[] }[];
  openSequences: number;
  /** Makes the next prefill fail. */
  failNextPrefill: boolean;
}

/** An engine whose KV is a function of the tokens; a token is a byte of the text. */
export function fakeEngine(options: { weights?: string; trainedContextTokens?: number } = {}): FakeEngine {
  const fileSha256 = new Uint8Array(32).fill((options.weights ?? 'a').charCodeAt(0));
  const engine: FakeEngine = {
    prefills: 0,
    loads: [],
    openSequences: 0,
    failNextPrefill: false,
    model: {
      name: 'fake',
      architecture: 'fake',
      fileSha256,
      fingerprint: modelFingerprint(fileSha256, GEOMETRY),
      geometry: GEOMETRY,
      rope: { layout: 'none', dims: 0, freqBase: 1, freqScale: 1, freqFactors: null },
      vocabularySize: VOCABULARY,
      trainedContextTokens: options.trainedContextTokens ?? 4096,
      bosToken: null,
      eosToken: null,
      prependsBos: false,
    },
    tokenize: (text) => Uint32Array.from(new TextEncoder().encode(text)),
    detokenize: (tokens) => new TextDecoder().decode(Uint8Array.from(tokens)),
    openSequence: async ({ capacityTokens }) => openFake(engine, capacityTokens),
    close: async () => {},
  };
  return engine;
}

function openFake(engine: FakeEngine, capacityTokens: number): EngineSequence {
  let held = new Uint32Array();
  engine.openSequences += 1;
  return {
    capacityTokens,
    get tokens() {
      return held;
    },
    async prefill(tokens, prefillOptions = {}) {
      if (engine.failNextPrefill) {
        engine.failNextPrefill = false;
        throw new EngineError('engine-failed', {
          what: 'evaluating',
          why: 'a fault of the test',
          remedy: 'None.',
        });
      }
      engine.prefills += 1;
      prefillOptions.onProgress?.(tokens.length, tokens.length);
      held = Uint32Array.from([...held, ...tokens]);
    },
    async readPlanes() {
      return planesOf(held);
    },
    async loadPlanes(tokens, chunks) {
      const list = 'data' in chunks ? [chunks] : [...chunks];
      validateChunks(GEOMETRY, list, tokens.length);
      engine.loads.push({ tokens, chunks: list });
      held = Uint32Array.from(tokens);
    },
    generate: async () => ({ tokens: new Uint32Array(), firstTokenMs: null, totalMs: 0 }),
    score: async () => {},
    clear: async () => {
      held = new Uint32Array();
    },
    async close() {
      engine.openSequences -= 1;
    },
  };
}

export function planesOf(tokens: Uint32Array): KvPlanes {
  const planes = allocatePlanes(GEOMETRY, 0, tokens.length);
  planes.data.forEach((_, i) => {
    planes.data[i] = (tokens[i % tokens.length]! + i) % 1000;
  });
  return planes;
}
