/** `npm run load`: load scenarios against the real Worker and a real origin on this machine. See docs/operations.md. */
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Argument, Command, InvalidArgumentError } from 'commander';
import { pinnedModelPath, SMOLLM2 } from '../../src/engine/llama/models.ts';
import { locust } from './locust.ts';
import { printResults } from './print.ts';
import { type Result, runScenario, startStage } from './run-scenario.ts';
import { SCENARIOS } from './scenarios.ts';

const RECORDS = fileURLToPath(new URL('../../bench/record/', import.meta.url));

interface Options {
  seconds?: number;
  json?: boolean;
  record?: boolean;
}

const wholeSeconds = (text: string): number => {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 5) return value;
  throw new InvalidArgumentError('expected whole seconds, at least 5');
};

const program = new Command('load')
  .description('load on the real Worker and a real origin, with every answer checked')
  .addArgument(new Argument('[scenarios...]', 'default: all').choices(SCENARIOS.map(({ name }) => name)))
  .option('--seconds <n>', 'length of each scenario, for those that do not end by themselves', wholeSeconds)
  .option('--record', 'write the results to bench/record/load[-<scenarios>]-<date>.json as well')
  .option('--json', 'print one JSON document')
  .action(run);

await program.parseAsync();

async function run(names: string[], { seconds, json, record }: Options): Promise<void> {
  const skip = (reason: string) => console.log(`SKIP load test: ${reason}`);
  if (!existsSync(pinnedModelPath(SMOLLM2))) return skip('no model; run "npm run kvedge -- model fetch"');
  const command = locust();
  if (command === null) return skip('no Python 3 with venv, or its packages cannot be fetched');
  const wanted = SCENARIOS.filter(({ name }) => names.length === 0 || names.includes(name));
  const results: Result[] = [];
  const stage = await startStage();
  try {
    for (const scenario of wanted) {
      console.error(`${scenario.what} ...`);
      results.push(await runScenario(command, stage, scenario, seconds ?? scenario.seconds));
    }
  } finally {
    await stage.stack.close();
  }
  const date = new Date().toISOString().slice(0, 10);
  const report = { date, cpu: cpus()[0]?.model, cores: cpus().length, scenarios: results };
  if (record) {
    await mkdir(RECORDS, { recursive: true });
    const which = ['load', ...names, date].join('-');
    await writeFile(`${RECORDS}${which}.json`, `${JSON.stringify(report, null, 2)}\n`);
  }
  console.log(json ? JSON.stringify(report) : printResults(results));
  if (
    results.some(
      ({ checksFailed, brokenThresholds, exceptions }) =>
        checksFailed + brokenThresholds.length + exceptions.length > 0,
    )
  ) {
    process.exitCode = 1;
  }
}
