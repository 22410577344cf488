import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { type Codec, type CodecProfile, loadWasmCodec } from '../../src/codec/index.ts';
import type { KvPlanes } from '../../src/engine/index.ts';
import { median } from '../statistics.ts';
import { type NativeStages, runStages } from './native.ts';
import { int8Of, type Peer, zstdPeer } from './peers.ts';
import { bytesOf, type Sample, THREADS, takeSample, withPlaneFiles } from './sample.ts';
import { append, type Raw, type RawMs, timeStages } from './stages.ts';
import { checkPlanes, wasmStages } from './wasm.ts';

export interface CodecBenchOptions {
  model: string;
  profile: string;
  document: string;
  level: string;
  tokens: number;
  rounds: number;
  /** What rates are made of. CPU time tells a core's speed on a machine that others use as well. */
  clock: 'wall' | 'cpu';
}

/** Rate of a peer: times its output is smaller than fp16, and fp16 gigabytes per second on one core. */
export interface PeerFigures {
  ratio: number;
  encodeGBps: number;
  decodeGBps: number;
}

export interface CodecReport {
  cpu: string;
  simd: string;
  document: string;
  level: string;
  clock: 'wall' | 'cpu';
  tokens: number;
  bitsPerValue: number;
  prefillTokensPerSecond: number;
  native: {
    /** fp16 gigabytes of KV per second on one core, as all rates here. */
    decodeGBps: number;
    entropyGBps: number;
    /** The same stage with each instruction set forced. */
    entropyGBpsOf: Record<string, number>;
    /** Speed of all but the entropy stage in multiply-adds per second, over that of a plain f32 product. */
    transformOfPeak: number;
    gemmGmacs: number;
    encodeGBps: number;
    /** Gain of whole decode from two threads over that of the product, always by the clock. */
    scale2OfGemm: number;
  };
  /** Codec 2 on one core, at the same level (its finest where it has none of that name); it is encoded with every level. */
  cachegen: { bitsPerValue: number; encodeGBps: number; decodeGBps: number };
  wasm: {
    /** Speed of decoding over native's, each on one core. */
    decodeOfNative: number;
    /** The same on two threads each, wasm's through the pool of workers. */
    decode2OfNative: number;
    decodeGBps: number;
    entropyGsps: number;
  };
  cuda: null;
  /** Time over prefill's, all on the same number of threads. */
  vsPrefill: { nativeDecode: number; wasmDecode: number; nativeEncode: number };
  peers: Record<string, PeerFigures>;
  /** Milliseconds of every round, for all chunks together. */
  rawMs: RawMs;
  rawCpuMs: RawMs;
}

/** Slices of the run in which the native stages and those of this process take turns. */
const SLICES = 3;

/** Speed of the codec beside its limits and peers, on real planes; every answer is checked before it is timed. */
export async function runCodecBench(options: CodecBenchOptions): Promise<CodecReport> {
  const raw: Raw = { wall: {}, cpu: {} };
  const sample = await takeSample(options.model, options.document, options.tokens, options.rounds, raw);
  const profileFile = readFileSync(options.profile);
  const codec = await loadWasmCodec({ threads: THREADS });
  const profile = codec.loadProfile(profileFile);
  try {
    return await measure(options, sample, raw, codec, profile, profileFile);
  } finally {
    profile.close();
  }
}

async function measure(
  options: CodecBenchOptions,
  sample: Sample,
  raw: Raw,
  codec: Codec,
  profile: CodecProfile,
  profileFile: Uint8Array,
): Promise<CodecReport> {
  const cuts = sample.chunks.map((planes) => {
    const chunk = profile.encodeChunk({
      planes,
      chunkId: new Uint8Array(32),
      exactFirstToken: planes.firstPosition === 0,
      firstTokenId: 0xffffffff,
    });
    const cut = codec.cutChunk(chunk, { level: options.level });
    checkPlanes(planes, profile.decodeChunk(cut));
    return cut;
  });
  // The same cuts through the pool: its workers are up and have the profile before anything is timed.
  const pooled = await Promise.all(cuts.map((cut) => profile.decodeChunkAsync(cut)));
  pooled.forEach((planes, index) => {
    checkPlanes(sample.chunks[index] as KvPlanes, planes);
  });
  const peers = zstdPeers(sample.chunks);
  const stages = { ...wasmStages(profileFile, profile, cuts), ...peerStages(peers) };
  const roundsOfSlice = Math.ceil(options.rounds / SLICES);
  let native: NativeStages | undefined;
  await withPlaneFiles(sample.chunks, async (paths) => {
    for (let slice = 0; slice < SLICES; slice++) {
      native = runStages(options.profile, options.level, roundsOfSlice, paths);
      for (const [name, times] of Object.entries(native.rawMs)) append(raw.wall, name, times);
      for (const [name, times] of Object.entries(native.rawCpuMs)) append(raw.cpu, name, times);
      await timeStages(raw, stages, roundsOfSlice);
    }
  });
  if (native === undefined) throw new Error('no native stages ran');
  const peerBytes = { ...native.peerBytes, ...mapValues(peers, ({ bytes }) => bytes) };
  return report(options, sample, native, peerBytes, raw);
}

