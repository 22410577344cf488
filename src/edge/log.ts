export type LogLevel = 'info' | 'warn' | 'error';
export type LogFields = Record<string, string | number | null | undefined>;

/**
 * Writes one JSON object as one line. Callers pass ids, patterns, codes and numbers; never text, tokens, secrets, a query, or the
 * message of an error that could quote any of them.
 */
export function writeLog(level: LogLevel, message: string, fields: LogFields): void {
  const line = JSON.stringify({ time: new Date().toISOString(), level, message, ...fields });
  if (level === 'info') console.log(line);
  else console[level](line);
}

/** Name and place of an error, without its message. */
export function errorFields(error: unknown): LogFields {
  if (!(error instanceof Error)) return { error: typeof error };
  const frames = error.stack?.split('\n').filter((line) => /^\s+at /.test(line));
  return {
    error: error.name,
    at: frames
      ?.slice(0, 5)
      .map((line) => line.trim())
      .join(' < '),
  };
}
