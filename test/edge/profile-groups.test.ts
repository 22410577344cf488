import { describe, expect, it } from 'vitest';
import { profileGroups } from '../../src/edge/profile-groups.ts';
import { ProblemError } from '../../src/protocol/problems.ts';
import { GROUPS, makeProfile } from './support/objects.ts';

const reader = (file: Uint8Array, reads: number[] = []) => {
  return async (offset: number, length: number) => {
    reads.push(length);
    return file.slice(offset, offset + length);
  };
};

describe('profileGroups', () => {
  it('finds the members of every group, whatever the rank', async () => {
    for (const rank of [2, 4, 200]) {
      const groups = await profileGroups(reader(makeProfile(rank)));
      expect(groups).toEqual(GROUPS.map((members) => ({ members })));
    }
  });

  it('steps over the tables of a large file', async () => {
    const file = makeProfile(20_000);
    const reads: number[] = [];
    await profileGroups(reader(file, reads));
    expect(file.length).toBeGreaterThan(600_000);
    expect(reads.reduce((sum, length) => sum + length, 0)).toBeLessThan(file.length / 2);
  });

  it('gives a problem for every truncation and every altered byte, or groups', async () => {
    const file = makeProfile();
    for (let at = 0; at < file.length; at += 3) {
      for (const altered of [file.slice(0, at), file.with(at, file[at]! ^ 0xff)]) {
        const result = await profileGroups(reader(altered)).catch((error: unknown) => error);
        expect(Array.isArray(result) || result instanceof ProblemError).toBe(true);
      }
    }
  });
});
