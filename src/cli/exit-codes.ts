import { ClientError } from '../client/index.ts';
import { CodecError } from '../codec/errors.ts';
import { EngineError } from '../engine/index.ts';
import { TokenError } from '../protocol/token.ts';
import { CliError } from './cli-error.ts';

/** Exit codes of every command; documented in docs/operations.md. Never give one another meaning. */
export const EXIT = {
  ok: 0,
  unexpected: 1,
  usage: 2,
  notFound: 3,
  refused: 4,
  unreachable: 5,
  integrity: 6,
  missingPart: 7,
  engine: 8,
  interrupted: 130,
} as const;

export interface Failure {
  exitCode: number;
  code: string;
  message: string;
  remedy?: string;
}

const CLIENT_EXITS: Partial<Record<ClientError['code'], number>> = {
  'context-not-found': EXIT.notFound,
  'context-gone': EXIT.notFound,
  'edge-unreachable': EXIT.unreachable,
  'context-pending': EXIT.unreachable,
  'integrity-failed': EXIT.integrity,
  'signature-missing': EXIT.integrity,
  'signature-untrusted': EXIT.integrity,
  'signature-invalid': EXIT.integrity,
  'engine-failed': EXIT.engine,
};

const ENGINE_EXITS: Partial<Record<EngineError['code'], number>> = {
  'engine-missing': EXIT.missingPart,
  'model-not-found': EXIT.missingPart,
  'model-fetch-failed': EXIT.unreachable,
  'model-digest-mismatch': EXIT.integrity,
};

/** What to tell the user about an error, and the exit code. */
export function failureOf(error: unknown): Failure {
  if (error instanceof CliError) return pick(error, error.exitCode, error.remedy);
  if (error instanceof ClientError)
    return pick(error, CLIENT_EXITS[error.code] ?? EXIT.refused, error.remedy);
  if (error instanceof EngineError) return pick(error, ENGINE_EXITS[error.code] ?? EXIT.engine);
  if (error instanceof CodecError) {
    return pick(error, error.code === 'backend-unavailable' ? EXIT.missingPart : EXIT.integrity);
  }
  if (error instanceof TokenError) return { exitCode: EXIT.usage, code: 'token', message: error.message };
  const message = error instanceof Error ? error.message : String(error);
  return { exitCode: EXIT.unexpected, code: 'unexpected', message };
}

function pick(error: Error & { code: string }, exitCode: number, remedy?: string): Failure {
  return { exitCode, code: error.code, message: error.message, ...(remedy !== undefined && { remedy }) };
}
