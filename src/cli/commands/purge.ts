import { Command } from 'commander';
import { purgeContexts } from '../../client/index.ts';
import type { PurgeResult, RegisteredContext } from '../../protocol/registry.ts';
import { CliError } from '../cli-error.ts';
import { EXIT } from '../exit-codes.ts';
import type { CommandContext } from '../main.ts';
import { contextIdArgument, durationSeconds, edgeAccess, edgeOption, tokenOption } from '../options.ts';
import { megabytes, table } from '../output.ts';

interface PurgeOptions {
  edge: string;
  token?: string;
  model?: string;
  profile?: string;
  tenant?: string;
  olderThan?: number;
  id?: string[];
  dryRun?: boolean;
}

export function purgeCommand({ output, signal }: CommandContext): Command {
  return new Command('purge')
    .description('remove every context that meets all conditions given')
    .option('--model <name>', 'of this model (name or fingerprint)')
    .option('--profile <id>', 'of this profile', contextIdArgument)
    .option('--tenant <name>', 'of this tenant; "" for public contexts')
    .option('--older-than <duration>', 'published at least so long ago, such as 30d', durationSeconds)
    .option('--id <id>', 'with this id; may be repeated', (id: string, ids: string[] = []) => [
      ...ids,
      contextIdArgument(id),
    ])
    .option('--dry-run', 'only tell what would go')
    .addOption(edgeOption())
    .addOption(tokenOption())
    .action(async (options: PurgeOptions) => {
      const { model, profile, tenant, olderThan, id } = options;
      const conditions = {
        ...(model !== undefined && { model }),
        ...(profile !== undefined && { profileId: profile }),
        ...(tenant !== undefined && { tenant }),
        ...(olderThan !== undefined && { olderThanSeconds: olderThan }),
        ...(id !== undefined && { ids: id }),
      };
      if (Object.keys(conditions).length === 0) {
        throw new CliError(
          'no-condition',
          EXIT.usage,
          'Nothing says what to purge.',
          'Give --model, --profile, --tenant, --older-than or --id; --dry-run shows what would go.',
        );
      }
      const access = { ...(await edgeAccess(options, ['admin'])), signal };
      const dryRun = options.dryRun === true;
      const contexts: RegisteredContext[] = [];
      const chunks: PurgeResult['chunks'] = [];
      const busy: string[] = [];
      for await (const page of purgeContexts(access, { ...conditions, dryRun })) {
        contexts.push(...page.contexts);
        chunks.push(...page.chunks);
        busy.push(...page.busy);
        if (!dryRun) output().note(`${contexts.length} contexts removed`);
      }
      output().result({ dryRun, contexts, chunks, busy }, () => describe({ dryRun, contexts, chunks, busy }));
    });
}

function describe({ dryRun, contexts, chunks, busy }: Omit<PurgeResult, 'cursor'>): string {
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.bytes, 0);
  return [
    ...(contexts.length > 0 ? [describeContexts(contexts), ''] : []),
    `${dryRun ? 'would remove' : 'removed'} ${contexts.length} contexts, ${chunks.length} chunks, ${megabytes(bytes)}`,
    ...(busy.length > 0 ? [`busy, try again: ${busy.join(', ')}`] : []),
  ].join('\n');
}

function describeContexts(contexts: readonly RegisteredContext[]): string {
  return table(
    ['context', 'model', 'tokens', 'chunks', 'tenant', 'created', 'expires'],
    contexts.map((one) => [
      one.id,
      one.model.name,
      String(one.tokenCount),
      String(one.chunkCount),
      one.tenant || '(public)',
      one.createdAt.slice(0, 10),
      one.expiresAt?.slice(0, 10) ?? 'never',
    ]),
  );
}
