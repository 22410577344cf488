import { Command, Option } from 'commander';
import { kvedgeHome } from '../../engine/llama/models.ts';
import { SCOPES, type Scope } from '../../protocol/token.ts';
import { localSecrets, mintLocalToken, type Secrets } from '../local/secrets.ts';
import type { CommandContext } from '../main.ts';
import { durationSeconds } from '../options.ts';

export function tokenCommands({ output }: CommandContext): Command {
  const token = new Command('token').description('bearer tokens for an edge');
  token
    .command('create')
    .description('make a token, signed with the newest key of KVEDGE_TOKEN_KEYS or of secrets.json')
    .addOption(new Option('--scope <scope...>', 'what it allows').choices(SCOPES).default(['read']))
    .option('--ttl <duration>', 'how long it is valid: 90s, 15m, 24h, 30d', durationSeconds, 3600)
    .option('--tenant <name>', 'whose it is', 'local')
    .action(async (options: { scope: Scope[]; ttl: number; tenant: string }) => {
      const created = await mintLocalToken(await tokenKeys(), {
        scopes: options.scope,
        ttlSeconds: options.ttl,
        tenant: options.tenant,
      });
      const expiresAt = new Date(Date.now() + options.ttl * 1000).toISOString();
      output().result(
        { token: created, scopes: options.scope, tenant: options.tenant, expiresAt },
        () => created,
      );
    });
  return token;
}

async function tokenKeys(): Promise<Pick<Secrets, 'tokenKeys'>> {
  const given = process.env.KVEDGE_TOKEN_KEYS;
  return given ? { tokenKeys: JSON.parse(given) } : localSecrets(kvedgeHome());
}
