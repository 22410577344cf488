import type { Backend } from '../codec/codec.ts';
import type { PlanEntry } from './stream/history.ts';

export type Stage = 'manifest' | 'tokens' | 'profile' | 'transfer' | 'verify' | 'decode' | 'load' | 'text';
export type ByteKind = 'manifest' | 'tokens' | 'chunks' | 'profile';

/** What opening a context cost. */
export interface LoadReport {
  /** Name of the level; `mixed` if chunks differ, `text` if none came as KV. */
  level: string;
  /** Level of each chunk; null: its text was evaluated. */
  levels: (string | null)[];
  backend: Backend;
  /** Bytes of bodies received; `profile` is 0 when it was cached. */
  bytes: Record<ByteKind, number>;
  /** Milliseconds during which a stage was at work, at least once; stages overlap, so they add up to more than `totalMs`. */
  stageMs: Record<Stage, number>;
  /** From the call to the loaded sequence. */
  totalMs: number;
  /** With a deadline only. */
  plan?: PlanReport;
}

/** How the levels came about. */
export interface PlanReport {
  deadlineMs: number;
  /** Every change of the plan, the first at the first look at the link. */
  history: PlanEntry[];
  /** Byte ranges asked for. */
  requests: number;
}

/** What `LoadReport.level` says of the levels of all chunks. */
export function summaryOf(levels: readonly (string | null)[]): string {
  const names = new Set(levels);
  if (names.size > 1) return 'mixed';
  return levels[0] ?? 'text';
}

/** Collects bytes and the time in which each stage was busy (overlapping work of one stage counts once). */
export class Meter {
  readonly bytes: Record<ByteKind, number> = { manifest: 0, tokens: 0, chunks: 0, profile: 0 };
  readonly stageMs: Record<Stage, number> = {
    manifest: 0,
    tokens: 0,
    profile: 0,
    transfer: 0,
    verify: 0,
    decode: 0,
    load: 0,
    text: 0,
  };
  readonly #busy = new Map<Stage, { count: number; since: number }>();
  readonly #start = performance.now();

  get totalMs(): number {
    return performance.now() - this.#start;
  }

  addBytes(kind: ByteKind, count: number): void {
    this.bytes[kind] += count;
  }

  async time<T>(stage: Stage, work: () => Promise<T>): Promise<T> {
    const end = this.begin(stage);
    try {
      return await work();
    } finally {
      end();
    }
  }

  /** A stage is at work until the function returned is called. */
  begin(stage: Stage): () => void {
    const busy = this.#busy.get(stage) ?? { count: 0, since: 0 };
    this.#busy.set(stage, busy);
    if (busy.count++ === 0) busy.since = performance.now();
    return () => {
      if (--busy.count === 0) this.stageMs[stage] += performance.now() - busy.since;
    };
  }
}
