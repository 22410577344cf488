import type { Engine, EngineSequence, KvPlanes } from '../../src/engine/index.ts';
import { type Damage, DamageMeter } from './damage.ts';
import { bytesOf, type ResultCache } from './result-cache.ts';

export interface Setting {
  prefixTokens: number;
  scoredTokens: number;
  /** Of the scored tokens every n-th one's distribution is compared. */
  everyTokens: number;
}

/**
 * Damage of any cache of one text: its first tokens are the cached prefix, the following ones are scored against the exact
 * cache. Results are kept by what they depend on, the decoded planes included: a run that was killed goes on where it was,
 * and a candidate that did not change since an earlier run is not scored again.
 */
export class Scorer {
  readonly prefix: Uint32Array;
  readonly #scored: Uint32Array;
  readonly #engine: Engine;
  readonly #sequence: EngineSequence;
  readonly #setting: Setting;
  readonly #cache: ResultCache;
  #reference: Map<number, Float32Array> | null = null;
  #exact: KvPlanes | null = null;

  constructor(
    engine: Engine,
    sequence: EngineSequence,
    tokens: Uint32Array,
    setting: Setting,
    cache: ResultCache,
  ) {
    this.#engine = engine;
    this.#sequence = sequence;
    this.#setting = setting;
    this.#cache = cache;
    this.prefix = tokens.slice(0, setting.prefixTokens);
    this.#scored = tokens.slice(setting.prefixTokens, setting.prefixTokens + setting.scoredTokens + 1);
  }

  /** The KV of the prefix as the engine computes it. */
  async exact(): Promise<KvPlanes> {
    if (this.#exact === null) {
      await this.#sequence.clear();
      await this.#sequence.prefill(this.prefix);
      this.#exact = await this.#sequence.readPlanes();
    }
    return this.#exact;
  }

  damage(chunks: readonly KvPlanes[]): Promise<Damage> {
    const key = ['damage', JSON.stringify(this.#setting), bytesOf(this.#scored), ...this.#keyOf(chunks)];
    return this.#cache.get(key, async () => {
      const meter = new DamageMeter();
      const reference = await this.#references();
      await this.#score(chunks, (index, distribution) =>
        meter.add(reference.get(index) as Float32Array, distribution, this.#scored[index + 1] as number),
      );
      return meter.result();
    });
  }

  /** The tokens that the model, greedy, continues the prefix with. */
  async generate(chunks: readonly KvPlanes[], tokens: number): Promise<Uint32Array> {
    const said = await this.#cache.get(['generate', String(tokens), ...this.#keyOf(chunks)], async () => {
      await this.#load(chunks);
      const generation = await this.#sequence.generate({ maxTokens: tokens, stopAtEnd: false });
      return Array.from(generation.tokens);
    });
    return Uint32Array.from(said);
  }

  async #references(): Promise<Map<number, Float32Array>> {
    if (this.#reference === null) {
      const found = new Map<number, Float32Array>();
      await this.#score([await this.exact()], (index, distribution) => found.set(index, distribution));
      this.#reference = found;
    }
    return this.#reference;
  }

  async #score(
    chunks: readonly KvPlanes[],
    onDistribution: (index: number, distribution: Float32Array) => void,
  ) {
    await this.#load(chunks);
    const { everyTokens } = this.#setting;
    await this.#sequence.score(this.#scored.subarray(0, -1), onDistribution, { everyTokens });
  }

  async #load(chunks: readonly KvPlanes[]) {
    await this.#sequence.clear();
    await this.#sequence.loadPlanes(this.prefix, chunks);
  }

  #keyOf(chunks: readonly KvPlanes[]): (string | Uint8Array)[] {
    const planes = chunks.map(({ data }) => bytesOf(data));
    return [this.#engine.model.fingerprint, bytesOf(this.prefix), ...planes];
  }
}
