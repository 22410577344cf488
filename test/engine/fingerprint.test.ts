import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { modelFingerprint } from '../../src/engine/fingerprint.ts';

const geometry = { layers: 30, kvHeads: 3, keyHeadDim: 64, valueHeadDim: 64 };
const smollm2 = Buffer.from('b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53', 'hex');

it('the fingerprint of the pinned model never changes', () => {
  expect(Buffer.from(modelFingerprint(smollm2, geometry)).toString('hex')).toBe(
    '9bdf4566ab75b3a395fe32883513753a1392cf28977707579da1ff35327d7741',
  );
});

it('the fingerprint covers exactly the bytes that docs/format.md names', () => {
  const shape = Buffer.from('1e000000030000004000000040000000', 'hex');
  const bytes = Buffer.concat([Buffer.from('kvedge/model/v1\0'), smollm2, shape]);
  expect(modelFingerprint(smollm2, geometry)).toEqual(
    new Uint8Array(createHash('sha256').update(bytes).digest()),
  );
});

it('a digest of another length is a mistake of the caller', () => {
  expect(() => modelFingerprint(new Uint8Array(31), geometry)).toThrow('expected 32 bytes, got 31');
});
