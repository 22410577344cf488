import { expect, test } from 'vitest';
import { PacketLoss } from '../../src/cli/link/packet-loss.ts';

const stalls = (packetShare: number, seed: number) => {
  const loss = new PacketLoss({ packetShare, stallMs: 30, seed });
  return Array.from({ length: 4_000 }, () => loss.stallMs(1_448));
};

test('as many packets stall as are lost, the same ones for the same seed', () => {
  const share = stalls(0.1, 7).filter((ms) => ms === 30).length / 4_000;
  expect(share).toBeGreaterThan(0.08);
  expect(share).toBeLessThan(0.12);
  expect(stalls(0.1, 7)).toEqual(stalls(0.1, 7));
  expect(stalls(0.1, 7)).not.toEqual(stalls(0.1, 8));
  expect(stalls(0, 7)).toEqual(Array(4_000).fill(0));
});

test.each([-0.1, 1, Number.NaN])('a share of %j is refused', (packetShare) =>
  expect(() => new PacketLoss({ packetShare, stallMs: 1 })).toThrow(RangeError),
);
