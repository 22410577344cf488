import { describe, expect, it } from 'vitest';
import { CutMemory } from '../../src/edge/cut-memory.ts';
import { LIMITS } from '../../src/protocol/limits.ts';

describe('CutMemory', () => {
  it('refuses a chunk above the limit for good', () => {
    const memory = new CutMemory();
    expect(() => memory.draw(LIMITS.cutBytes + 1)).toThrow(
      expect.objectContaining({ code: 'cut-too-large' }),
    );
    memory.draw(LIMITS.cutBytes);
  });

  it('lets others wait until what is drawn is given back', () => {
    const memory = new CutMemory();
    const giveBack = memory.draw(LIMITS.cutBytes - 1);
    memory.draw(1);
    expect(() => memory.draw(1)).toThrow(expect.objectContaining({ code: 'cuts-busy', status: 503 }));
    giveBack();
    memory.draw(LIMITS.cutBytes - 1);
  });
});
