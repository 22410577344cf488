import type { Session, Transfer } from '../../client/controller/index.ts';
import type { Manifest } from '../../protocol/manifest.ts';
import { frameHeader, type StreamEnd } from '../../protocol/stream-frames.ts';
import type { ByteRange } from '../http/range.ts';
import type { ClientClock } from './client-clock.ts';
import { ReckonedDecoder } from './reckoned-decoder.ts';

export interface StreamSource {
  manifest: Manifest;
  /** JSON of the manifest and of the tokens; null for a client that has them. */
  head: { manifest: Uint8Array; tokens: Uint8Array } | null;
  session: Session;
  clock: ClientClock;
  /** The bytes of a range of a chunk. */
  open: (chunk: number, range: ByteRange) => Promise<ReadableStream<Uint8Array>>;
}

/** Between two pieces the plan may change. */
const PIECE_BYTES = 32_768;

/**
 * Writes what the session asks for, frame after frame, until it settles. One transfer at a time: over one connection they arrive in
 * that order anyway.
 */
export async function writeStream(
  sink: WritableStreamDefaultWriter<Uint8Array>,
  { manifest, head, session, clock, open }: StreamSource,
): Promise<void> {
  const decoder = new ReckonedDecoder(session);
  const queue: Transfer[] = [];
  const current: { transfer: Transfer | null; pieces: AsyncGenerator<Uint8Array, void, void> | null } = {
    transfer: null,
    pieces: null,
  };
  const write = async (header: Uint8Array, payload: Uint8Array) => {
    const sentMs = clock.nowMs();
    await sink.write(header);
    await sink.write(payload);
    const bytes = header.length + payload.length;
    session.observe(bytes, clock.wrote(bytes, sentMs) - sentMs);
  };
  try {
    if (head !== null) {
      await write(frameHeader('manifest', head.manifest.length), head.manifest);
      await write(frameHeader('tokens', head.tokens.length), head.tokens);
    }
    session.receivedTokens(Number.POSITIVE_INFINITY, clock.nowMs());
    let lookAtMs = 0;
    for (;;) {
      const nowMs = clock.nowMs();
      decoder.runUntil(nowMs);
      // A plan costs more than a piece: it is made anew when a transfer has ended, or when the planner wants to look.
      if (queue[0] === undefined || isOver(queue[0], session) || nowMs >= lookAtMs) {
        const { start, standby, finish, wakeAtMs } = session.step(nowMs);
        lookAtMs = Math.min(wakeAtMs, nowMs + LONGEST_SKIP_MS);
        queue.push(...start);
        // A client that only reads evaluates no text meanwhile: it begins when the stream ends.
        const kvLevels = standby ?? finish?.kvLevels;
        if (kvLevels !== undefined) {
          const end = new TextEncoder().encode(JSON.stringify(endOf(manifest, kvLevels)));
          return await write(frameHeader('end', end.length), end);
        }
      }
      while (queue[0] !== undefined && isOver(queue[0], session)) queue.shift();
      const [transfer] = queue;
      if (transfer === undefined) {
        clock.skipTo(lookAtMs);
        continue;
      }
      const offset = session.progress[transfer.chunk]!.receivedBytes;
      if (current.pieces === null || current.transfer !== transfer) {
        await current.pieces?.return();
        current.pieces = piecesOf(await open(transfer.chunk, { offset, length: transfer.toByte - offset }));
        current.transfer = transfer;
      }
      const { done, value } = await current.pieces.next();
      if (done) throw new Error(`chunk ${transfer.chunk} ended at byte ${offset}`);
      const piece = value.subarray(0, transfer.toByte - offset);
      await write(frameHeader('kv', piece.length, transfer.chunk, offset), piece);
      session.received(transfer, piece.length);
    }
  } finally {
    await current.pieces?.return();
  }
}

/** The planner always has a next look in mind; this only bounds the steps of a clock on which nothing happens. */
const LONGEST_SKIP_MS = 1_000;

/** Complete, or cut short to what is here or to nothing. */
function isOver({ chunk, fromByte, toByte }: Transfer, session: Session): boolean {
  return toByte <= Math.max(fromByte, session.progress[chunk]!.receivedBytes);
}

function endOf({ chunks }: Manifest, kvLevels: readonly number[]): StreamEnd {
  return { levels: chunks.map(({ levels }, chunk) => levels[kvLevels[chunk] ?? -1]?.name ?? null) };
}

/** The bytes of a stream in pieces of at most `PIECE_BYTES`. Cancels it when it is left. */
async function* piecesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      for (let at = 0; at < value.length; at += PIECE_BYTES) yield value.subarray(at, at + PIECE_BYTES);
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
