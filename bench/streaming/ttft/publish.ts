import pRetry from 'p-retry';
import { startOrigin } from '../../../origin-gpu/src/server.ts';
import { localSecrets, mintLocalToken } from '../../../src/cli/local/secrets.ts';
import type { Stack } from '../../../src/cli/local/stack.ts';
import { ClientError, followContext, publishContext } from '../../../src/client/index.ts';
import { loadBestCodec } from '../../../src/codec/index.ts';
import { SMOLLM2 } from '../../../src/engine/llama/models.ts';
import { createSigner } from '../../../src/protocol/signature.ts';

/** One context of the same tokens by each codec. Values are context ids. */
export interface Published {
  /** By codec 1, with the profile. */
  ours: string;
  /** By codec 2. */
  cachegen: string;
}

/** A job is known by what is asked for, and so the same tokens need another name of the model to be computed a second time. */
const CACHEGEN_MODEL = `${SMOLLM2.id}-cachegen`;
const TOKEN_TTL_SECONDS = 600;
/** The edge knows what an origin serves once it has asked for work, a moment after it has started. */
const UNTIL_SERVED = { retries: 20, factor: 1, minTimeout: 250 };

/**
 * Publishes the leading tokens of a text by both codecs: from the stack's origin, which has the profile, then from another that
 * has none. No origin is left afterwards, so that the processor is the client's.
 */
export async function publishBoth(
  stack: Stack,
  modelPath: string,
  contexts: ReadonlyMap<number, Uint32Array>,
  threads: number,
): Promise<Map<number, Published>> {
  const ours = await publishAll(stack, SMOLLM2.id, contexts);
  await stack.closeOrigins();
  const secrets = await localSecrets(stack.home);
  const origin = await startOrigin(
    {
      host: '127.0.0.1',
      port: 0,
      edgeUrl: stack.edge.url,
      edgeToken: () =>
        mintLocalToken(secrets, { scopes: ['publish', 'compute'], ttlSeconds: TOKEN_TTL_SECONDS }),
      signer: await createSigner(secrets.signingKey),
      models: [{ name: CACHEGEN_MODEL, modelPath }],
      profilePaths: [],
      threads,
    },
    await loadBestCodec(),
    { info: () => {}, warn: () => {}, error: (message, fields) => console.error(message, fields) },
  );
  try {
    const cachegen = await publishAll(stack, CACHEGEN_MODEL, contexts);
    return new Map(
      [...contexts.keys()].map((length) => [
        length,
        { ours: ours.get(length)!, cachegen: cachegen.get(length)! },
      ]),
    );
  } finally {
    await origin.close();
  }
}

async function publishAll(
  { access }: Stack,
  model: string,
  contexts: ReadonlyMap<number, Uint32Array>,
): Promise<Map<number, string>> {
  const ids = new Map<number, string>();
  for (const [length, tokens] of contexts) {
    process.stderr.write(`ttft: publishing ${length} tokens for ${model}\n`);
    const { id } = await pRetry(() => publishContext(access, { model, tokens: [...tokens] }), {
      ...UNTIL_SERVED,
      shouldRetry: ({ error }) => error instanceof ClientError && error.problemCode === 'model-unknown',
    });
    ids.set(length, await followContext(access, id));
  }
  return ids;
}
