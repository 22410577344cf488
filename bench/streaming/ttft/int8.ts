import { allocatePlanes, type KvPlanes, rowValues } from '../../../src/engine/planes.ts';

/** Values that share a scale, as in the quality bench. */
const GROUP_VALUES = 32;
const LARGEST = 127;

/** Planes as they travel when quantized to 8 bits: all integers, then one fp16 scale for every group. */
export function packInt8(planes: KvPlanes): Uint8Array<ArrayBuffer> {
  const values = planes.data.length;
  const packed = new Uint8Array(values + (2 * values) / GROUP_VALUES);
  const integers = new Int8Array(packed.buffer, 0, values);
  const scales = new Float16Array(packed.buffer, values);
  const source = new Float16Array(planes.data.buffer, planes.data.byteOffset, values);
  checkRows(planes);
  for (let group = 0, start = 0; start < values; group++, start += GROUP_VALUES) {
    let peak = 0;
    for (let i = start; i < start + GROUP_VALUES; i++) peak = Math.max(peak, Math.abs(source[i]!));
    const scale = Math.f16round(peak / LARGEST);
    scales[group] = scale;
    for (let i = start; i < start + GROUP_VALUES; i++) {
      const index = scale === 0 ? 0 : Math.round(source[i]! / scale);
      integers[i] = Math.max(-LARGEST, Math.min(LARGEST, index));
    }
  }
  return packed;
}

/** The fp16 planes that `packed` stands for. */
export function unpackInt8(
  packed: Uint8Array<ArrayBuffer>,
  { geometry, firstPosition, tokenCount }: Omit<KvPlanes, 'data'>,
): KvPlanes {
  const planes = allocatePlanes(geometry, firstPosition, tokenCount);
  const values = planes.data.length;
  const integers = new Int8Array(packed.buffer, packed.byteOffset, values);
  const scales = new Float16Array(packed.buffer, packed.byteOffset + values);
  const target = new Float16Array(planes.data.buffer);
  for (let group = 0, start = 0; start < values; group++, start += GROUP_VALUES) {
    const scale = scales[group]!;
    for (let i = start; i < start + GROUP_VALUES; i++) target[i] = integers[i]! * scale;
  }
  return planes;
}

/** Groups must not span rows: planes lie behind each other. */
function checkRows({ geometry, tokenCount }: KvPlanes): void {
  for (const kind of ['key', 'value'] as const)
    if (rowValues(geometry, kind) % GROUP_VALUES !== 0)
      throw new RangeError(`${tokenCount} tokens: rows of ${rowValues(geometry, kind)} values do not divide`);
}
