import { Command, Option } from 'commander';
import {
  contextChunks,
  deleteContext,
  type EdgeAccess,
  fetchManifest,
  followContext,
  type LoadReport,
  openContext,
  submitContext,
} from '../../client/index.ts';
import { CODEC_CACHEGEN } from '../../codec/codec.ts';
import { loadWasmCodec } from '../../codec/index.ts';
import { openLlamaEngine } from '../../engine/llama/engine.ts';
import { resolveModelPath } from '../../engine/llama/models.ts';
import { contextPlanesDigest, planesDigest } from '../../engine/planes-digest.ts';
import type { JobEvent } from '../../protocol/api.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { Manifest } from '../../protocol/manifest.ts';
import { CliError } from '../cli-error.ts';
import { EXIT } from '../exit-codes.ts';
import { readInputFile } from '../input-file.ts';
import { keepSpeeds, readSpeeds } from '../local/speeds.ts';
import type { CommandContext } from '../main.ts';
import {
  contextIdArgument,
  durationSeconds,
  edgeAccess,
  edgeOption,
  modelOption,
  positiveInt,
  tokenOption,
  trustedKeys,
  trustOption,
} from '../options.ts';
import { megabytes, type Output, table } from '../output.ts';
import { StreamedText } from '../streamed-text.ts';

interface EdgeOptions {
  edge: string;
  token?: string;
}

interface PublishOptions extends EdgeOptions {
  file?: string;
  text?: string;
  model: string;
  ttl?: number;
  private?: boolean;
  wait?: boolean;
}

interface LoadOptions extends EdgeOptions {
  model: string;
  level?: string;
  deadlineMs?: number;
  prompt?: string;
  tokens: number;
  threads?: number;
  trust?: string[];
}

/** How long a job may be silent before the user is told what it waits for. */
const PATIENCE_MS = 3000;

export function contextCommands({ output, signal }: CommandContext): Command {
  const context = new Command('context').description('contexts: publish once, load anywhere');

  context
    .command('publish')
    .description('have the KV of a text computed and published')
    .addOption(new Option('--file <path>', 'text file, - for standard input').conflicts('text'))
    .option('--text <text>', 'the text itself')
    .addOption(modelOption())
    .addOption(edgeOption())
    .addOption(tokenOption())
    .option('--ttl <duration>', 'when it expires, such as 30d (default: never)', durationSeconds)
    .option('--private', "only for tokens and signed URLs of the token's tenant (default: for everybody)")
    .option('--wait', 'wait until it is published')
    .action(async (options: PublishOptions) => {
      const text = await readText(options);
      const access = { ...(await edgeAccess(options, ['publish', 'read'])), signal };
      const { id: submitted, status } = await submitContext(access, {
        model: options.model,
        text,
        ...(options.ttl !== undefined && { ttlSeconds: options.ttl }),
        ...(options.private && { visibility: 'private' as const }),
      });
      const waits = status !== null && options.wait === true;
      const id = waits ? await follow(access, submitted, output()) : submitted;
      const state = waits ? 'published' : (status?.state ?? 'published');
      if (state === 'published') await noteCodec(access, id, output());
      output().result({ id, state }, () => id);
      if (state !== 'published') output().note(`job ${state}; its context: kvedge context wait ${id}`);
    });

  context
    .command('wait')
    .description('wait until a job of "context publish" has published its context, and print the id of that')
    .argument('<id>', 'job id, or context id', contextIdArgument)
    .addOption(edgeOption())
    .addOption(tokenOption())
    .action(async (job: string, options: EdgeOptions) => {
      const access = { ...(await edgeAccess(options, ['read'])), signal };
      const id = await follow(access, job, output());
      output().result({ id, state: 'published' }, () => id);
    });

  context
    .command('show')
    .description('show the manifest of a published context')
    .argument('<id>', 'context id', contextIdArgument)
    .addOption(edgeOption())
    .addOption(tokenOption())
    .action(async (id: string, options: EdgeOptions) => {
      const manifest = await fetchManifest({ ...(await edgeAccess(options, ['read'])), signal }, id);
      output().result(manifest, () => describe(manifest));
    });

  context
    .command('digest')
    .description(
      'decode a context with the WebAssembly codec, and print the SHA-256 of its planes: what /open shows in a browser',
    )
    .argument('<id>', 'context id', contextIdArgument)
    .addOption(edgeOption())
    .addOption(tokenOption())
    .option('--level <name>', 'level to fetch (default: standard)')
    .action(async (id: string, options: EdgeOptions & { level?: string }) => {
      const access = { ...(await edgeAccess(options, ['read'])), signal };
      const digest = await digestPlanes(access, id, options.level);
      output().result(digest, () => digest.planesSha256);
    });

  context
    .command('delete')
    .description('remove a context, and the chunks that no other context refers to')
    .argument('<id>', 'context id', contextIdArgument)
    .addOption(edgeOption())
    .addOption(tokenOption())
    .action(async (id: string, options: EdgeOptions) => {
      await deleteContext({ ...(await edgeAccess(options, ['admin'])), signal }, id);
      output().result({ id, deleted: true }, () => `${id} deleted`);
    });

  context
    .command('load')
    .description('load a context into llama.cpp and go on from there, greedily')
    .argument('<id>', 'context id', contextIdArgument)
    .addOption(modelOption())
    .addOption(edgeOption())
    .addOption(tokenOption())
    .addOption(trustOption())
    .addOption(new Option('--level <name>', 'level to fetch (default: standard)').conflicts('deadlineMs'))
    .option(
      '--deadline-ms <ms>',
      'time to the first token: each chunk at the level, or as text, that makes the best of it',
      positiveInt,
    )
    .option('--prompt <text>', 'text to add after the context')
    .option('--tokens <count>', 'most tokens to generate', positiveInt, 64)
    .option('--threads <count>', 'threads for evaluation (default: all)', positiveInt)
    .action(async (id: string, options: LoadOptions) => {
      const access = { ...(await edgeAccess(options, ['read'])), signal };
      await load(id, access, options, output(), signal);
    });
  return context;
}

