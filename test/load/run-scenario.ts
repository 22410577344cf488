import { setTimeout as delay } from 'node:timers/promises';
import { OriginLog } from '../../bench/edge/origin-log.ts';
import { shortText } from '../../bench/edge/texts.ts';
import { demoText } from '../../src/cli/demo/text.ts';
import { type Stack, startStack } from '../../src/cli/local/stack.ts';
import { fetchManifest, followContext, submitContext } from '../../src/client/index.ts';
import { SMOLLM2 } from '../../src/engine/llama/models.ts';
import type { Manifest } from '../../src/protocol/manifest.ts';
import { runLocust, type Summary } from './locust.ts';
import type { Scenario } from './scenarios.ts';

/** About 1,000 tokens: four chunks. */
const READ_CHARS = 4_000;
/** About 150 tokens, so that publishing is more than prefill. */
const SHORT_CHARS = 600;
const LEASE_SECONDS = 5;
/** When the origin is killed and for how long, as shares of the run. */
const OUTAGE = { from: 0.25, share: 0.35 };

/** The real Worker and a real origin, with a context to read. */
export interface Stage {
  stack: Stack;
  log: OriginLog;
  manifest: Manifest;
}

export async function startStage(): Promise<Stage> {
  const log = new OriginLog();
  const stack = await startStack({
    name: 'test-load',
    profiles: [],
    leaseSeconds: LEASE_SECONDS,
    onOriginLog: log.add,
  });
  try {
    const text = (await demoText()).text.slice(0, READ_CHARS);
    const { id: job } = await submitContext(stack.access, { model: SMOLLM2.id, text });
    const id = await followContext(stack.access, job);
    return { stack, log, manifest: await fetchManifest(stack.access, id) };
  } catch (error) {
    await stack.close();
    throw error;
  }
}

export interface Result extends Summary {
  name: string;
  what: string;
  users: number;
  seconds: number;
}

export async function runScenario(
  command: string,
  stage: Stage,
  { name, what, users }: Scenario,
  seconds: number,
): Promise<Result> {
  const { stack, log, manifest } = stage;
  const run = `Run ${crypto.randomUUID()}`;
  const before = computations(log);
  const locust = runLocust({
    command,
    scenario: name,
    users,
    seconds,
    target: {
      edge: stack.edge.url,
      edgePid: stack.edge.process.pid,
      token: stack.access.token,
      model: SMOLLM2.id,
      manifest,
      run,
      coldText: `${run}. ${shortText(1)}`,
      shortText: shortText(2, SHORT_CHARS),
      outageSeconds: OUTAGE.share * seconds,
    },
  });
  const [summary] = await Promise.all([locust, name === 'outage' && breakOrigin(stack, seconds)]);
  if (name === 'herd') countCheck(summary, 'herd: computed once', computations(log) - before === 1);
  return { name, what, users, seconds, ...summary };
}

/** What only the driver can see. */
function countCheck(summary: Summary, name: string, holds: boolean): void {
  if (holds) summary.checksPassed += 1;
  else {
    summary.checksFailed += 1;
    summary.failedChecks[name] = 1;
  }
}

/** How often an engine has begun to read a text. */
function computations(log: OriginLog): number {
  return [...log.computations.values()].reduce((sum, count) => sum + count, 0);
}

/** Kills the origin without a word, and starts it again after a while. */
async function breakOrigin(stack: Stack, seconds: number): Promise<void> {
  await delay(1000 * seconds * OUTAGE.from);
  stack.origin.process.kill('SIGKILL');
  await delay(1000 * seconds * OUTAGE.share);
  await stack.restartOrigin();
}
