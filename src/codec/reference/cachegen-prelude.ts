import type { ChunkInfo } from '../codec.ts';
import { ByteReader } from './byte-reader.ts';
import { tokenOrder } from './cachegen-layout.ts';
import { checkTrailingCrc } from './crc32c.ts';
import { fail, inRange } from './fail.ts';
import { planeDim, valuesPerToken } from './geometry.ts';
import { MAX_CLASSES } from './limits.ts';
import { list, readPlanes } from './profile.ts';
import { type CoefficientClass, readClass } from './profile-class.ts';

export interface CachegenPlane {
  step: number;
  /** By channel. */
  channels: { class: number; gain: number; mean: number }[];
}

/** docs/format.md, section 12.1. */
export interface CachegenPrelude {
  firstToken: Uint16Array | undefined;
  /** Coded tokens, and which of them are anchors. */
  tokenCount: number;
  anchors: number[];
  others: number[];
  /** By gain. */
  anchorShift: number[];
  planes: CachegenPlane[];
  classes: CoefficientClass[];
  lanes: number;
}

/** `part`: the prelude with its CRC. */
export function parseCachegenPrelude(part: Uint8Array, info: ChunkInfo): CachegenPrelude {
  checkTrailingCrc(part, 'prelude');
  const reader = new ByteReader(part.subarray(0, -4), 'prelude', 'corrupt');
  const mode = reader.u8();
  if (mode > 1) fail('unsupported', `firstTokenMode ${mode} in codec 2`);
  const firstToken = mode === 1 ? readPlanes(reader.take(2 * valuesPerToken(info))) : undefined;
  const span = inRange(reader.u8(), 1, 255, 'anchorSpan');
  const anchorShift = list(4, () => reader.i8());
  const planes = list(2 * info.layers, (plane) => readPlane(reader, planeDim(info, plane)));
  const classes = list(inRange(reader.u8(), 1, MAX_CLASSES, 'classCount'), () => readClass(reader));
  reader.end();
  const tokenCount = info.tokenCount - mode;
  if (tokenCount === 0 && info.segments.length > 0) fail('corrupt', 'segments, but no coded token');
  const { anchors, others } = tokenOrder(tokenCount, span);
  const lanes = Math.min(32, Math.max(anchors.length, others.length));
  return { firstToken, tokenCount, anchors, others, anchorShift, planes, classes, lanes };
}

/** Section 12.2. */
function readPlane(reader: ByteReader, dim: number): CachegenPlane {
  const step = reader.positive('step');
  const meanStep = reader.f32();
  if (meanStep < 0) fail('corrupt', `meanStep is ${meanStep}`);
  const codes = new ByteReader(reader.take(dim), 'channels');
  const means = meanStep > 0 ? new ByteReader(reader.take(dim), 'means') : undefined;
  const channels = list(dim, () => {
    const code = codes.u8();
    return { class: code & 63, gain: code >> 6, mean: (means?.i8() ?? 0) * meanStep };
  });
  return { step, channels };
}
