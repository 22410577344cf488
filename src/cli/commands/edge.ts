import { Command } from 'commander';
import { startLocalEdge } from '../local/edge.ts';
import { untilAborted } from '../local/foreground.ts';
import { checkPort } from '../local/free-port.ts';
import { DEFAULT_EDGE_PORT, homeFolders } from '../local/home.ts';
import { localSecrets } from '../local/secrets.ts';
import type { CommandContext } from '../main.ts';
import { portNumber, positiveInt } from '../options.ts';

interface DevOptions {
  host: string;
  port: number;
  lease?: number;
}

export function edgeCommands({ output, signal }: CommandContext): Command {
  const edge = new Command('edge').description('stores and serves contexts');
  edge
    .command('dev')
    .description('run the Worker on this machine in the foreground, with its storage below KVEDGE_HOME')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <port>', 'port to listen on, 0 for any', portNumber, DEFAULT_EDGE_PORT)
    .option(
      '--lease <seconds>',
      'how long an origin may be silent before another takes its job (default: 30)',
      positiveInt,
    )
    .action(async (options: DevOptions) => {
      await checkPort(options.host, options.port);
      const folders = homeFolders();
      const running = await startLocalEdge({
        secrets: await localSecrets(folders.home),
        ...(options.lease !== undefined && { leaseSeconds: options.lease }),
        host: options.host,
        port: options.port,
        storage: folders.edge,
      });
      output().result(
        { url: running.url },
        () => `edge at ${running.url}, waiting for origins ("kvedge origin serve"); Ctrl-C ends it`,
      );
      await untilAborted(signal);
      await running.close();
    });
  return edge;
}
