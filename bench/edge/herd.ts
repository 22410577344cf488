import { type Stack, startStack } from '../../src/cli/local/stack.ts';
import { SMOLLM2 } from '../../src/engine/llama/models.ts';
import { JobStatus } from '../../src/protocol/api.ts';
import { Manifest } from '../../src/protocol/manifest.ts';
import { OriginLog } from './origin-log.ts';
import { shortText } from './texts.ts';

const CLIENTS = 500;
/** Of these, every fifth asks for the job's state instead of publishing, once there is a job. */
const WATCHER_EVERY = 5;
const WAIT_SECONDS = 60;
const CHAPTER = 57;

export interface HerdFigures {
  herdClients: number;
  /** How often an engine read the text; must be 1. */
  herdComputations: number;
  /** Clients that got the manifest of one and the same context. */
  herdServed: number;
  herdMs: number;
}

/**
 * Many clients at once ask for one context that nobody has asked for: publishers, each on a connection of its own, and watchers
 * of the job. Two real origins wait for work, the real Worker runs in workerd.
 */
export async function runHerd(): Promise<HerdFigures> {
  const log = new OriginLog();
  const stack = await startStack({ name: 'bench-herd', profiles: [], onOriginLog: log.add });
  try {
    await stack.addOrigin();
    const started = performance.now();
    const body = JSON.stringify({ model: SMOLLM2.id, text: shortText(CHAPTER) });
    const job = Promise.withResolvers<string>();
    const ids = await Promise.all(
      Array.from({ length: CLIENTS }, async (_, client) => {
        if (client % WATCHER_EVERY === WATCHER_EVERY - 1) return watch(stack, await job.promise);
        return publish(stack, body, client === 0 ? job.resolve : null);
      }),
    );
    const herdMs = Math.round(performance.now() - started);
    const [first] = ids;
    return {
      herdClients: CLIENTS,
      herdComputations: [...log.computations.values()].reduce((sum, count) => sum + count, 0),
      herdServed: ids.filter((id) => id !== null && id === first).length,
      herdMs,
    };
  } finally {
    await stack.close();
  }
}

/** Asks for the context until there is a manifest; gives its id, or null for a refusal. */
async function publish(
  stack: Stack,
  body: string,
  onJob: ((id: string) => void) | null,
): Promise<string | null> {
  for (let waitSeconds = onJob === null ? WAIT_SECONDS : 0; ; waitSeconds = WAIT_SECONDS) {
    const response = await fetch(`${stack.edge.url}/v1/contexts`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${stack.access.token}`,
        'content-type': 'application/json',
        prefer: `wait=${waitSeconds}`,
      },
      body,
    });
    const answer: unknown = await response.json();
    if (response.status === 201) return Manifest.parse(answer).id;
    if (response.status !== 202) return null;
    onJob?.(JobStatus.parse(answer).id);
  }
}

async function watch(stack: Stack, job: string): Promise<string | null> {
  for (;;) {
    const headers = { prefer: `wait=${WAIT_SECONDS}` };
    const response = await fetch(`${stack.edge.url}/v1/contexts/${job}`, { headers });
    const answer: unknown = await response.json();
    if (response.status === 200) return Manifest.parse(answer).id; // after the redirect to the context
    if (response.status !== 202) return null;
  }
}