function zstdPeers(chunks: KvPlanes[]): Record<string, Peer> {
  const all = new Uint8Array(Buffer.concat(chunks.map(({ data }) => bytesOf(data))));
  return { 'zstd3-fp16': zstdPeer(all), 'zstd3-int8': zstdPeer(int8Of(new Float16Array(all.buffer))) };
}

function peerStages(peers: Record<string, Peer>): Record<string, () => unknown> {
  const of = ([name, peer]: [string, Peer]) => [
    [`${name}-encode`, peer.encode],
    [`${name}-decode`, peer.decode],
  ];
  return Object.fromEntries(Object.entries(peers).flatMap(of));
}

function report(
  options: CodecBenchOptions,
  sample: Sample,
  native: NativeStages,
  peerBytes: Record<string, number>,
  raw: Raw,
): CodecReport {
  const ms = (stage: string): number => median(raw[options.clock][stage] ?? []);
  const wallMs = (stage: string): number => median(raw.wall[stage] ?? []);
  const gigabytes = native.fp16Bytes / 1e9;
  const rate = (stage: string) => gigabytes / (ms(stage) / 1e3);
  const entropy = `entropy-${native.backend}`;
  const gemmGmacs = native.gemmProducts / ms('gemm1') / 1e6;
  const transformGmacs = native.transformProducts / (ms('decode1') - ms(entropy)) / 1e6;
  const backends = Object.keys(native.rawMs).filter((stage) => stage.startsWith('entropy-'));
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    simd: native.backend,
    document: sample.document,
    level: options.level,
    clock: options.clock,
    tokens: sample.tokens,
    bitsPerValue: (16 * native.levelBytes) / native.fp16Bytes,
    prefillTokensPerSecond: sample.tokens / (wallMs('prefill') / 1e3),
    native: {
      decodeGBps: rate('decode1'),
      entropyGBps: rate(entropy),
      entropyGBpsOf: Object.fromEntries(
        backends.map((stage) => [stage.slice('entropy-'.length), rate(stage)]),
      ),
      transformOfPeak: transformGmacs / gemmGmacs,
      gemmGmacs,
      encodeGBps: rate('encode1'),
      scale2OfGemm: wallMs('decode1') / wallMs('decode2') / ((2 * wallMs('gemm1')) / wallMs('gemm2')),
    },
    cachegen: {
      bitsPerValue: (16 * native.cachegenBytes) / native.fp16Bytes,
      encodeGBps: rate('cachegen-encode'),
      decodeGBps: rate('cachegen-decode'),
    },
    wasm: {
      decodeOfNative: ms('decode1') / ms('wasmDecode1'),
      decode2OfNative: ms(`decode${THREADS}`) / ms(`wasmDecode${THREADS}`),
      decodeGBps: rate('wasmDecode1'),
      entropyGsps: native.symbols / ms('wasmEntropy') / 1e6,
    },
    cuda: null,
    vsPrefill: {
      nativeDecode: ms(`decode${THREADS}`) / ms('prefill'),
      wasmDecode: ms(`wasmDecode${THREADS}`) / ms('prefill'),
      nativeEncode: ms(`encode${THREADS}`) / ms('prefill'),
    },
    peers: {
      memcpy: { ratio: 1, encodeGBps: rate('memcpy'), decodeGBps: rate('memcpy') },
      ...mapValues(peerBytes, (bytes, name) => ({
        ratio: native.fp16Bytes / bytes,
        encodeGBps: rate(`${name}-encode`),
        decodeGBps: rate(`${name}-decode`),
      })),
    },
    rawMs: raw.wall,
    rawCpuMs: raw.cpu,
  };
}

function mapValues<A, B>(record: Record<string, A>, change: (value: A, key: string) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value, key)]));
}
