import type { ChunkCoder } from '../../codec/codec.ts';
import type { KvPlanes } from '../../engine/index.ts';
import type { Manifest } from '../../protocol/manifest.ts';
import { levelWithin, type Session } from '../controller/index.ts';
import { decodeChunk } from '../decode-chunk.ts';
import { ClientError } from '../errors.ts';
import type { EdgeAccess } from '../http.ts';
import type { Profiles } from '../profiles.ts';
import type { Meter } from '../report.ts';
import { verifyBytes } from '../verify.ts';
import { Bell } from './bell.ts';
import type { SequenceFiller } from './sequence-filler.ts';
import type { Speeds } from './speeds.ts';
import { Transfers } from './transfers.ts';

export interface LevelStreamOptions {
  access: EdgeAccess;
  manifest: Manifest;
  /** All token ids, proved to be those of the context. */
  tokens: Promise<Uint32Array>;
  session: Session;
  roundTripMs: number;
  profiles: Profiles;
  profile: Promise<ChunkCoder>;
  /** Names backend and profile to `speeds`. */
  decoder: string;
  speeds: Speeds;
  meter: Meter;
  /** Evaluates text while KV is on its way; null where nobody does: text is then what the caller adds at the end. */
  filler: SequenceFiller | null;
  /** Called when bytes came or a chunk was decoded, with the finest level of each chunk that is here (-1: none). */
  onChange: (levels: readonly number[]) => void;
}

/** What to use: KV of the first chunks at these levels. */
export interface Settled {
  kvLevels: number[];
  planes: KvPlanes[];
  /** True: the filler has put it and the text after it into its sequence already. */
  isFilled: boolean;
}

/**
 * Does what a `Session` says, in real time: fetches and cuts short, verifies and decodes, lets the engine evaluate text meanwhile,
 * until the session settles on what to use. Everything is verified before it is decoded or evaluated.
 */
export class LevelStream {
  readonly #options: LevelStreamOptions;
  readonly #transfers: Transfers;
  readonly #bell = new Bell();
  readonly #planes: (KvPlanes | undefined)[] = [];
  readonly #decodedLevels: number[];
  #tokens: Uint32Array | null = null;
  #profile: ChunkCoder | null = null;
  #decoding: Promise<void> | null = null;
  /** Levels that the standby waits for, or has begun with. */
  #standby: { kvLevels: readonly number[]; planes: KvPlanes[] | null; isDone: boolean } | null = null;
  #failure: { error: unknown } | null = null;
  #lost: unknown = null;
  #isProfileLost = false;

