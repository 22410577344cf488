import { chunkIds, contextId, sha256Hex, ZERO_ID } from '../../../src/protocol/ids.ts';
import type { Manifest } from '../../../src/protocol/manifest.ts';
import { concat, crc32c, Fields, withCrc } from './bytes.ts';

/** A small model: two groups of two layers each. */
export const GEOMETRY = { layers: 4, kvHeads: 1, keyHeadDim: 4, valueHeadDim: 4 };
export const FINGERPRINT = 'ab'.repeat(32);
export const LEVEL_NAMES = ['draft', 'standard', 'high', 'near-lossless'];
/** Members of the profile's two groups: planes of layers 0 and 1, then of layers 2 and 3. */
export const GROUPS = [
  [0, 1, 2, 3],
  [4, 5, 6, 7],
];
const LANES = 32;
const PRELUDE = withCrc(new Uint8Array([0, 0]));

export interface ChunkSpec {
  id: string;
  profileId?: string;
  firstPosition?: number;
  tokenCount?: number;
  /** Bytes of entropy-coded words in every segment; even. */
  wordBytes?: number;
  /** Changes the segments' content, not the header. */
  seed?: number;
  flags?: number;
}

/**
 * A chunk object with a segment per group and pass, laid out by docs/format.md; level n ends with pass n. All that an edge can
 * check holds; the words stand for no planes, because the edge never decodes.
 */
export function makeChunk(spec: ChunkSpec): Uint8Array<ArrayBuffer> {
  const { id, profileId = ZERO_ID, firstPosition = 0, tokenCount = 256, wordBytes = 64, seed = 0 } = spec;
  const passes = LEVEL_NAMES.length;
  const segments: { group: number; pass: number; bytes: Uint8Array }[] = [];
  for (let pass = 0; pass < passes; pass++) {
    for (let group = 0; group < GROUPS.length; group++) {
      segments.push({
        group,
        pass,
        bytes: segment(Math.min(LANES, tokenCount), wordBytes, seed + 17 * pass + group),
      });
    }
  }
  const headerBytes = 4 + 2 + 1 + 1 + 4 + 96 + 4 + 2 + 8 + 1 + 2 + 4 + 24 * passes + 8 * segments.length + 4;
  const header = new Fields()
    .u8(...new TextEncoder().encode('KVLC'))
    .u16(1)
    .u8(1, spec.flags ?? 0)
    .u32(headerBytes)
    .hex(FINGERPRINT + profileId + id)
    .u32(firstPosition)
    .u16(tokenCount)
    .u16(GEOMETRY.layers, GEOMETRY.kvHeads, GEOMETRY.keyHeadDim, GEOMETRY.valueHeadDim)
    .u8(passes)
    .u16(segments.length)
    .u32(PRELUDE.length);
  let end = headerBytes + PRELUDE.length;
  LEVEL_NAMES.forEach((name, pass) => {
    for (const one of segments) if (one.pass === pass) end += one.bytes.length;
    header
      .name(name)
      .u32(end)
      .f32(0.06 / 4 ** pass);
  });
  for (const one of segments) {
    header
      .u8(one.group, 16 * one.pass)
      .u16(0x3f80)
      .u32(one.bytes.length);
  }
  return concat(withCrc(header.bytes()), PRELUDE, ...segments.map((one) => one.bytes));
}

function segment(lanes: number, wordBytes: number, seed: number): Uint8Array {
  const states = new Fields().u8(0, 0, 0, 0).u32(...Array.from({ length: lanes }, () => 0x10000));
  const words = new Uint8Array(wordBytes);
  let state = seed * 2654435761 + 12345;
  for (let i = 0; i < wordBytes; i++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    words[i] = state >>> 16;
  }
  const rest = concat(states.bytes(), words);
  return concat(new Fields().u32(crc32c(rest)).bytes(), rest);
}

