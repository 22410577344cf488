import { startLocalEdge } from '../../../src/cli/local/edge.ts';
import { localSecrets, mintLocalToken } from '../../../src/cli/local/secrets.ts';
import { type JobEvent, JobStatus } from '../../../src/protocol/api.ts';
import { Lease } from '../../../src/protocol/jobs.ts';
import type { makeContext } from '../../edge/support/objects.ts';
import { temporaryFolder } from '../../origin/support/origin.ts';

export type Context = Awaited<ReturnType<typeof makeContext>>;

/** The real Worker in the real runtime; the test plays publisher and origin. */
export interface Stage {
  url: string;
  adminToken: string;
  /** Asks for a context as a client does, and takes its job as an origin does. */
  startJob(context: Context): Promise<StagedJob>;
  /** Stores a context as an origin does. */
  publish(context: Context): Promise<void>;
  close(): Promise<void>;
}

/** A job that the test moves on by hand. */
export interface StagedJob {
  /** Stands for the context until it is published. */
  id: string;
  report(...events: JobEvent[]): Promise<void>;
}

const TTL_SECONDS = 3600;
const LEASE_WAIT_SECONDS = 20;

export async function startStage(): Promise<Stage> {
  const { folder, remove } = temporaryFolder();
  const secrets = await localSecrets(folder);
  const edge = await startLocalEdge({
    secrets,
    leaseSeconds: TTL_SECONDS, // what a page shows of a job lasts however slow the test is
    host: '127.0.0.1',
    port: 0,
    storage: null,
    onLog: () => {},
  });
  const [publisher, origin, adminToken] = await Promise.all(
    (['publish', 'compute', 'admin'] as const).map((scope) =>
      mintLocalToken(secrets, { scopes: [scope], ttlSeconds: TTL_SECONDS }),
    ),
  );
  const send = async (
    method: 'POST' | 'PUT',
    path: string,
    token: string,
    body: BodyInit,
    contentType: string,
  ) => {
    const response = await fetch(`${edge.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': contentType },
      body,
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${await response.text()}`);
    return response;
  };
  const sendJson = (method: 'POST' | 'PUT', path: string, token: string, body: unknown) =>
    send(method, path, token, JSON.stringify(body), 'application/json');
  const putBytes = (path: string, bytes: Uint8Array<ArrayBuffer>) =>
    send('PUT', path, origin!, bytes, 'application/octet-stream');
  return {
    url: edge.url,
    adminToken: adminToken!,
    async startJob({ id, manifest, chunks }) {
      const model = manifest.model.name;
      const tokens = chunks.flatMap((chunk) => chunk.tokens);
      const asked = await sendJson('POST', '/v1/contexts', publisher!, { model, tokens });
      const job = JobStatus.parse(await asked.json());
      const wanted = { models: [model], waitSeconds: LEASE_WAIT_SECONDS };
      const { jobId, leaseId } = Lease.parse(
        await (await sendJson('POST', '/v1/jobs/lease', origin!, wanted)).json(),
      );
      if (jobId !== job.id) throw new Error(`expected the lease of job ${job.id}, got ${jobId}`);
      const report = async (...events: JobEvent[]) => {
        await sendJson('POST', `/v1/jobs/${jobId}/report`, origin!, { leaseId, events });
      };
      await report({
        type: 'tokenized',
        id,
        tokenCount: manifest.tokenCount,
        chunksTotal: manifest.chunks.length,
      });
      return { id: jobId, report };
    },
    async publish({ id, manifest, chunks, profile, profileId, objects, ids }) {
      await putBytes(`/v1/profiles/${profileId}`, profile);
      for (const [i, object] of objects.entries()) await putBytes(`/v1/chunks/${ids[i]}`, object);
      await sendJson('PUT', `/v1/contexts/${id}`, origin!, { manifest, chunks });
    },
    async close() {
      await edge.close();
      remove();
    },
  };
}