  constructor(options: LevelStreamOptions) {
    this.#options = options;
    const { access, manifest, session, roundTripMs } = options;
    this.#decodedLevels = manifest.chunks.map(() => -1);
    this.#transfers = new Transfers({
      access,
      chunkIds: manifest.chunks.map(({ id }) => id),
      session,
      roundTripMs,
      nowMs: () => this.#nowMs(),
      onBytes: (count) => {
        options.meter.addBytes('chunks', count);
        options.onChange(this.#levelsHere());
      },
      onEnd: () => this.#bell.ring(),
      onFailure: (error) => this.#transferFailed(error),
    });
  }

  get requests(): number {
    return this.#transfers.requests;
  }

  /** Whether the decoder is at work. */
  get isDecoding(): boolean {
    return this.#decoding !== null;
  }

  /** Resolves when the session has settled. Throws `ClientError`; on an abort, the signal's reason. */
  async run(): Promise<Settled> {
    const { access, session, meter } = this.#options;
    const onAbort = () => this.#bell.ring();
    access.signal?.addEventListener('abort', onAbort, { once: true });
    this.#awaitTokens();
    this.#awaitProfile();
    const stopTransferTime = meter.begin('transfer');
    try {
      for (;;) {
        this.#check();
        if (this.#standby?.isDone) return this.#standbyResult();
        const nowMs = this.#nowMs();
        this.#transfers.observe(nowMs);
        if (this.#lost !== null && this.#tokens !== null) return await this.#settle(this.#whatIsHere());
        const { start, cut, standby, stop, finish, wakeAtMs } = session.step(nowMs);
        for (const transfer of cut) this.#transfers.cut(transfer);
        for (const transfer of start) this.#transfers.start(transfer);
        if (stop) await this.#stopStandby();
        if (standby !== null && this.#options.filler === null) return await this.#settle(standby);
        if (standby !== null) this.#standby = { kvLevels: standby, planes: null, isDone: false };
        if (finish?.from === 'load') return await this.#settle(finish.kvLevels);
        if (finish?.from === 'text') return await this.#awaitStandby();
        this.#beginStandby();
        this.#decodeNext();
        await this.#bell.wait(wakeAtMs - this.#nowMs());
      }
    } finally {
      stopTransferTime();
      this.#rememberLink();
      this.#transfers.close();
      access.signal?.removeEventListener('abort', onAbort);
      await this.#decoding;
    }
  }

  #nowMs(): number {
    return this.#options.meter.totalMs;
  }

  #check(): void {
    this.#options.access.signal?.throwIfAborted();
    if (this.#failure !== null) throw this.#failure.error;
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#bell.ring();
  }

  #awaitTokens(): void {
    const { tokens, session } = this.#options;
    tokens.then(
      (value) => {
        this.#tokens = value;
        session.receivedTokens(Number.POSITIVE_INFINITY, this.#nowMs());
        this.#bell.ring();
      },
      (error) => this.#fail(error),
    );
  }

  /** Nothing is decoded before the profile is there: until then the decoder counts as busy. */
  #awaitProfile(): void {
    const { profile, session, speeds, decoder } = this.#options;
    const nowMs = this.#nowMs();
    session.decoding(nowMs, nowMs + speeds.profileMs(decoder));
    profile.then(
      (value) => {
        this.#profile = value;
        const readyMs = this.#nowMs();
        session.decoding(readyMs, readyMs);
        this.#bell.ring();
      },
      (error) => this.#profileFailed(error),
    );
  }

  #transferFailed(error: unknown): void {
    this.#lose(error, this.#options.filler !== null || !this.#levelsHere().includes(-1));
  }

  /** Without it no KV can be decoded, only text evaluated. */
  #profileFailed(error: unknown): void {
    this.#isProfileLost = true;
    this.#lose(error, this.#options.filler !== null);
  }

  /** An edge that goes away costs quality, not the answer, where what is left will do. Anything else is fatal. */
  #lose(error: unknown, isEnoughLeft: boolean): void {
    const isAway = error instanceof ClientError && error.code === 'edge-unreachable';
    if (!isAway || !isEnoughLeft) this.#fail(error);
    this.#lost = error;
    this.#bell.ring();
  }

  /** Finest complete levels of the leading chunks that have one. */
  #whatIsHere(): number[] {
    if (this.#isProfileLost) return [];
    const levels = this.#levelsHere();
    const end = levels.indexOf(-1);
    return end === -1 ? levels : levels.slice(0, end);
  }

  #levelsHere(): number[] {
    const { outline, progress } = this.#options.session;
    return outline.chunks.map((chunk, i) => levelWithin(chunk, progress[i]!.receivedBytes));
  }

  /** Decodes what an idle decoder should decode now, if anything. */
  #decodeNext(): void {
    if (this.#decoding !== null || this.#profile === null || this.#tokens === null) return;
    const next = this.#options.session.nextToDecode();
    if (next === null) return;
    void this.#startDecoding(next.chunk, next.level);
  }

  #startDecoding(chunk: number, level: number): Promise<void> {
    const { session } = this.#options;
    const nowMs = this.#nowMs();
    session.decoding(nowMs, nowMs + session.outline.chunks[chunk]!.levels[level]!.decodeMs);
    this.#decoding = this.#decode(chunk, level)
      .catch((error) => this.#fail(error))
      .finally(() => {
        this.#decoding = null;
        this.#bell.ring();
      });
    return this.#decoding;
  }

  async #decode(chunk: number, level: number): Promise<void> {
    const { manifest, session, profiles, meter, speeds, decoder, onChange } = this.#options;
    const described = manifest.chunks[chunk]!;
    const { name, bytes } = described.levels[level]!;
    const prefix = this.#transfers.prefix(chunk, bytes);
    await meter.time('verify', () => verifyBytes(prefix, described.levels[level]!, chunk));
    const startMs = performance.now();
    const planes = await meter.time('decode', () =>
      decodeChunk(prefix, manifest, chunk, profiles, this.#profile as ChunkCoder),
    );
    speeds.observeDecode(decoder, name, described.tokenCount, performance.now() - startMs);
    this.#planes[chunk] = planes;
    this.#decodedLevels[chunk] = level;
    session.decoded(chunk, level);
    onChange(this.#levelsHere());
  }

  /** Begins to evaluate text once the KV that it goes on from is decoded. */
  #beginStandby(): void {
    const { filler } = this.#options;
    const standby = this.#standby;
    if (standby === null || standby.planes !== null || filler === null) return;
    if (standby.kvLevels.some((level, chunk) => this.#decodedLevels[chunk]! < level)) return;
    standby.planes = standby.kvLevels.map((_, chunk) => this.#planes[chunk] as KvPlanes);
    standby.kvLevels = this.#decodedLevels.slice(0, standby.planes.length);
    filler.fill(this.#tokens as Uint32Array, standby.planes).then(
      (isDone) => {
        standby.isDone = isDone;
        this.#bell.ring();
      },
      (error) => this.#fail(error),
    );
  }

  /** The processor goes to decoding; what was evaluated is forgotten when the next filling begins. */
  async #stopStandby(): Promise<void> {
    this.#standby = null;
    await this.#options.filler?.stop();
  }

  #standbyResult(): Settled {
    const { kvLevels, planes } = this.#standby as { kvLevels: readonly number[]; planes: KvPlanes[] };
    return { kvLevels: [...kvLevels], planes, isFilled: true };
  }

  /** The standby is the answer: nothing more is fetched, and nothing decoded that it does not wait for. */
  async #awaitStandby(): Promise<Settled> {
    this.#transfers.close();
    while (!this.#standby?.isDone) {
      this.#check();
      this.#beginStandby();
      this.#decodeNext();
      await this.#bell.wait(Number.POSITIVE_INFINITY);
    }
    return this.#standbyResult();
  }

  /** Decodes what is not decoded of the levels to use. */
  async #settle(kvLevels: readonly number[]): Promise<Settled> {
    const { filler, profile, tokens } = this.#options;
    this.#rememberLink();
    this.#transfers.close();
    await filler?.stop();
    await tokens;
    if (kvLevels.length > 0) this.#profile = await profile;
    for (const [chunk, level] of kvLevels.entries()) {
      await this.#decoding;
      this.#check();
      if (this.#decodedLevels[chunk]! < level) await this.#startDecoding(chunk, level);
    }
    this.#check();
    const planes = kvLevels.map((_, chunk) => this.#planes[chunk] as KvPlanes);
    return { kvLevels: this.#decodedLevels.slice(0, planes.length), planes, isFilled: false };
  }

  #rememberLink(): void {
    const { bytesPerMs } = this.#transfers;
    if (bytesPerMs !== undefined) this.#options.speeds.observeLink(this.#options.access.edge, bytesPerMs);
  }
}