/** A profile file of the small model with `GROUPS`, by docs/format.md. `rank`: columns of each group. */
export function makeProfile(rank = 4): Uint8Array<ArrayBuffer> {
  const { layers, kvHeads, keyHeadDim, valueHeadDim } = GEOMETRY;
  const body = new Fields()
    .hex(FINGERPRINT)
    .u16(layers, kvHeads, keyHeadDim, valueHeadDim)
    .u8(0)
    .u16(0, 0)
    .f32(10_000, 1, 0.5)
    .u8(LEVEL_NAMES.length);
  for (const name of LEVEL_NAMES) body.name(name);
  body.f32(1);
  for (let plane = 0; plane < 2 * layers; plane++) body.f32(0, 0, 0, 0, 1, 1, 1, 1);
  body.u8(1).u8(1, 0).u16(1365, 1366, 1364, 1).u16(1365, 1366, 1365).u16(1365, 1366, 1365);
  body.u8(GROUPS.length);
  for (const members of GROUPS) {
    const rows = members.length * keyHeadDim;
    body
      .u16(members.length, ...members)
      .u16(rank)
      .u8(1)
      .u16(rank)
      .times(rank, (fields) => fields.u8(0));
    body
      .u8(2)
      .u16(1)
      .u8(1)
      .u16(rank - 1)
      .u8(2);
    body.times(rows, (fields) => fields.u16(0x3c00));
    body.times(rank - 1, (fields) => fields.f32(1)).times(rows * (rank - 1), (fields) => fields.u8(1));
  }
  body.u8(0, 0);
  const head = new Fields()
    .u8(...new TextEncoder().encode('KVEP'))
    .u16(1, 0)
    .u32(12 + body.length + 4);
  return withCrc(concat(head.bytes(), body.bytes()));
}

let uniqueToken = 0;

export interface ContextSpec {
  chunkCount?: number;
  /** Tokens of the last chunk. */
  lastTokens?: number;
  expiresAt?: string | null;
  /** Salt of its ids: makes it a private context. */
  tenantSalt?: string;
  /** First token; contexts with the same one have the same tokens. Default: one that no other context has. */
  firstToken?: number;
  /** Full chunks to begin with, those of another context. */
  prefix?: { tokens: number[]; text: string }[];
}

/** A context that nobody has published before: tokens, profile, chunk objects and the manifest that describes them. */
export async function makeContext(spec: ContextSpec = {}) {
  const { chunkCount = 2, lastTokens = 100, expiresAt = null, prefix = [], tenantSalt } = spec;
  const base = spec.firstToken ?? ++uniqueToken * 1_000_000 + Math.floor(Math.random() * 1000);
  const own = Array.from({ length: chunkCount - prefix.length }, (_, i) => prefix.length + i).map((i) => ({
    tokens: Array.from({ length: i === chunkCount - 1 ? lastTokens : 256 }, (_, t) => base + 256 * i + t),
    text: `text of chunk ${i} “né”`,
  }));
  const chunks = [...prefix, ...own];
  const profile = makeProfile();
  const profileId = await sha256Hex(profile);
  const ids = await chunkIds(
    { codec: 1, modelFingerprint: FINGERPRINT, profileId, tenantSalt: tenantSalt ?? ZERO_ID },
    chunks.map((chunk) => chunk.tokens),
  );
  const objects = ids.map((id, i) =>
    makeChunk({ id, profileId, firstPosition: 256 * i, tokenCount: chunks[i]!.tokens.length }),
  );
  const id = await contextId(ids.at(-1)!);
  const manifest: Manifest = {
    version: 1,
    id,
    model: { name: 'small', fingerprint: FINGERPRINT, ...GEOMETRY },
    codec: 1,
    profileId,
    visibility: tenantSalt === undefined ? 'public' : 'private',
    ...(tenantSalt === undefined ? {} : { tenantSalt }),
    tokenCount: 256 * (chunkCount - 1) + lastTokens,
    chunks: await Promise.all(
      objects.map(async (object, i) => ({
        id: ids[i]!,
        tokenCount: chunks[i]!.tokens.length,
        levels: await levelsOf(object),
      })),
    ),
    createdAt: new Date().toISOString(),
    expiresAt,
  };
  return { id, manifest, chunks, profile, profileId, objects, ids };
}

/** Levels of an object made by `makeChunk`, read back from its header. */
export async function levelsOf(object: Uint8Array<ArrayBuffer>) {
  const view = new DataView(object.buffer);
  const levelsAt = 4 + 2 + 1 + 1 + 4 + 96 + 4 + 2 + 8 + 1 + 2 + 4;
  return Promise.all(
    LEVEL_NAMES.map(async (name, i) => {
      const bytes = view.getUint32(levelsAt + 24 * i + 16, true);
      return {
        name,
        bytes,
        sha256: await sha256Hex(object.slice(0, bytes)),
        predictedKld: view.getFloat32(levelsAt + 24 * i + 20, true),
      };
    }),
  );
}

/** An id that is well formed and names nothing. */
export function unusedId(): string {
  return [...crypto.getRandomValues(new Uint8Array(32))].map((b) => b.toString(16).padStart(2, '0')).join('');
}
