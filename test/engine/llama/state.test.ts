import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EngineError } from '../../../src/engine/errors.ts';
import { encodeState } from '../../../src/engine/llama/state-encode.ts';
import { boundedStateBytes, stateOffsets } from '../../../src/engine/llama/state-layout.ts';
import { parseState, type StateExpectation } from '../../../src/engine/llama/state-parse.ts';
import { slicePlanes } from '../../../src/engine/planes.ts';
import { geometryArbitrary, planesOf, smallGeometry, tokensOf } from '../synthetic.ts';

const geometry = smallGeometry;
const tokens = tokensOf(5);

function stateBytes(valuesTransposed: boolean): Uint8Array {
  return encodeState({ geometry, tokens, chunks: [planesOf(geometry, 0, 5)], valuesTransposed });
}

function refusal(
  bytes: Uint8Array,
  expectation: StateExpectation = { geometry, tokens },
): EngineError | null {
  try {
    parseState(bytes, expectation);
    return null;
  } catch (error) {
    if (error instanceof EngineError && error.code === 'state-invalid') return error;
    throw error;
  }
}

describe.each([false, true])('a state with values transposed = %s', (valuesTransposed) => {
  it('gives back what was encoded', () => {
    fc.assert(
      fc.property(geometryArbitrary, fc.integer({ min: 1, max: 7 }), (anyGeometry, tokenCount) => {
        const planes = planesOf(anyGeometry, 0, tokenCount);
        const content = { geometry: anyGeometry, tokens: tokensOf(tokenCount), valuesTransposed };
        const parsed = parseState(encodeState({ ...content, chunks: [planes] }), { geometry: anyGeometry });
        expect(parsed).toEqual({ tokens: content.tokens, planes, valuesTransposed });
      }),
    );
  });

  it('may lie anywhere in a Buffer, as files read from disk do', () => {
    const bytes = stateBytes(valuesTransposed);
    const buffer = Buffer.concat([Buffer.from('xyz'), bytes]).subarray(3);
    expect(parseState(buffer, { geometry })).toEqual(parseState(bytes, { geometry }));
  });

  it('is the same whether its planes come whole or in chunks', () => {
    const whole = planesOf(geometry, 0, 5);
    const chunks = [0, 2, 4].map((start) => slicePlanes(whole, { start, end: Math.min(start + 2, 5) }));
    expect(encodeState({ geometry, tokens, chunks, valuesTransposed })).toEqual(stateBytes(valuesTransposed));
  });

  it('is refused when truncated at any offset or followed by anything', () => {
    const bytes = stateBytes(valuesTransposed);
    for (let end = 0; end < bytes.length; end++) expect(refusal(bytes.subarray(0, end))).not.toBeNull();
    expect(refusal(Uint8Array.from([...bytes, 0]))).not.toBeNull();
  });

  it('is refused when any byte outside the values changes', () => {
    const bytes = stateBytes(valuesTransposed);
    const at = stateOffsets(geometry, 5);
    const inPlane = (offset: number, start: number, stride: number): boolean =>
      offset >= start && offset < start + geometry.layers * stride && (offset - start) % stride >= 12;
    for (let offset = 0; offset < bytes.length; offset++) {
      const changed = bytes.slice();
      changed[offset] = (bytes[offset] as number) ^ 0x10;
      const isValue =
        inPlane(offset, at.keyPlanes, at.keyStride) || inPlane(offset, at.valuePlanes, at.valueStride);
      expect(refusal(changed) === null, `byte ${offset}`).toBe(isValue);
    }
  });

  it('is either refused or survives encoding unchanged, whatever is done to it', () => {
    const original = stateBytes(valuesTransposed);
    const edit = fc.record({ offset: fc.nat(original.length - 1), byte: fc.nat(255) });
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 4 }), fc.nat(original.length + 4), (edits, length) => {
        const bytes = new Uint8Array(length);
        bytes.set(original.subarray(0, length));
        for (const { offset, byte } of edits) if (offset < length) bytes[offset] = byte;
        let parsed: ReturnType<typeof parseState>;
        try {
          parsed = parseState(bytes, { geometry });
        } catch (error) {
          expect(error).toMatchObject({ code: 'state-invalid' });
          return;
        }
        parsed.planes.data.forEach((bits, i, data) => {
          data[i] = bits & 0xbbff; // the encoder refuses infinities, which are no matter of the layout
        });
        const again = encodeState({ ...parsed, geometry, chunks: [parsed.planes] });
        expect(parseState(again, { geometry })).toEqual(parsed);
      }),
      { numRuns: 2_000 },
    );
  });

  it('is refused by a context that keeps values the other way', () => {
    const refused = refusal(stateBytes(valuesTransposed), { geometry, valuesTransposed: !valuesTransposed });
    expect(refused?.message).toContain('values transposed');
  });
});

describe('a state is refused with the field, the expected and the found value', () => {
  const at = stateOffsets(geometry, 5);
  it.each<[string, number, number, string]>([
    ['magic', 0, 7, 'wrong magic'],
    ['version', 4, 2, 'wrong version (expected 3, got 2)'],
    ['a huge token count', 8, 0xffffffff, 'wrong token count'],
    ['no tokens', 8, 0, 'wrong token count'],
    ['another token', 12, 1, 'wrong token 0'],
    ['two streams', at.streams, 2, 'wrong stream count (expected 1, got 2)'],
    ['fewer cells', at.streams + 4, 4, 'wrong cell count (expected 5, got 4)'],
    ['a position out of order', at.cells + 12, 3, 'wrong position of cell 1 (expected 1, got 3)'],
    ['a shared cell', at.cells + 4, 2, 'wrong sequence count of cell 0'],
    ['another sequence', at.cells + 8, 1, 'wrong sequence id of cell 0'],
    ['another layer count', at.data + 4, 3, 'wrong layer count (expected 2, got 3)'],
    ['quantized keys', at.keyPlanes, 8, 'quantized caches are not supported'],
    ['another row size', at.keyPlanes + 4, 26, 'wrong key row bytes of layer 0 (expected 24, got 26)'],
  ])('%s', (_, offset, value, message) => {
    const bytes = stateBytes(false);
    new DataView(bytes.buffer).setUint32(offset, value, true);
    expect(refusal(bytes)?.message.replace(/ at byte \d+: /, ': ')).toContain(message);
  });

  it('the geometry of another model', () => {
    for (const field of ['layers', 'kvHeads', 'keyHeadDim', 'valueHeadDim'] as const) {
      expect(
        refusal(stateBytes(false), { geometry: { ...geometry, [field]: geometry[field] + 1 } }),
      ).not.toBeNull();
    }
  });
});

it('a state beyond the size cap is refused before memory is taken', () => {
  const large = { layers: 80, kvHeads: 8, keyHeadDim: 128, valueHeadDim: 128 };
  expect(() => boundedStateBytes(large, 10_000)).toThrow(
    expect.objectContaining({ code: 'context-too-long' }),
  );
  expect(boundedStateBytes(large, 6_000)).toBeGreaterThan(1e9);
});
