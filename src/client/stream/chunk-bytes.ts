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
  #bytes = new Uint8Array(0);
  readonly #parts: Part[] = [];

  /** Up to the end of what was asked for; filled from the start. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes;
  }

  /** A transfer was asked for; it follows all that were before it. */
  add(transfer: Transfer): void {
    if (transfer.toByte > this.#bytes.length) {
      const larger = new Uint8Array(transfer.toByte);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#parts.push({ transfer, reported: 0, arrived: 0 });
  }

  /** Keeps a piece that arrived; returns what is contiguous since. */
  put(transfer: Transfer, piece: Uint8Array): Contiguous[] {
    const part = this.#parts.find((candidate) => candidate.transfer === transfer);
    if (part === undefined) return [];
    const at = transfer.fromByte + part.arrived;
    const kept = piece.subarray(0, Math.max(0, transfer.toByte - at));
    this.#bytes.set(kept, at);
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
