import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { CliError } from '../cli-error.ts';
import { EXIT } from '../exit-codes.ts';

/** A port that is free now, for two services that must know each other before either listens. */
export function freePort(): Promise<number> {
  return tryPort('127.0.0.1', 0);
}

/** Says so when a service could not listen there, before the service has loaded anything. Port 0 always can. */
export async function checkPort(host: string, port: number): Promise<void> {
  try {
    await tryPort(host, port);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new CliError(
      'port-unavailable',
      EXIT.refused,
      code === 'EADDRINUSE'
        ? `Something listens on ${host}:${port} already.`
        : `${host}:${port} cannot be listened on (${code}).`,
      'Stop what uses it, or choose another with --port (0: any free one) or --host.',
      { cause },
    );
  }
}

async function tryPort(host: string, wanted: number): Promise<number> {
  const server = createServer().listen(wanted, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
