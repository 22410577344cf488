import type { Codec } from '../../codec/codec.ts';
import type { Manifest } from '../../protocol/manifest.ts';
import { bestCodec } from '../best-codec.ts';
import { fetchManifest, fetchTokens, type LoadProgress } from '../context-chunks.ts';
import { adaptive, type ChunkOption, type EngineSpeed, outlineOf, Session } from '../controller/index.ts';
import { NO_ENGINE } from '../controller/no-engine.ts';
import { levelNamesOf } from '../decode-chunk.ts';
import type { EdgeAccess } from '../http.ts';
import { Profiles } from '../profiles.ts';
import type { Meter, PlanReport } from '../report.ts';
import { verifyTokens } from '../verify.ts';
import { verifySignature } from '../verify-signature.ts';
import { recorded } from './history.ts';
import { LevelStream } from './level-stream.ts';
import type { SequenceFiller } from './sequence-filler.ts';
import { Speeds } from './speeds.ts';

export interface StreamOptions extends EdgeAccess {
  /** Context id. */
  id: string;
  /** When the first token is wanted, milliseconds after the call. Levels are chosen so that it comes by then, as good as can be. */
  deadlineMs: number;
  /** Default: the fastest backend installed. Ignored when `profiles` is given. */
  codec?: Codec;
  /** Loaded profiles to share between calls. */
  profiles?: Profiles;
  /** As in `ContextChunksOptions`. */
  trustedKeys?: readonly string[];
  /** Throws to refuse a manifest before any chunk is fetched. */
  checkManifest?: (manifest: Manifest) => void;
  onProgress?: (progress: LoadProgress) => void;
  /**
   * What the link is expected to bring, such as `navigator.connection.downlink` or what an edge says; taken with caution.
   * Default: what the last session with this edge measured.
   */
  mbitPerSecond?: number;
  /** What earlier sessions measured. Default: one for the whole process. */
  speeds?: Speeds;
}

/** A stream whose manifest is here and trusted. */
export interface BegunStream {
  manifest: Manifest;
  tokens: Promise<Uint32Array>;
  levelNames: string[][];
  /** Makes the stream; call it once. */
  start(filler: SequenceFiller | null): LevelStream;
  plan: PlanReport;
  /** Call it once the stream has run, or is not to run. */
  close(): void;
}

const processSpeeds = new Speeds();

/** The measurements that a call uses. */
export function speedsOf({ speeds }: Pick<StreamOptions, 'speeds'>): Speeds {
  return speeds ?? processSpeeds;
}

/** Ids and text of a token as JSON; what the answer really has is known when it is here. */
const TOKEN_ANSWER_BYTES = 10;
/** What the planner is told is on the slow side: being late costs more than being early. */
const SLOW_SIDE = { decode: 1.1, prefill: 1.01 };

/** Runs `use` with the profiles of the options, or with new ones that are closed after it. */
export async function withProfiles<T>(
  options: Pick<StreamOptions, 'profiles' | 'codec'>,
  use: (profiles: Profiles) => Promise<T>,
): Promise<T> {
  if (options.profiles !== undefined) return use(options.profiles);
  const profiles = new Profiles(options.codec ?? (await bestCodec()));
  try {
    return await use(profiles);
  } finally {
    profiles.close();
  }
}

/**
 * Fetches manifest and tokens at once, and prepares a session. `access` is that of the options, with a signal that ends with the
 * call. `engineSpeed`: of the engine that evaluates text; null: nobody does.
 */