async function digestPlanes(access: EdgeAccess, id: string, level: string | undefined) {
  const codec = await loadWasmCodec({ relaxedSimd: false }); // as on the page: others may differ in the last bits
  const chunks: { level: string; planesSha256: string }[] = [];
  for await (const chunk of contextChunks({ ...access, id, codec, ...(level !== undefined && { level }) })) {
    chunks.push({ level: chunk.level, planesSha256: await planesDigest(chunk.planes) });
  }
  return { planesSha256: await contextPlanesDigest(chunks.map((chunk) => chunk.planesSha256)), chunks };
}

async function load(
  id: string,
  access: EdgeAccess,
  options: LoadOptions,
  output: Output,
  signal: AbortSignal,
) {
  const modelPath = await resolveModelPath(options.model);
  const engine = await openLlamaEngine({
    modelPath,
    ...(options.threads !== undefined && { threads: options.threads }),
  });
  const bar = output.progress('loading');
  try {
    const promptTokens =
      options.prompt === undefined ? undefined : engine.tokenize(options.prompt, { bos: false });
    const trusted = await trustedKeys(options);
    const speeds = options.deadlineMs === undefined ? undefined : await readSpeeds();
    const { sequence, report } = await openContext({
      ...access,
      id,
      engine,
      extraTokens: options.tokens + (promptTokens?.length ?? 0),
      ...(trusted !== undefined && { trustedKeys: trusted }),
      ...(options.level !== undefined && { level: options.level }),
      ...(options.deadlineMs !== undefined && { deadlineMs: options.deadlineMs }),
      ...(speeds !== undefined && { speeds }),
      onProgress: ({ doneBytes, totalBytes }) => bar.update(doneBytes, totalBytes),
    });
    bar.stop();
    if (speeds !== undefined) await keepSpeeds(speeds);
    output.note(
      `loaded ${levelsOf(report)} with the ${report.backend} codec: ${megabytes(report.bytes.chunks)} in ` +
        `${Math.round(report.totalMs)} ms`,
    );
    try {
      const typed = new StreamedText((tokens) => engine.detokenize(tokens));
      const generation = await sequence.generate({
        maxTokens: options.tokens,
        ...(promptTokens !== undefined && { promptTokens }),
        onToken: (token) => output.write(typed.add(token)),
        signal,
      });
      const text = engine.detokenize(generation.tokens);
      output.result(
        { id, report, text, tokens: [...generation.tokens], firstTokenMs: generation.firstTokenMs },
        () => typed.rest(),
      );
    } finally {
      await sequence.close();
    }
  } finally {
    bar.stop();
    await engine.close();
  }
}

