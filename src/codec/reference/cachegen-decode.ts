/// <reference lib="esnext.float16" />
import type { KvPlanes } from '../../engine/planes.ts';
import { type CachegenModel, CODEC_CACHEGEN, type DecodeOptions } from '../codec.ts';
import { planesOf } from './cachegen-layout.ts';
import { type CachegenPlane, type CachegenPrelude, parseCachegenPrelude } from './cachegen-prelude.ts';
import { checkNothingFollows, parseHeader, segmentEnds } from './chunk-header.ts';
import { countPresent } from './decode.ts';
import { fail, within } from './fail.ts';
import { planeDim, planeStart, sameGeometry, valuesPerToken } from './geometry.ts';
import { MEMORY_BUDGET_BYTES } from './limits.ts';
import { toF16Range } from './reconstruct.ts';
import { decodeBaseRow, refineRow } from './segment.ts';
import { readParts } from './segment-parts.ts';

const LANES = 32;
const CLASSES_PER_PASS = 4;

/** Integers of one plane, `q[channel * tokens + token]`, and the last pass that was decoded. */
interface PlaneIntegers {
  q: Int32Array;
  pass: number;
}

/** docs/format.md, section 12: a chunk object, or a prefix of it, to planes. */
export function decodeCachegen(
  model: CachegenModel,
  chunk: Uint8Array,
  options: DecodeOptions = {},
  maxMemoryBytes: number = MEMORY_BUDGET_BYTES,
): KvPlanes {
  const info = parseHeader(chunk);
  const isOwn = info.codec === CODEC_CACHEGEN && info.modelFingerprint === model.modelFingerprint;
  if (!isOwn || !sameGeometry(info, model)) fail('wrong-profile', 'another codec or model');
  checkNothingFollows(chunk, info);
  const ends = segmentEnds(info);
  const values = info.tokenCount * valuesPerToken(info);
  within(6 * values + info.preludeBytes, maxMemoryBytes, 'memory for decoding, in bytes,');
  const present = info.segments.slice(0, countPresent(info, ends, chunk.length, options));
  const prelude = parseCachegenPrelude(chunk.subarray(info.headerBytes, ends[0]!), info);

  const integers: PlaneIntegers[] = prelude.planes.map((plane) => ({
    q: new Int32Array(plane.channels.length * prelude.tokenCount),
    pass: 0,
  }));
  for (const [number, { group, band, pass }] of present.entries()) {
    const bytes = chunk.subarray(ends[number]!, ends[number + 1]!);
    decodeSegment(bytes, planesOf(info.layers, group, band), pass, prelude, integers);
  }

  const data = new Uint16Array(values);
  const halves = new Float16Array(data.buffer);
  for (const [number, plane] of prelude.planes.entries()) {
    const dim = planeDim(info, number);
    const start = planeStart(info, number, info.tokenCount);
    const from = planeStart(info, number, 1);
    if (prelude.firstToken !== undefined) data.set(prelude.firstToken.subarray(from, from + dim), start);
    const coded = halves.subarray(start + (prelude.firstToken === undefined ? 0 : dim));
    for (let channel = 0; channel < dim; channel++) {
      reconstruct(plane, channel, integers[number]!, prelude, (token, value) => {
        coded[token * dim + channel] = toF16Range(value);
      });
    }
  }
  const { layers, kvHeads, keyHeadDim, valueHeadDim } = info;
  const geometry = { layers, kvHeads, keyHeadDim, valueHeadDim };
  return { geometry, firstPosition: info.firstPosition, tokenCount: info.tokenCount, data };
}

/** Section 12.4. */
function decodeSegment(
  bytes: Uint8Array,
  planes: number[],
  pass: number,
  prelude: CachegenPrelude,
  integers: PlaneIntegers[],
): void {
  const { anchors, others, anchorShift, classes, lanes, tokenCount } = prelude;
  const parts = readParts(bytes, lanes, pass > 0);
  for (const plane of planes) {
    for (const [channel, { class: own, gain }] of prelude.planes[plane]!.channels.entries()) {
      for (const tokens of [anchors, others]) {
        const shift = tokens === anchors ? anchorShift[gain]! : 0;
        const k = own + CLASSES_PER_PASS * pass + parts.classShift + shift;
        const table = classes[Math.min(Math.max(k, 0), classes.length - 1)]!;
        for (let first = 0; first < tokens.length; first += LANES) {
          const row = tokens.slice(first, first + LANES).map((token) => channel * tokenCount + token);
          if (pass > 0) refineRow(parts, table, row, integers[plane]!.q);
          else decodeBaseRow(parts, table, row, integers[plane]!.q);
        }
      }
    }
    integers[plane]!.pass = pass;
  }
  parts.rans.end();
  parts.escapes.end();
}

/** Section 12.2: the values of one channel. */
function reconstruct(
  { step, channels }: CachegenPlane,
  channel: number,
  { q, pass }: PlaneIntegers,
  { anchors, tokenCount }: CachegenPrelude,
  write: (token: number, value: number) => void,
): void {
  const { gain, mean } = channels[channel]!;
  const isAnchor = new Set(anchors);
  let predicted = 0;
  for (let token = 0; token < tokenCount; token++) {
    const index = q[channel * tokenCount + token]!;
    const refined = (index * step) / 3 ** pass;
    if (isAnchor.has(token)) {
      let first = index;
      for (let p = pass; p > 0; p--) first = Math.round(first / 3);
      predicted = (gain / 3) * (first * step);
      write(token, mean + refined);
    } else {
      write(token, mean + predicted + refined);
    }
  }
}
