import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { EdgeUrl } from '../../../origin-gpu/src/config.ts';
import { startOrigin } from '../../../origin-gpu/src/server.ts';
import { loadBestCodec } from '../../codec/index.ts';
import { MODELS, resolveModelPath } from '../../engine/llama/models.ts';
import { createSigner } from '../../protocol/signature.ts';
import { untilAborted } from '../local/foreground.ts';
import { checkPort } from '../local/free-port.ts';
import { DEFAULT_ORIGIN_PORT, homeFolders } from '../local/home.ts';
import { localSecrets, mintLocalToken } from '../local/secrets.ts';
import type { CommandContext } from '../main.ts';
import { edgeOption, modelOption, portNumber, positiveInt } from '../options.ts';

/** Profiles that come with kvedge. */
const SHIPPED_PROFILES = fileURLToPath(new URL('../../../origin-gpu/profiles/', import.meta.url));
const PUBLISH_TOKEN_TTL_SECONDS = 600;

interface ServeOptions {
  model: string;
  profile: string[];
  edge: string;
  host: string;
  port: number;
  threads?: number;
}

export function originCommands({ output, signal }: CommandContext): Command {
  const origin = new Command('origin').description('computes, encodes and publishes contexts');
  origin
    .command('serve')
    .description('compute what the edge is asked for, in the foreground')
    .addOption(modelOption())
    .option(
      '--profile <file...>',
      'profile files or folders to choose from, before those that come with kvedge',
      [],
    )
    .addOption(edgeOption())
    .option('--host <address>', 'address of /healthz', '127.0.0.1')
    .option('--port <port>', 'port of /healthz, 0 for any', portNumber, DEFAULT_ORIGIN_PORT)
    .option('--threads <count>', 'threads for evaluation (default: all)', positiveInt)
    .action(async (options: ServeOptions) => {
      await checkPort(options.host, options.port); // before a model is loaded
      const folders = homeFolders();
      const secrets = await localSecrets(folders.home);
      const staticToken = process.env.KVEDGE_EDGE_TOKEN;
      const keysJson = process.env.KVEDGE_TOKEN_KEYS;
      const tokenKeys = keysJson ? JSON.parse(keysJson) : secrets.tokenKeys;
      const running = await startOrigin(
        {
          host: options.host,
          port: options.port,
          edgeUrl: EdgeUrl.parse(options.edge),
          edgeToken: () =>
            staticToken ||
            mintLocalToken(
              { tokenKeys },
              { scopes: ['publish', 'compute'], ttlSeconds: PUBLISH_TOKEN_TTL_SECONDS },
            ),
          signer: await createSigner(process.env.KVEDGE_SIGNING_KEY || secrets.signingKey),
          models: [{ name: modelName(options.model), modelPath: await resolveModelPath(options.model) }],
          profilePaths: [...options.profile, SHIPPED_PROFILES, folders.profiles],
          ...(options.threads !== undefined && { threads: options.threads }),
        },
        await loadBestCodec(),
      );
      const { url, models } = running;
      output().result(
        { url, models },
        () => `origin computes ${models.join(', ')} for ${options.edge}, health at ${url}/healthz`,
      );
      await untilAborted(signal);
      await running.close();
    });
  origin
    .command('key')
    .description('print the public key of KVEDGE_SIGNING_KEY or of secrets.json, for clients to trust')
    .action(async () => {
      const given = process.env.KVEDGE_SIGNING_KEY;
      const { publicKey } = await createSigner(given || (await localSecrets(homeFolders().home)).signingKey);
      output().result({ publicKey }, () => publicKey);
    });
  return origin;
}

/** Name under which a model is published: its pinned name, else its file's name. */
function modelName(nameOrPath: string): string {
  return MODELS.has(nameOrPath) ? nameOrPath : path.basename(nameOrPath).replace(/\.gguf$/i, '');
}
