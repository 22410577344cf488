import { CODEC_CACHEGEN, type GroupMembers } from '../../codec/codec.ts';
import { ProblemError } from '../../protocol/problems.ts';
import { BoundedMap } from '../bounded-map.ts';
import { readChunkMeta } from '../chunk-meta.ts';
import { edgeCodec } from '../codec.ts';
import { CutMemory } from '../cut-memory.ts';
import { type Answer, decideAnswer } from '../http/representation.ts';
import { ServerTiming } from '../http/server-timing.ts';
import { blobKey } from '../keys.ts';
import { profileGroups } from '../profile-groups.ts';
import type { BlobTiers, DerivedObject } from '../tiers/blobs.ts';
import { setTierHeaders } from '../tiers/outcome.ts';
import { IMMUTABLE } from '../tiers/policy.ts';
import { digestHex } from '../tiers/store.ts';
import { chunkNotFound, wholeChunk } from './chunk-representation.ts';

const MAX_PROFILES = 16;

/** Groups of the profiles that this isolate saw; a profile never changes under its id. */
const groupsByProfile = new BoundedMap<string, GroupMembers[]>(MAX_PROFILES);

const cutMemory = new CutMemory();

/**
 * Answers with the segments of layers `first-last` as an object of its own (docs/format.md, section 8). The cut is made
 * once per location and then served from its cache, as a stream and by range; making it is the one read path that holds
 * a whole chunk in memory. Throws `cut-too-large` and `cuts-busy`.
 */
export async function serveLayers(
  tiers: BlobTiers,
  request: Request,
  id: string,
  key: string,
  layers: string,
): Promise<Response> {
  const [first, last] = layers.split('-').map(Number) as [number, number];
  const source = await tiers.head(key, IMMUTABLE);
  if (source === null) throw chunkNotFound(id);
  const { shape, profile, codec } = readChunkMeta(source.meta);
  if (first > last || last >= shape[0]) {
    throw new ProblemError('bad-request', `layers=${layers}: expected a-b with a <= b < ${shape[0]}`);
  }

  const timing = new ServerTiming();
  let answer: Answer | undefined;
  const opened = await tiers.openDerived(
    key,
    `${source.sha256}/layers-${first}-${last}`,
    (head) => {
      answer = decideAnswer(request.method, request.headers, wholeChunk(head));
      return answer.range;
    },
    async () => {
      const memory = cutMemory.draw(source.bytes);
      try {
        // Codec 2 has groups that the chunk itself tells.
        const groups = codec === CODEC_CACHEGEN ? undefined : await groupsOf(tiers, profile);
        return { ...(await cutLayers(tiers, id, key, [first, last], groups, timing)), memory };
      } catch (error) {
        memory.giveBack();
        throw error;
      }
    },
  );
  const { status, headers } = answer!;
  setTierHeaders(headers, opened.outcome, 'cut');
  timing.set(headers);
  return new Response(opened.body, { status, headers });
}

async function cutLayers(
  tiers: BlobTiers,
  id: string,
  key: string,
  layers: readonly [number, number],
  groups: GroupMembers[] | undefined,
  timing: ServerTiming,
): Promise<Omit<DerivedObject, 'memory'>> {
  const opened = await tiers.open(key, IMMUTABLE, ({ bytes }) => ({
    offset: 0,
    length: bytes,
  }));
  if (opened === null) throw chunkNotFound(id);
  const whole = new Uint8Array(await new Response(opened.body).arrayBuffer());
  const bytes = timing.measure('cut', () =>
    edgeCodec().cutChunk(whole, groups === undefined ? { layers } : { layers, groups }),
  ) as Uint8Array<ArrayBuffer>;
  const sha256 = await timing.measure('digest', () => digestHex(bytes));
  return { head: { bytes: bytes.length, sha256, storedAtMs: opened.head.storedAtMs, meta: {} }, bytes };
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
  groupsByProfile.set(profileId, groups);
  return groups;
}