/** Such as `level standard`, or `chunks 3 at standard, 2 at draft, 1 as text`. */
function levelsOf({ level, levels }: LoadReport): string {
  if (level !== 'mixed') return level === 'text' ? 'text alone' : `level ${level}`;
  const counts = new Map<string, number>();
  for (const name of levels) {
    const what = name === null ? 'as text' : `at ${name}`;
    counts.set(what, (counts.get(what) ?? 0) + 1);
  }
  return `chunks ${[...counts].map(([what, count]) => `${count} ${what}`).join(', ')}`;
}

async function follow(access: EdgeAccess, id: string, output: Output): Promise<string> {
  const bar = output.progress('computing');
  let chunksTotal = 1;
  const idle = setTimeout(
    () =>
      output.note(
        'No origin has taken the job yet: "kvedge origin serve" starts one. Ctrl-C ends the waiting, not the job.',
      ),
    PATIENCE_MS,
  );
  try {
    return await followContext(access, id, (event: JobEvent) => {
      clearTimeout(idle);
      if (event.type === 'tokenized') {
        chunksTotal = event.chunksTotal;
        output.note(`computing ${event.tokenCount} tokens in ${chunksTotal} chunks`);
      }
      if (event.type === 'prefilled') bar.update(event.tokensDone / event.tokenCount / 2, 1, 'prefill');
      if (event.type === 'chunk') bar.update(0.5 + event.chunksDone / chunksTotal / 2, 1, 'encode, publish');
    });
  } finally {
    clearTimeout(idle);
    bar.stop();
  }
}

/** Says aloud when a context was coded without a profile. */
async function noteCodec(access: EdgeAccess, id: string, output: Output): Promise<void> {
  const { codec, model } = await fetchManifest(access, id);
  if (codec !== CODEC_CACHEGEN) return;
  output.note(
    `The origin has no profile for ${model.name}: the context was coded by ${describeCodec(codec)}, several times ` +
      'larger than with one. "npm run calibrate" makes a profile.',
  );
}

function describeCodec(codec: number): string {
  return codec === CODEC_CACHEGEN ? 'cachegen (2, without a profile)' : 'ladder (1)';
}

async function readText({ file, text }: PublishOptions): Promise<string> {
  if (text !== undefined) return text;
  if (file === undefined) {
    throw new CliError('no-text', EXIT.usage, 'There is no text to publish.', 'Give --file or --text.');
  }
  if (file === '-') return readAll(process.stdin);
  const bytes = await readInputFile(file, LIMITS.textBytes, 'Publish parts of it as contexts of their own.');
  return bytes.toString('utf8');
}

async function readAll(stream: NodeJS.ReadableStream): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces).toString('utf8');
}

function describe(manifest: Manifest): string {
  const { model } = manifest;
  const perToken = model.layers * model.kvHeads * (model.keyHeadDim + model.valueHeadDim);
  const names = manifest.chunks[0]!.levels.map((level) => level.name);
  const rows = names.map((name) => {
    const levels = manifest.chunks.map((chunk) => chunk.levels.find((level) => level.name === name)!);
    const bytes = levels.reduce((sum, level) => sum + level.bytes, 0);
    const kld = levels.reduce(
      (sum, level, i) => sum + level.predictedKld * manifest.chunks[i]!.tokenCount,
      0,
    );
    return [
      name,
      megabytes(bytes),
      ((8 * bytes) / (manifest.tokenCount * perToken)).toFixed(3),
      (kld / manifest.tokenCount).toExponential(1),
    ];
  });
  return [
    `context   ${manifest.id}`,
    `model     ${model.name} (${model.fingerprint.slice(0, 16)}...)`,
    `codec     ${describeCodec(manifest.codec)}`,
    `visible   ${manifest.visibility === 'public' ? 'to everybody' : 'to its tenant'}`,
    `signed    ${manifest.signature?.publicKey ?? 'no'}`,
    `tokens    ${manifest.tokenCount} in ${manifest.chunks.length} chunks`,
    `created   ${manifest.createdAt}${manifest.expiresAt === null ? '' : `, expires ${manifest.expiresAt}`}`,
    '',
    table(['level', 'size', 'bits/value', 'predicted KLD'], rows),
    '',
    ...manifest.chunks.map((chunk, index) => `chunk ${String(index).padStart(4)}  ${chunk.id}`),
  ].join('\n');
}
