import type { Transfer } from '../controller/index.ts';

interface Part {
  transfer: Transfer;
  /** Bytes of it that have been reported as contiguous. */
  reported: number;
  arrived: number;
}

export interface Contiguous {
  transfer: Transfer;
  bytes: number;
}

/**
 * The bytes of one chunk object as its transfers bring them. Over several connections a later range may come before an earlier
 * one is complete; the session hears of it when nothing before it is missing.
 */
export class ChunkBytes {
  /** As large as the finest level; filled from the start. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #parts: Part[] = [];

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
  }

  /** A transfer was asked for; it follows all that were before it. */
  add(transfer: Transfer): void {
    this.#parts.push({ transfer, reported: 0, arrived: 0 });
  }

  /** Keeps a piece that arrived; returns what is contiguous since. */
  put(transfer: Transfer, piece: Uint8Array): Contiguous[] {
    const part = this.#parts.find((candidate) => candidate.transfer === transfer);
    if (part === undefined) return [];
    const at = transfer.fromByte + part.arrived;
    const kept = piece.subarray(0, Math.max(0, transfer.toByte - at));
    this.bytes.set(kept, at);
    part.arrived += kept.length;
    const news: Contiguous[] = [];
    for (let head = this.#parts[0]; head !== undefined; head = this.#parts[0]) {
      const fresh = head.arrived - head.reported;
      if (fresh > 0) news.push({ transfer: head.transfer, bytes: fresh });
      head.reported = head.arrived;
      if (head.transfer.fromByte + head.arrived < head.transfer.toByte) break;
      this.#parts.shift();
    }
    return news;
  }

  /** A transfer is over before its end: what comes after its last byte was asked for in vain. */
  drop(transfer: Transfer): void {
    const at = this.#parts.findIndex((part) => part.transfer === transfer);
    if (at !== -1) this.#parts.splice(at, 1);
  }
}