export async function beginStream(
  options: StreamOptions,
  access: EdgeAccess,
  profiles: Profiles,
  engineSpeed: Promise<EngineSpeed | null>,
  meter: Meter,
): Promise<BegunStream> {
  const { id, deadlineMs } = options;
  if (!(deadlineMs > 0)) throw new RangeError(`deadlineMs: expected a number above 0, got ${deadlineMs}`);
  const trip = timedTrip(access);
  const answer = meter.time('tokens', () => fetchTokens(trip.access, id, meter));
  answer.catch(() => {}); // reported by who waits for the tokens
  engineSpeed.catch(() => {});
  const manifest = await fetchManifest(trip.access, id, meter);
  const roundTripMs = trip.ms();
  if (options.trustedKeys !== undefined) await verifySignature(manifest, options.trustedKeys);
  options.checkManifest?.(manifest);
  const tokens = answer.then((value) => verifyTokens(manifest, value));
  tokens.catch(() => {});

  const speeds = speedsOf(options);
  const decoder = `${profiles.codec.backend} ${manifest.profileId}`;
  const loaded = meter.time('profile', async () => {
    const startMs = performance.now();
    // A context that came as text does not end the download of profiles that outlive it: the next one will need them.
    const held = await profiles.load(options.profiles === undefined ? access : options, manifest);
    meter.addBytes('profile', held.fetchedBytes);
    speeds.observeProfile(decoder, performance.now() - startMs);
    return held;
  });
  const profile = loaded.then((held) => held.profile);
  profile.catch(() => {});
  const close = () => void loaded.then((held) => held.release()).catch(() => {});
  const engine = await engineSpeed.catch((error) => {
    close();
    throw error;
  });

  const levelNames = levelNamesOf(manifest);
  const plan: PlanReport = { deadlineMs, history: [], requests: 0 };
  const prior =
    options.mbitPerSecond === undefined ? speeds.link(access.edge) : (options.mbitPerSecond * 1000) / 8;
  const session = new Session({
    outline: outlineOf(chunkOptions(manifest, speeds, decoder), onTheSlowSide(engine ?? NO_ENGINE)),
    strategy: recorded(adaptive, levelNames, plan.history),
    deadlineMs,
    roundTripMs,
    tokenBytes: manifest.tokenCount * TOKEN_ANSWER_BYTES,
    ...(prior !== undefined && { priorBytesPerMs: prior }),
  });
  return {
    manifest,
    tokens,
    levelNames,
    plan,
    close,
    start: (filler) =>
      new LevelStream({
        access,
        manifest,
        tokens,
        session,
        roundTripMs,
        profiles,
        profile,
        decoder,
        speeds,
        meter,
        filler,
        onChange: (levels) => options.onProgress?.(progressOf(session, levels, levelNames)),
      }),
  };
}

/** The chunks of a manifest as the planner sees them. Sizes rise, damage falls and decoding does not get faster with the level. */
export function chunkOptions(manifest: Manifest, speeds: Speeds, decoder: string): ChunkOption[] {
  return manifest.chunks.map(({ tokenCount, levels }) => {
    let decodeMs = 0;
    let kld = Number.POSITIVE_INFINITY;
    return {
      tokenCount,
      levels: levels.map(({ name, bytes, predictedKld }) => {
        const expected = SLOW_SIDE.decode * speeds.decodeMs(decoder, name, tokenCount, bytes);
        decodeMs = Math.max(decodeMs, expected);
        kld = Math.min(kld, predictedKld);
        return { bytes, kld, decodeMs };
      }),
    };
  });
}

function onTheSlowSide(speed: EngineSpeed): EngineSpeed {
  return {
    ...speed,
    prefillMsPerToken: SLOW_SIDE.prefill * speed.prefillMsPerToken,
    prefillMsPerTokenPerPosition: SLOW_SIDE.prefill * speed.prefillMsPerTokenPerPosition,
  };
}

/** `access` that measures how long its first answer takes to begin. */
function timedTrip(access: EdgeAccess): { access: EdgeAccess; ms: () => number } {
  const send = access.fetch ?? globalThis.fetch;
  const startMs = performance.now();
  let tripMs: number | null = null;
  return {
    access: {
      ...access,
      fetch: async (...args) => {
        const response = await send(...args);
        tripMs ??= performance.now() - startMs;
        return response;
      },
    },
    ms: () => tripMs ?? performance.now() - startMs,
  };
}

function progressOf(
  session: Session,
  levels: readonly number[],
  levelNames: readonly (readonly string[])[],
): LoadProgress {
  const sum = (field: 'receivedBytes' | 'requestedBytes') =>
    session.progress.reduce((total, chunk) => total + chunk[field], 0);
  return {
    chunksDone: session.progress.filter(({ decodedLevel }) => decodedLevel >= 0).length,
    chunksTotal: session.progress.length,
    doneBytes: sum('receivedBytes'),
    totalBytes: sum('requestedBytes'),
    levels: levels.map((level, chunk) => levelNames[chunk]![level] ?? null),
  };
}
