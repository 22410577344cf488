/**
 * `npm run demo`: the main job from end to end, with figures. `npm run -s demo -- --json` prints them as one object.
 *
 * A real origin computes, encodes and publishes a chapter; the real Worker stores and serves it; a fresh engine loads every
 * level over HTTP, directly and through a link of 100 Mbit/s, and generates. Its baseline is the same engine reading the text.
 */
import { availableParallelism } from 'node:os';
import { Command, CommanderError } from 'commander';
import { fetchManifest, followContext, Profiles, publishContext } from '../../client/index.ts';
import type { Backend, Codec } from '../../codec/codec.ts';
import { loadBestCodec, loadWasmCodec } from '../../codec/index.ts';
import { type Engine, valuesPerToken } from '../../engine/index.ts';
import { openLlamaEngine } from '../../engine/llama/engine.ts';
import { fetchModel } from '../../engine/llama/fetch.ts';
import { SMOLLM2 } from '../../engine/llama/models.ts';
import { EXIT, failureOf } from '../exit-codes.ts';
import { startShapedProxyThread } from '../link/shaped-proxy-thread.ts';
import { type Stack, startStack } from '../local/stack.ts';
import { positiveInt } from '../options.ts';
import { createOutput, type Output } from '../output.ts';
import {
  type LevelFigures,
  LINK_BITS_PER_SECOND,
  measureLevel,
  measureText,
  type TextFigures,
  warmUp,
} from './measure.ts';
import { renderReport } from './report.ts';
import { demoText } from './text.ts';

export interface DemoReport {
  model: string;
  title: string;
  threads: number;
  contextTokens: number;
  /** fp16 values of the context's KV. */
  values: number;
  backend: Backend;
  publishMs: number;
  /** `tokens`: how many were generated. */
  text: { ttftMs: number; ttft100MbitMs: number; tokens: number };
  levels: Record<string, LevelFigures>;
  /** The same with the WebAssembly codec, when another was used above. */
  wasm?: { levels: Record<string, LevelFigures> };
}

interface DemoOptions {
  profile: string[];
  threads: number;
}

const TEXT_RUNS = 3;
const LEVEL_RUNS = 3;
const WASM_RUNS = 1;

async function demo(options: DemoOptions, output: Output, signal: AbortSignal): Promise<DemoReport> {
  const bar = output.progress('model');
  const modelPath = await fetchModel({
    signal,
    onProgress: (stage, done, total) => bar.update(done ?? 0, total ?? SMOLLM2.fileBytes, stage),
  }).finally(() => bar.stop());
  const codec = await loadBestCodec();
  output.note(
    codec.backend === 'native'
      ? 'codec: native addon'
      : `codec: ${codec.backend}. The native addon is not built ("npm run build:native" builds it), so decoding is slower.`,
  );
  output.note('starting an origin and the Worker ...');
  const stack = await startStack({ name: 'demo', profiles: options.profile, threads: options.threads });
  const onAbort = () => void stack.close();
  signal.addEventListener('abort', onAbort, { once: true });
  let engine: Engine | undefined;
  try {
    const { title, text } = await demoText();
    const { id, publishMs } = await publish(stack, text, title, output, signal);
    signal.throwIfAborted();
    engine = await openLlamaEngine({ modelPath, threads: options.threads });
    await warmUp(engine);
    output.note('reading the text with the engine ...');
    const textFigures = await measureText(engine, text, TEXT_RUNS);
    const manifest = await fetchManifest({ ...stack.access, signal }, id);
    const values = manifest.tokenCount * valuesPerToken(engine.model.geometry);
    const shared = { engine, stack, id, values, text: textFigures, output, signal };
    const report: DemoReport = {
      model: SMOLLM2.id,
      title,
      threads: options.threads,
      contextTokens: manifest.tokenCount,
      values,
      backend: codec.backend,
      publishMs,
      text: {
        ttftMs: textFigures.ttftMs,
        ttft100MbitMs: textFigures.ttft100MbitMs,
        tokens: textFigures.generated.length,
      },
      levels: await everyLevel({ ...shared, codec, runs: LEVEL_RUNS, compares: true }),
    };
    if (codec.backend !== 'wasm') {
      const wasm = await loadWasmCodec(); // decodes to the same symbols: only its speed is another
      report.wasm = {
        levels: await everyLevel({ ...shared, codec: wasm, runs: WASM_RUNS, compares: false }),
      };
    }
    return report;
  } finally {
    signal.removeEventListener('abort', onAbort);
    await engine?.close();
    await stack.close();
  }
}

async function publish(stack: Stack, text: string, title: string, output: Output, signal: AbortSignal) {
  output.note(`publishing ${title} ...`);
  const start = performance.now();
  const access = { ...stack.access, signal };
  const { id } = await publishContext(access, { model: SMOLLM2.id, text });
  const bar = output.progress('computing');
  await followContext(access, id, (event) => {
    if (event.type === 'prefilled') bar.update(event.tokensDone, 2 * event.tokenCount, 'prefill');
    if (event.type === 'chunk') {
      bar.update(event.chunksTotal + event.chunksDone, 2 * event.chunksTotal, 'encode, publish');
    }
  }).finally(() => bar.stop());
  return { id, publishMs: performance.now() - start };
}

interface EveryLevel {
  engine: Engine;
  codec: Codec;
  stack: Stack;
  id: string;
  values: number;
  text: TextFigures;
  runs: number;
  compares: boolean;
  output: Output;
  signal: AbortSignal;
}

async function everyLevel(options: EveryLevel): Promise<Record<string, LevelFigures>> {
  const { stack, codec, id, output, signal } = options;
  const target = { host: '127.0.0.1', port: Number(new URL(stack.edge.url).port) };
  const link = await startShapedProxyThread(target, { bitsPerSecond: LINK_BITS_PER_SECOND });
  const profiles = new Profiles(codec, null);
  try {
    const direct = { ...stack.access, signal };
    const shaped = { ...direct, edge: `http://127.0.0.1:${link.port}` };
    const manifest = await fetchManifest(direct, id);
    await profiles.load(direct, manifest); // a client fetches and unpacks a model's profile once
    const levels: Record<string, LevelFigures> = {};
    for (const { name: level } of manifest.chunks[0]!.levels) {
      output.note(`loading level ${level} with the ${codec.backend} codec ...`);
      levels[level] = await measureLevel({ ...options, profiles, direct, shaped, level });
    }
    return levels;
  } finally {
    profiles.close();
    await link.close();
  }
}

async function main(args: readonly string[]): Promise<number> {
  const json = args.includes('--json');
  const output = createOutput(json);
  const interrupt = new AbortController();
  const onSignal = () => interrupt.abort(new Error('interrupted'));
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  try {
    const command = new Command('demo')
      .description('publish a chapter, load it at every level, and compare with reading the text')
      .option('--json', 'print one JSON object on standard output')
      .option('--profile <file...>', 'profile to use instead of the one that comes with kvedge', [])
      .option('--threads <count>', 'threads for evaluation', positiveInt, availableParallelism())
      .exitOverride()
      .parse([...args], { from: 'user' });
    const report = await demo(command.opts<DemoOptions>(), output, interrupt.signal);
    output.result(report, () => renderReport(report));
    return EXIT.ok;
  } catch (error) {
    if (interrupt.signal.aborted) return EXIT.interrupted;
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    const { exitCode, message, remedy } = failureOf(error);
    process.stderr.write(`demo: ${message}\n${remedy === undefined ? '' : `  What to do: ${remedy}\n`}`);
    return exitCode;
  }
}

process.exitCode = await main(process.argv.slice(2));
