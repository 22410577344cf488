import { Command } from 'commander';
import { readBounded } from '../../client/read-stream.ts';
import { type ChunkInfo, CODEC_CACHEGEN } from '../../codec/codec.ts';
import { loadBestCodec } from '../../codec/index.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { Id } from '../../protocol/manifest.ts';
import { CliError } from '../cli-error.ts';
import { EXIT } from '../exit-codes.ts';
import { readInputFile } from '../input-file.ts';
import type { CommandContext } from '../main.ts';
import { edgeOption } from '../options.ts';
import { megabytes, table } from '../output.ts';

export function chunkCommands({ output, signal }: CommandContext): Command {
  const chunk = new Command('chunk').description('chunk objects');
  chunk
    .command('inspect')
    .description('check every CRC of a chunk object and show its header and levels')
    .argument('<source>', 'a .kvl file, a URL, or a chunk id')
    .addOption(edgeOption())
    .action(async (source: string, options: { edge: string }) => {
      const bytes = await readSource(source, options.edge, signal);
      const info = (await loadBestCodec()).validateChunk(bytes);
      output().result(info, () => describe(info));
    });
  return chunk;
}

async function readSource(source: string, edge: string, signal: AbortSignal): Promise<Uint8Array> {
  if (Id.safeParse(source).success)
    return download(new URL(`v1/chunks/${source}`, `${edge.replace(/\/$/, '')}/`), signal);
  if (/^https?:\/\//.test(source)) return download(new URL(source), signal);
  return readInputFile(source, LIMITS.chunkBytes, 'No chunk is that large; check the path.');
}

async function download(url: URL, signal: AbortSignal): Promise<Uint8Array> {
  const response = await fetch(url, { signal }).catch((cause) => {
    throw new CliError(
      'edge-unreachable',
      EXIT.unreachable,
      `${url.origin} cannot be reached.`,
      'Check the URL and the network; "kvedge edge dev" starts an edge on this machine.',
      { cause },
    );
  });
  if (!response.ok) {
    throw new CliError(
      'chunk-not-found',
      response.status === 404 ? EXIT.notFound : EXIT.refused,
      `${url} answered ${response.status}.`,
      'Ids of chunks: "kvedge context show <context id>". For a private chunk give the URL of "kvedge token sign-url".',
    );
  }
  if (Number(response.headers.get('content-length') ?? 0) > LIMITS.chunkBytes) throw tooLarge(url.href);
  return readBounded(response.body, LIMITS.chunkBytes, () => tooLarge(url.href));
}

function tooLarge(source: string): CliError {
  return new CliError(
    'too-large',
    EXIT.refused,
    `${source} is larger than a chunk can be.`,
    `The limit is ${LIMITS.chunkBytes} bytes.`,
  );
}

function describe(info: ChunkInfo): string {
  const head = [
    `chunk     ${info.chunkId}${info.subset ? ' (subset)' : ''}`,
    info.codec === CODEC_CACHEGEN
      ? 'codec     cachegen (2, without a profile)'
      : `profile   ${info.profileId}`,
    `model     ${info.modelFingerprint}`,
    `tokens    ${info.tokenCount} from position ${info.firstPosition}`,
    `geometry  ${info.layers} layers x ${info.kvHeads} KV heads x ${info.keyHeadDim}/${info.valueHeadDim}`,
    `overhead  header ${info.headerBytes} B, prelude ${info.preludeBytes} B, ${info.segments.length} segments`,
    '',
  ];
  const values = info.tokenCount * info.layers * info.kvHeads * (info.keyHeadDim + info.valueHeadDim);
  const rows = info.levels.map((level) => [
    level.name,
    megabytes(level.endOffset),
    ((8 * level.endOffset) / values).toFixed(3),
    level.predictedKld.toExponential(1),
  ]);
  return [...head, table(['level', 'size', 'bits/value', 'predicted KLD'], rows)].join('\n');
}
