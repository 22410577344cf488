import { type Rope, rotate } from '../../../../src/codec/reference/rope.ts';
import type { RopeParameters } from '../../../../src/engine/index.ts';
import { allocatePlanes, type KvPlanes, planeOf, rowValues } from '../../../../src/engine/planes.ts';
import { CHUNK_TOKENS } from '../../../../src/protocol/limits.ts';
import type { Fitted } from '../fitted.ts';
import { asFloat16 } from '../float16.ts';
import { allocateWithin, type ComponentGroup, groupChoices } from './allocate.ts';
import { packCoefficients } from './pack.ts';
import { type Kind, Products } from './products.ts';

/** Budgets before DEFLATE, bits per value. */
export const KVTC_BUDGETS = [0.25, 0.5, 0.9, 1.5, 2.4, 3.6] as const;
const KINDS = ['key', 'value'] as const;
const LAYOUTS = { none: 0, interleaved: 1, halves: 2 } as const;

/** A KVTC-like coder of one model (README.md beside says how it was matched). */
export class Kvtc {
  readonly #products: Products;
  readonly #rope: Rope;
  readonly #rank: number;
  readonly #groups = new Map<number, Record<Kind, ComponentGroup[]>>();

  constructor(fitted: Fitted, rope: RopeParameters, python: string) {
    this.#products = new Products(python, fitted.folder);
    this.#rope = { ...rope, layout: LAYOUTS[rope.layout], factors: rope.freqFactors ?? new Float32Array() };
    const samples = KINDS.map((kind) => {
      const entry = fitted.kvtc[kind];
      const [tokens, rank] = entry.sample.shape as [number, number];
      return { values: fitted.read(entry.sample), tokens, rank };
    });
    this.#rank = samples[0]!.rank;
    const choices = samples.map(groupChoices);
    const values = fitted.kvtc.key.mean.shape[0]! + fitted.kvtc.value.mean.shape[0]!;
    for (const budget of KVTC_BUDGETS) {
      const [key, value] = allocateWithin(choices, budget * values);
      this.#groups.set(budget, { key: key!, value: value! });
    }
  }

  /** Everything that does not depend on the budget: keys before RoPE and values, in principal components. */
  async analyse(planes: KvPlanes): Promise<Record<Kind, Float32Array>> {
    const found = {} as Record<Kind, Float32Array>;
    for (const kind of KINDS) {
      found[kind] = await this.#products.multiply(kind, 'analyse', this.#rows(planes, kind), this.#rank);
    }
    return found;
  }

  /** The planes as decoded; their first token is exact, and counted at 16 bits a value. */
  async code(
    planes: KvPlanes,
    coefficients: Record<Kind, Float32Array>,
    budget: number,
  ): Promise<{ planes: KvPlanes; bytes: number }> {
    const restored = allocatePlanes(planes.geometry, planes.firstPosition, planes.tokenCount);
    let bytes = 0;
    for (const kind of KINDS) {
      const groups = this.#groups.get(budget)![kind];
      const used = Math.max(
        1,
        ...groups.filter(({ bits }) => bits > 0).map(({ start, size }) => start + size),
      );
      const kept = new Float32Array(planes.tokenCount * used);
      for (let token = 1; token < planes.tokenCount; ) {
        const end = Math.min(planes.tokenCount, (Math.floor(token / CHUNK_TOKENS) + 1) * CHUNK_TOKENS);
        const chunk = coefficients[kind].subarray(token * this.#rank, end * this.#rank);
        const packed = packCoefficients(chunk, this.#rank, groups);
        bytes += packed.bytes;
        for (let row = token; row < end; row++) {
          const from = (row - token) * this.#rank;
          kept.set(packed.restored.subarray(from, from + used), row * used);
        }
        token = end;
      }
      const rows = await this.#products.multiply(kind, 'synthesise', kept, used);
      bytes += this.#store(planes, restored, rows, kind);
    }
    return { planes: restored, bytes };
  }

  close() {
    this.#products.close();
  }

  /** [tokens][layers x row], keys rotated back. */
  #rows(planes: KvPlanes, kind: Kind): Float32Array {
    const { geometry, tokenCount } = planes;
    const row = rowValues(geometry, kind);
    const rows = new Float32Array(tokenCount * row * geometry.layers);
    for (let layer = 0; layer < geometry.layers; layer++) {
      const source = asFloat16(planeOf(planes, layer, kind));
      for (let token = 0; token < tokenCount; token++) {
        const part = rows.subarray(
          (token * geometry.layers + layer) * row,
          (token * geometry.layers + layer + 1) * row,
        );
        part.set(source.subarray(token * row, (token + 1) * row));
        if (kind === 'key') rotate(this.#rope, part, geometry.keyHeadDim, -(planes.firstPosition + token));
      }
    }
    return rows;
  }

  /** Puts decoded rows into planes; the first token is the source's. Returns its bytes. */
  #store(source: KvPlanes, target: KvPlanes, rows: Float32Array, kind: Kind): number {
    const { geometry, tokenCount } = target;
    const row = rowValues(geometry, kind);
    for (let layer = 0; layer < geometry.layers; layer++) {
      const plane = asFloat16(planeOf(target, layer, kind));
      for (let token = 1; token < tokenCount; token++) {
        const start = (token * geometry.layers + layer) * row;
        const part = rows.subarray(start, start + row);
        if (kind === 'key') rotate(this.#rope, part, geometry.keyHeadDim, target.firstPosition + token);
        plane.set(part, token * row);
      }
      plane.set(asFloat16(planeOf(source, layer, kind)).subarray(0, row));
    }
    return 2 * row * geometry.layers;
  }
}
