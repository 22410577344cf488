import { readFile, stat } from 'node:fs/promises';
import { CliError } from './cli-error.ts';
import { EXIT } from './exit-codes.ts';

/** Reads a file that a command was given, of at most `maxBytes`. `remedy` says what to do about a larger one. */
export async function readInputFile(file: string, maxBytes: number, remedy: string): Promise<Buffer> {
  const unreadable = (why: string, cause?: unknown) =>
    new CliError('file-unreadable', EXIT.notFound, `${file} ${why}.`, 'Check the path.', { cause });
  try {
    const found = await stat(file);
    if (found.isDirectory()) throw unreadable('is a folder, not a file');
    if (found.size > maxBytes) {
      throw new CliError(
        'too-large',
        EXIT.refused,
        `${file} has ${found.size} bytes, at most ${maxBytes} are taken.`,
        remedy,
      );
    }
    return await readFile(file);
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw unreadable(`cannot be read (${(error as NodeJS.ErrnoException).code})`, error);
  }
}
