/**
 * Why a context could not be opened. Callers branch on `code`; each has one remedy.
 *
 * Not thrown for an abort: that rejects with the signal's own reason.
 */
export const CLIENT_REMEDIES = {
  'edge-unreachable':
    'Check the URL of the edge and the network, then try again; "kvedge edge dev" starts an edge on this machine.',
  'edge-refused': 'The message holds what the edge objects to and what to do.',
  'edge-answer-invalid': 'Check that the URL is that of a kvedge edge of the same API version.',
  'context-not-found': 'Publish it with "kvedge context publish", or check the id.',
  'context-gone': 'It has expired or was deleted: publish it again with "kvedge context publish".',
  'context-is-job': 'Use the id of the context that the message names.',
  'context-pending': 'Wait until it is published: "kvedge context wait", or followContext().',
  'context-failed': 'Publish the context again; the log of the origin has the reason.',
  'level-unknown': 'Use a level named in the manifest.',
  'model-mismatch': 'Load the context with the very model file that it was published for.',
  'integrity-failed': 'Try again or use another edge; nothing was loaded.',
  'signature-missing': 'Ask the publisher to sign, or load without trusted keys.',
  'signature-untrusted':
    "Get the publisher's key from the publisher; do not trust one because a manifest names it.",
  'signature-invalid': 'Use another edge and tell the publisher; nothing was loaded.',
  'codec-failed': 'Update kvedge; the chunk or profile may need a newer codec.',
  'engine-failed': 'The message of the engine says what to do; the sequence was closed.',
} as const;

export type ClientErrorCode = keyof typeof CLIENT_REMEDIES;

export class ClientError extends Error {
  override readonly name = 'ClientError';
  readonly code: ClientErrorCode;
  readonly remedy: string;
  /** Code of the edge's problem document, if it sent one. */
  readonly problemCode: string | undefined;

  constructor(
    code: ClientErrorCode,
    message: string,
    options: ErrorOptions & { remedy?: string; problemCode?: string } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.remedy = options.remedy ?? CLIENT_REMEDIES[code];
    this.problemCode = options.problemCode;
  }
}

/** What an edge sent is not what was asked for, so it is thrown away. */
export function integrity(message: string, cause?: unknown): ClientError {
  return new ClientError('integrity-failed', message, cause === undefined ? {} : { cause });
}
