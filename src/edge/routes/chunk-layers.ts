import type { GroupMembers } from '../../codec/codec.ts';
import { ProblemError } from '../../protocol/problems.ts';
import { readChunkMeta } from '../chunk-meta.ts';
import { edgeCodec } from '../codec.ts';
import { decideAnswer } from '../http/representation.ts';
import { blobKey } from '../keys.ts';
import { profileGroups } from '../profile-groups.ts';
import { type BlobTiers, IMMUTABLE } from '../tiers/blobs.ts';
import { digestHex } from '../tiers/store.ts';
import { chunkNotFound, wholeChunk } from './chunk-representation.ts';

const MAX_PROFILES = 16;

/** Groups of the profiles that this isolate saw; a profile never changes under its id. */
const groupsByProfile = new Map<string, GroupMembers[]>();

/**
 * Answers with the segments of layers `first-last` as an object of its own (docs/format.md, section 8). The one read path
 * that holds a whole chunk in memory.
 */
export async function serveLayers(
  tiers: BlobTiers,
  request: Request,
  id: string,
  key: string,
  layers: string,
): Promise<Response> {
  const [first, last] = layers.split('-').map(Number) as [number, number];
  const head = await tiers.head(key, IMMUTABLE);
  if (head === null) throw chunkNotFound(id);
  const { shape, profile } = readChunkMeta(head.meta);
  if (first > last || last >= shape[0]) {
    throw new ProblemError('bad-request', `layers=${layers}: expected a-b with a <= b < ${shape[0]}`);
  }
  const groups = await groupsOf(tiers, profile);

  const opened = await tiers.open(key, IMMUTABLE, (current) => ({ offset: 0, length: current.bytes }));
  if (opened === null) throw chunkNotFound(id);
  const whole = new Uint8Array(await new Response(opened.body).arrayBuffer());
  const cut = edgeCodec().cutChunk(whole, { layers: [first, last], groups }) as Uint8Array<ArrayBuffer>;
  const sha256 = await digestHex(cut);
  const answer = decideAnswer(request.method, request.headers, {
    ...wholeChunk(opened.head),
    bytes: cut.length,
    etag: `"${sha256}"`,
    sha256,
  });
  answer.headers.set('cache-status', `${opened.cacheStatus}; detail=cut`);
  const { range } = answer;
  const body = range === null ? null : cut.subarray(range.offset, range.offset + range.length);
  return new Response(body, { status: answer.status, headers: answer.headers });
}

async function groupsOf(tiers: BlobTiers, profileId: string): Promise<GroupMembers[]> {
  const known = groupsByProfile.get(profileId);
  if (known !== undefined) return known;
  const key = blobKey.profile(profileId);
  const groups = await profileGroups(async (offset, length) => {
    const opened = await tiers.open(key, IMMUTABLE, (head) => {
      const left = Math.max(0, head.bytes - offset);
      return left === 0 ? null : { offset, length: Math.min(length, left) };
    });
    if (opened === null) {
      throw new ProblemError('profile-not-found', `layers need the chunk's profile ${profileId}`);
    }
    return new Uint8Array(await new Response(opened.body).arrayBuffer());
  });
  const oldest = groupsByProfile.keys().next();
  if (groupsByProfile.size >= MAX_PROFILES && !oldest.done) groupsByProfile.delete(oldest.value);
  groupsByProfile.set(profileId, groups);
  return groups;
}
