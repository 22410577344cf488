import type { Env } from '../env.ts';
import { dispatcherOf } from './dispatcher.ts';
import { JobKey } from './job-key.ts';
import { jobOf } from './job-of.ts';

/** Where the platform puts a key after its last retry; the name is that of wrangler.toml. */
const DEAD_LETTERS = 'kvedge-jobs-dead';

/**
 * Consumer of both queues. A batch of keys goes to the dispatcher in one call; if that throws, the platform delivers the batch
 * again. A key that came to the dead letters fails its job.
 */
export async function consumeKeys(batch: MessageBatch<unknown>, env: Env): Promise<void> {
  const keys = batch.messages.flatMap(({ body }) => JobKey.safeParse(body).data ?? []);
  if (batch.queue === DEAD_LETTERS) {
    const detail = 'the key of the job could not be handed to the dispatcher';
    await Promise.all(keys.map((key) => jobOf(env, key).giveUp('job-undeliverable', detail)));
    return;
  }
  const { unserved, models } = await dispatcherOf(env).offer(keys);
  await Promise.all(
    unserved.map((key) => {
      const detail = `no origin serves the model ${JSON.stringify(key.model)}; served are ${models.join(', ')}`;
      return jobOf(env, key).giveUp('model-unknown', detail);
    }),
  );
}
