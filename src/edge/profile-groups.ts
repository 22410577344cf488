import type { GroupMembers } from '../codec/codec.ts';
import { ProblemError } from '../protocol/problems.ts';

/** Reads `length` bytes at `offset` of a profile file, or fewer where the file ends. */
export type ReadProfile = (offset: number, length: number) => Promise<Uint8Array>;

/** Holds the fixed fields of any group (docs/format.md, section 4.2) with room to spare. */
const WINDOW_BYTES = 65_536;
const HALF = 1;
const INT8 = 2;
const INT4 = 3;

/**
 * Which planes each group of a profile holds, found by walking the file (docs/format.md, section 4) and stepping over its
 * tables: a few short reads instead of a file larger than the Worker's memory. Throws `invalid-profile`.
 */
export async function profileGroups(read: ReadProfile): Promise<GroupMembers[]> {
  const file = new Walker(read);
  file.skip(4 + 2 + 2 + 4 + 32);
  const layers = await file.u16();
  const kvHeads = await file.u16();
  const dims = [kvHeads * (await file.u16()), kvHeads * (await file.u16())] as const;
  file.skip(1);
  const ropeFactorCount = await file.u16();
  file.skip(2 + 4 + 4 + 4 * ropeFactorCount + 4);
  file.skip(16 * (await file.u8()) + 4);
  file.skip(layers * (dims[0] + dims[1]) * 8);

  const classCount = await file.u8();
  for (let i = 0; i < classCount; i++) {
    const largest = await file.u8();
    file.skip(1 + 2 * (2 * largest + 2) + 12);
  }

  const groupCount = await file.u8();
  const groups: GroupMembers[] = [];
  for (let i = 0; i < groupCount; i++) groups.push(await readGroup(file, layers, dims));
  return groups;
}

async function readGroup(
  file: Walker,
  layers: number,
  dims: readonly [number, number],
): Promise<GroupMembers> {
  const members: number[] = [];
  const memberCount = await file.u16();
  for (let i = 0; i < memberCount; i++) {
    const plane = await file.u16();
    if (plane >= 2 * layers || plane <= (members.at(-1) ?? -1)) throw file.corrupt(`group member ${plane}`);
    members.push(plane);
  }
  const rank = await file.u16();
  file.skip(2 * (await file.u8()) + rank);
  const memberRows = members.map((plane) => dims[(plane & 1) as 0 | 1]);
  await skipBasis(file, memberRows, rank);
  return { members };
}

/** U: a matrix, or a product of two. */
async function skipBasis(file: Walker, memberRows: number[], rank: number): Promise<void> {
  const blockCount = await file.u8();
  if (blockCount > 0) return skipMatrix(file, blockCount, sum(memberRows));
  const parts: { rows: number; columns: number }[] = [];
  const partCount = await file.u8();
  let firstMember = 0;
  for (let i = 0; i < partCount; i++) {
    const memberCount = await file.u16();
    const rows = sum(memberRows.slice(firstMember, firstMember + memberCount));
    parts.push({ rows, columns: await file.u16() });
    firstMember += memberCount;
  }
  const mixRows = sum(parts.map(({ columns }) => columns));
  if (firstMember !== memberRows.length || rank > mixRows) throw file.corrupt('basis that is a product');
  for (const { rows } of parts) await skipMatrix(file, await file.u8(), rows);
  await skipMatrix(file, await file.u8(), mixRows);
}

const sum = (numbers: number[]) => numbers.reduce((total, n) => total + n, 0);

/** A matrix of which the block count is read already. */
async function skipMatrix(file: Walker, blockCount: number, rows: number): Promise<void> {
  let dataBytes = 0;
  for (let i = 0; i < blockCount; i++) {
    const columns = await file.u16();
    const type = await file.u8();
    dataBytes += columns * columnBytes(file, type, rows);
  }
  file.skip(dataBytes);
}

/** Bytes of a column of U with its scale. */
function columnBytes(file: Walker, type: number, rows: number): number {
  if (type === HALF) return 2 * rows;
  if (type === INT8) return 4 + rows;
  if (type === INT4) return 4 + Math.ceil(rows / 2);
  throw file.corrupt(`block type ${type}`);
}

/** A cursor over a file of which only a window is in memory. */
class Walker {
  readonly #read: ReadProfile;
  #window: DataView = new DataView(new ArrayBuffer(0));
  #windowStart = 0;
  #at = 0;

  constructor(read: ReadProfile) {
    this.#read = read;
  }

  async u8(): Promise<number> {
    const at = await this.#take(1);
    return this.#window.getUint8(at);
  }

  async u16(): Promise<number> {
    const at = await this.#take(2);
    return this.#window.getUint16(at, true);
  }

  skip(bytes: number): void {
    this.#at += bytes;
  }

  corrupt(what: string): ProblemError {
    return new ProblemError('invalid-profile', `corrupt: ${what} before byte ${this.#at}`);
  }

  /** Steps over `bytes` bytes and gives their index in the window, which then holds them. */
  async #take(bytes: number): Promise<number> {
    const at = this.#at;
    if (at < this.#windowStart || at + bytes > this.#windowStart + this.#window.byteLength) {
      const part = await this.#read(at, WINDOW_BYTES);
      if (part.byteLength < bytes) throw new ProblemError('invalid-profile', `truncated at byte ${at}`);
      this.#window = new DataView(part.buffer, part.byteOffset, part.byteLength);
      this.#windowStart = at;
    }
    this.#at = at + bytes;
    return at - this.#windowStart;
  }
}
