import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { mintToken, parseTokenKeys, type Scope } from '../../protocol/token.ts';
import { CliError } from '../cli-error.ts';
import { EXIT } from '../exit-codes.ts';

const Secrets = z.object({
  /** Value of KVEDGE_TOKEN_KEYS. */
  tokenKeys: z.record(z.string(), z.string()).refine((keys) => Object.keys(keys).length > 0),
  /** Value of KVEDGE_TENANT_SECRET. */
  tenantSecret: z.string().min(43),
  /** Value of KVEDGE_SIGNING_KEY. */
  signingKey: z.string().min(1),
});
export type Secrets = z.infer<typeof Secrets>;
/** As an earlier version wrote them. */
const StoredSecrets = Secrets.partial({ tenantSecret: true, signingKey: true });

/** Local services belong to one user. */
export const LOCAL_TENANT = 'local';
const KEY_BYTES = 32;

export function secretsPath(home: string): string {
  return path.join(home, 'secrets.json');
}

/** The secrets of this machine's services, made on first use and readable by this user only. */
export async function localSecrets(home: string): Promise<Secrets> {
  const known = await readSecrets(home);
  if (known !== null) return known;
  await mkdir(home, { recursive: true });
  return writeSecrets(home, {
    tokenKeys: { [`local-${randomBytes(3).toString('hex')}`]: randomBytes(KEY_BYTES).toString('base64url') },
  });
}

/** Adds the secrets that are not there yet and keeps all of them. */
async function writeSecrets(home: string, known: z.infer<typeof StoredSecrets>): Promise<Secrets> {
  const secrets: Secrets = {
    ...known,
    tenantSecret: known.tenantSecret ?? randomBytes(KEY_BYTES).toString('base64url'),
    signingKey: known.signingKey ?? newSigningKey(),
  };
  const draft = `${secretsPath(home)}.${process.pid}`;
  await writeFile(draft, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
  await rename(draft, secretsPath(home));
  return secrets;
}

/** An Ed25519 private key, PKCS #8 in base64url. */
function newSigningKey(): string {
  const { privateKey } = generateKeyPairSync('ed25519');
  return privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64url');
}

/** The secrets if they were made, else null. Refuses a file that others can read. */
export async function readSecrets(home: string): Promise<Secrets | null> {
  const file = secretsPath(home);
  const found = await stat(file).catch(() => null);
  if (found === null) return null;
  if (process.platform !== 'win32' && (found.mode & 0o077) !== 0) {
    throw new CliError(
      'secrets-exposed',
      EXIT.refused,
      `${file} can be read by other users.`,
      `Run: chmod 600 ${file}`,
    );
  }
  const parsed = StoredSecrets.safeParse(
    await readFile(file, 'utf8')
      .then(JSON.parse)
      .catch(() => null),
  );
  if (parsed.success) {
    const complete = Secrets.safeParse(parsed.data);
    return complete.success ? complete.data : writeSecrets(home, parsed.data);
  }
  throw new CliError(
    'secrets-invalid',
    EXIT.refused,
    `${file} is damaged.`,
    'Delete it; new secrets are made then.',
  );
}

export interface TokenRequest {
  scopes: readonly Scope[];
  ttlSeconds: number;
  tenant?: string;
}

export function mintLocalToken(secrets: Pick<Secrets, 'tokenKeys'>, request: TokenRequest): Promise<string> {
  const keys = parseTokenKeys(JSON.stringify(secrets.tokenKeys));
  return mintToken({
    keys,
    tenant: request.tenant ?? LOCAL_TENANT,
    scopes: request.scopes,
    ttlSeconds: request.ttlSeconds,
  });
}
