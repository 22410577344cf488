import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { ManifestLevel } from '../../src/protocol/manifest.ts';
import { startNginx } from '../../test/conformance/other-servers.ts';
import { type SampleContext, sampleContext } from './sample-context.ts';
import { type Server, startBaseline, startEdge } from './servers.ts';

const CHUNKS = 6;
const LEVEL = 'standard';

export interface Endpoint {
  url: string;
  /** The process whose CPU time the answers cost. */
  pid: number;
}

/** One thing served by several servers, the same bytes by each. */
export interface Target {
  edge: Endpoint;
  bare: Endpoint;
  nginx?: Endpoint;
}

export interface Fixture {
  context: SampleContext;
  edge: Server & { token: string };
  bare: Server;
  hono: Server;
  whole: Target;
  level: Target;
  /** `bare` is the hono route here. */
  manifest: Target;
  /** Sends a PUT that must succeed, and gives its answer. */
  publish(path: string, body: BodyInit, type: string): Promise<Response>;
  close(): Promise<void>;
}

/** Starts every server, publishes one context, warms the caches, and verifies that all answer with the same bytes. */
export async function startFixture(): Promise<Fixture> {
  const context = await sampleContext(CHUNKS);
  const servers: { close(): Promise<void> }[] = [];
  const close = async () => {
    for (const server of servers.reverse()) await server.close();
  };
  const opened = <S extends { close(): Promise<void> }>(server: S): S => {
    servers.push(server);
    return server;
  };
  try {
    const edge = opened(await startEdge());
    const bare = opened(await startBaseline('bare'));
    const hono = opened(await startBaseline('hono'));
    const { id, bytes } = context.chunks[0]!;
    const nginx = opened(await startNginx({ [`/chunks/${id}`]: bytes }, 'application/vnd.kvedge.chunk'));
    const manifest = context.publish.manifest;
    const level = manifest.chunks[0]!.levels.find(({ name }) => name === LEVEL) as ManifestLevel;
    const fixture: Fixture = {
      context,
      edge,
      bare,
      hono,
      whole: {
        edge: at(edge, `/v1/chunks/${id}`),
        bare: at(bare, '/whole'),
        nginx: at(nginx, `/chunks/${id}`),
      },
      level: { edge: at(edge, `/v1/chunks/${id}?level=${LEVEL}`), bare: at(bare, '/level') },
      manifest: { edge: at(edge, `/v1/contexts/${context.contextId}`), bare: at(hono, '/manifest') },
      publish: (path, body, type) =>
        put(edge.url + path, body, { authorization: `Bearer ${edge.token}`, 'content-type': type }),
      close,
    };
    await publishAll(fixture);
    await putBaseline(fixture.whole, bytes);
    await putBaseline(fixture.level, bytes.slice(0, level.bytes));
    await putBaseline(fixture.manifest, JSON.stringify(manifest));
    await verify(fixture.whole, (body) => isDeepStrictEqual(body, bytes));
    await verify(fixture.level, (body) => isDeepStrictEqual(body, bytes.slice(0, level.bytes)));
    await verify(fixture.manifest, (body) =>
      isDeepStrictEqual(JSON.parse(new TextDecoder().decode(body)), manifest),
    );
    return fixture;
  } catch (error) {
    await close();
    throw error;
  }
}

function at({ url, pid }: Endpoint, path: string): Endpoint {
  return { url: url + path, pid };
}

async function publishAll({ context, publish }: Fixture): Promise<void> {
  await publish(`/v1/profiles/${context.profileId}`, context.profile, 'application/vnd.kvedge.profile');
  for (const { id, bytes } of context.chunks) {
    await publish(`/v1/chunks/${id}`, bytes, 'application/vnd.kvedge.chunk');
  }
  await publish(`/v1/contexts/${context.contextId}`, JSON.stringify(context.publish), 'application/json');
}

/** Of each message, or set by the server itself. */
const OWN_HEADERS = ['connection', 'content-length', 'keep-alive', 'transfer-encoding'];

/** Gives the minimal Worker what it answers with: the body, and headers as the edge sends them, so that both write as much. */
async function putBaseline({ edge, bare }: Target, body: BodyInit): Promise<void> {
  const headers: Record<string, string> = {};
  (await hit(edge.url)).headers.forEach((value, name) => {
    if (!OWN_HEADERS.includes(name)) headers[name] = value;
  });
  await put(bare.url, body, { 'x-answer-headers': JSON.stringify(headers) });
}

/** An answer from the cache, which is filled after the first answer. */
async function hit(url: string): Promise<Response> {
  for (let i = 0; i < 10; i++) {
    const response = await fetch(url);
    await response.arrayBuffer();
    if (response.headers.get('cache-status')?.includes('hit')) return response;
    await delay(200);
  }
  throw new Error(`${url} is not cached`);
}

async function put(url: string, body: BodyInit, headers: Record<string, string> = {}): Promise<Response> {
  const response = await fetch(url, { method: 'PUT', headers, body });
  if (!response.ok) throw new Error(`PUT ${url}: ${response.status} ${await response.text()}`);
  await response.arrayBuffer();
  return response;
}

/** Asks every server until the edge answers from its cache; the answers must be right each time. */
async function verify(target: Target, isRight: (body: Uint8Array) => boolean): Promise<void> {
  for (const { url } of Object.values(target) as Endpoint[]) {
    for (let i = 0; i < 3; i++) {
      const response = await fetch(url);
      const body = new Uint8Array(await response.arrayBuffer());
      if (response.status !== 200 || !isRight(body)) throw new Error(`${url} does not answer as it should`);
      const status = response.headers.get('cache-status');
      if (i === 2 && status !== null && !status.includes('hit')) throw new Error(`${url}: ${status}`);
      await delay(200); // the cache is filled after the answer
    }
  }
}
