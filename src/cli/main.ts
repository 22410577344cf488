#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { chunkCommands } from './commands/chunk.ts';
import { contextCommands } from './commands/context.ts';
import { doctorCommand } from './commands/doctor.ts';
import { edgeCommands } from './commands/edge.ts';
import { modelCommands } from './commands/model.ts';
import { originCommands } from './commands/origin.ts';
import { profileCommands } from './commands/profile.ts';
import { purgeCommand } from './commands/purge.ts';
import { tokenCommands } from './commands/token.ts';
import { EXIT, failureOf } from './exit-codes.ts';
import { createOutput, type Output } from './output.ts';

export interface CommandContext {
  output: () => Output;
  /** Aborted by Ctrl-C. */
  signal: AbortSignal;
}

function program(context: CommandContext): Command {
  const root = new Command('kvedge')
    .description("Serve an LLM context's KV cache, compressed, from the edge: no prefill")
    .option('--json', 'print one JSON document on standard output')
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('(add --help for usage)')
    .exitOverride();
  for (const add of [
    modelCommands,
    contextCommands,
    chunkCommands,
    profileCommands,
    tokenCommands,
    purgeCommand,
    originCommands,
    edgeCommands,
    doctorCommand,
  ]) {
    root.addCommand(add(context));
  }
  for (const command of everyCommand(root)) command.exitOverride();
  return root;
}

function* everyCommand(command: Command): Generator<Command> {
  for (const child of command.commands) {
    child.copyInheritedSettings(command);
    yield child;
    yield* everyCommand(child);
  }
}

async function main(args: readonly string[]): Promise<number> {
  // `--json` may stand anywhere, also after the command.
  const json = args.includes('--json');
  const output = createOutput(json);
  const interrupt = new AbortController();
  const onSignal = () => interrupt.abort(new Error('interrupted'));
  // A parent that started this with a channel and is gone (even by SIGKILL) wants no service any more.
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal).once('disconnect', onSignal);
  try {
    const command = program({ output: () => output, signal: interrupt.signal });
    await command.parseAsync(
      args.filter((arg) => arg !== '--json'),
      { from: 'user' },
    );
    return typeof process.exitCode === 'number' ? process.exitCode : EXIT.ok;
  } catch (error) {
    if (interrupt.signal.aborted) return EXIT.interrupted;
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    report(error, json);
    return failureOf(error).exitCode;
  }
}

function report(error: unknown, json: boolean): void {
  const { exitCode, code, message, remedy } = failureOf(error);
  if (json) {
    process.stderr.write(`${JSON.stringify({ error: { code, message, remedy } })}\n`);
    return;
  }
  process.stderr.write(`kvedge: ${message}\n`);
  if (remedy !== undefined) process.stderr.write(`  What to do: ${remedy}\n`);
  if (exitCode === EXIT.unexpected && error instanceof Error) process.stderr.write(`${error.stack}\n`);
}

process.exitCode = await main(process.argv.slice(2));
