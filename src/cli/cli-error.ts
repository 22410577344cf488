/** A command cannot do what was asked. Says what failed and why; `remedy` says what to do. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly code: string;
  readonly exitCode: number;
  readonly remedy: string;

  constructor(code: string, exitCode: number, message: string, remedy: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.exitCode = exitCode;
    this.remedy = remedy;
  }
}
