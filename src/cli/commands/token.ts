import { Command, Option } from 'commander';
import { kvedgeHome } from '../../engine/llama/models.ts';
import { signUrl } from '../../protocol/signed-url.ts';
import { parseTokenKeys, SCOPES, type Scope } from '../../protocol/token.ts';
import { LOCAL_TENANT, localSecrets, mintLocalToken, type Secrets } from '../local/secrets.ts';
import type { CommandContext } from '../main.ts';
import { durationSeconds, httpUrl } from '../options.ts';

export function tokenCommands({ output }: CommandContext): Command {
  const token = new Command('token').description('bearer tokens and signed URLs for an edge');
  token
    .command('create')
    .description('make a token, signed with the newest key of KVEDGE_TOKEN_KEYS or of secrets.json')
    .addOption(new Option('--scope <scope...>', 'what it allows').choices(SCOPES).default(['read']))
    .option('--ttl <duration>', 'how long it is valid: 90s, 15m, 24h, 30d', durationSeconds, 3600)
    .option('--tenant <name>', 'whose it is', LOCAL_TENANT)
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
  token
    .command('sign-url')
    .description('make a URL that reads one path without a token, for browsers; its query may be changed')
    .argument('<url>', 'URL of a context, its tokens or events, or a chunk', httpUrl)
    .option('--ttl <duration>', 'how long it is valid: 90s, 15m, 24h, 30d', durationSeconds, 3600)
    .option('--tenant <name>', 'for whom it reads', LOCAL_TENANT)
    .action(async (url: string, options: { ttl: number; tenant: string }) => {
      const signed = await signUrl({
        keys: parseTokenKeys(JSON.stringify((await tokenKeys()).tokenKeys)),
        tenant: options.tenant,
        url,
        ttlSeconds: options.ttl,
      });
      const expiresAt = new Date(Date.now() + options.ttl * 1000).toISOString();
      output().result({ url: signed, tenant: options.tenant, expiresAt }, () => signed);
    });
  return token;
}

async function tokenKeys(): Promise<Pick<Secrets, 'tokenKeys'>> {
  const given = process.env.KVEDGE_TOKEN_KEYS;
  return given ? { tokenKeys: JSON.parse(given) } : localSecrets(kvedgeHome());
}
