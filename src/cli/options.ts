import { InvalidArgumentError, Option } from 'commander';
import type { EdgeAccess } from '../client/index.ts';
import { kvedgeHome } from '../engine/llama/models.ts';
import { Id, Signature } from '../protocol/manifest.ts';
import { createSigner } from '../protocol/signature.ts';
import type { Scope } from '../protocol/token.ts';
import { defaultEdgeUrl } from './local/home.ts';
import { mintLocalToken, readSecrets } from './local/secrets.ts';

const COMMAND_TOKEN_TTL_SECONDS = 3600;

/** Argument parsers of commander: a value or an error that names what was expected. */
export function positiveInt(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('expected a whole number above 0');
  return Number(text);
}

export function portNumber(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) throw new InvalidArgumentError('expected 0 to 65535');
  return Number(text);
}

export function contextIdArgument(text: string): string {
  if (!Id.safeParse(text).success)
    throw new InvalidArgumentError('expected 64 lower-case hexadecimal digits');
  return text;
}

export function httpUrl(text: string): string {
  if (!/^https?:$/.test(URL.parse(text)?.protocol ?? ''))
    throw new InvalidArgumentError('expected an http or https URL');
  return text;
}

const TTL_UNITS_SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/** `90`, `90s`, `15m`, `24h` or `30d` as seconds. */
export function durationSeconds(text: string): number {
  const [, number, unit = 's'] = /^([1-9]\d{0,7})([smhd])?$/.exec(text) ?? [];
  if (number === undefined)
    throw new InvalidArgumentError('expected a duration such as 90s, 15m, 24h or 30d');
  return Number(number) * TTL_UNITS_SECONDS[unit as keyof typeof TTL_UNITS_SECONDS];
}

export const edgeOption = () =>
  new Option('--edge <url>', 'base URL of the edge (KVEDGE_EDGE)')
    .default(defaultEdgeUrl())
    .argParser(httpUrl);

export const tokenOption = () =>
  new Option('--token <token>', 'bearer token (KVEDGE_TOKEN)').env('KVEDGE_TOKEN');

export const trustOption = () =>
  new Option(
    '--trust <key...>',
    'public keys of publishers to trust (KVEDGE_TRUSTED_KEYS; default: the key of this machine, for an edge on it)',
  )
    .env('KVEDGE_TRUSTED_KEYS')
    .argParser(publicKeys);

/** Adds the keys in `text`, separated by spaces, to those of earlier arguments. */
export function publicKeys(text: string, earlier: readonly string[] = []): string[] | undefined {
  const keys = text.split(/\s+/).filter((key) => key !== '');
  if (!keys.every((key) => Signature.shape.publicKey.safeParse(key).success)) {
    throw new InvalidArgumentError('expected Ed25519 public keys, each 43 characters of base64url');
  }
  const all = [...earlier, ...keys];
  return all.length > 0 ? all : undefined;
}

export const modelOption = () =>
  new Option('--model <name>', 'pinned name of a model, or path of a GGUF file (KVEDGE_MODEL)')
    .env('KVEDGE_MODEL')
    .default('smollm2-135m-instruct');

/**
 * Access to an edge: the token given, else for an edge on this machine one made with its secrets if its own services were
 * started, else none (public contexts can be read without).
 */
export async function edgeAccess(
  options: { edge: string; token?: string },
  scopes: readonly Scope[],
): Promise<EdgeAccess> {
  const token = options.token ?? (await localToken(options.edge, scopes));
  return { edge: options.edge, ...(token !== undefined && { token }) };
}

/**
 * Keys whose manifests are trusted: those given, else for an edge on this machine the key of its own origin, if there is one.
 * Undefined: signatures are not looked at.
 */
export async function trustedKeys(options: {
  edge: string;
  trust?: string[];
}): Promise<string[] | undefined> {
  if (options.trust !== undefined) return options.trust;
  const secrets = isLocal(options.edge) ? await readSecrets(kvedgeHome()) : null;
  return secrets === null ? undefined : [(await createSigner(secrets.signingKey)).publicKey];
}

/** Secrets of this machine are of no use to other edges, and none of their business. */
function isLocal(edge: string): boolean {
  return ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(edge).hostname);
}

async function localToken(edge: string, scopes: readonly Scope[]): Promise<string | undefined> {
  const secrets = isLocal(edge) ? await readSecrets(kvedgeHome()) : null;
  if (secrets === null) return undefined;
  return mintLocalToken(secrets, { scopes, ttlSeconds: COMMAND_TOKEN_TTL_SECONDS });
}
