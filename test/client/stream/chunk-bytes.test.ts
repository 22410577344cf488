import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Transfer } from '../../../src/client/controller/index.ts';
import { ChunkBytes } from '../../../src/client/stream/chunk-bytes.ts';

test('ranges that come in any interleaving are reported in order and only once contiguous', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 6 }),
      fc.array(fc.tuple(fc.nat(5), fc.integer({ min: 1, max: 20 })), { maxLength: 60 }),
      (sizes, order) => {
        const total = sizes.reduce((sum, size) => sum + size, 0);
        const source = Uint8Array.from({ length: total }, (_, i) => i + 1);
        const object = new ChunkBytes();
        let end = 0;
        const parts = sizes.map((size) => {
          const transfer: Transfer = { chunk: 0, fromByte: end, toByte: end + size };
          end += size;
          object.add(transfer);
          return { transfer, at: transfer.fromByte };
        });
        let contiguous = 0;
        const put = (which: number, count: number) => {
          const part = parts[which % parts.length]!;
          const piece = source.subarray(part.at, Math.min(part.at + count, part.transfer.toByte));
          part.at += piece.length;
          for (const { transfer, bytes } of object.put(part.transfer, piece)) {
            expect(contiguous).toBeGreaterThanOrEqual(transfer.fromByte);
            contiguous += bytes;
            expect(contiguous).toBeLessThanOrEqual(transfer.toByte);
          }
          expect(object.bytes.subarray(0, contiguous)).toEqual(source.subarray(0, contiguous));
        };
        for (const [which, count] of order) put(which, count);
        for (const index of parts.keys()) put(index, total);
        expect(contiguous).toBe(total);
      },
    ),
  );
});

test('bytes beyond an end that was moved to the front are not kept', () => {
  const object = new ChunkBytes();
  const transfer: Transfer = { chunk: 0, fromByte: 0, toByte: 10 };
  object.add(transfer);
  object.put(transfer, new Uint8Array(3).fill(1));
  transfer.toByte = 5;
  expect(object.put(transfer, new Uint8Array(7).fill(1))).toEqual([{ transfer, bytes: 2 }]);
  expect(object.put(transfer, new Uint8Array(1).fill(1))).toEqual([]);
  expect([...object.bytes]).toEqual([1, 1, 1, 1, 1, 0, 0, 0, 0, 0]);
});
