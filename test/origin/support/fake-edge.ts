import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type JobEvent,
  type JobRequest,
  LEVELS_SIGNATURE_HEADER,
  PublishManifest,
} from '../../../src/protocol/api.ts';
import { JobReport, type Lease, LeaseRelease } from '../../../src/protocol/jobs.ts';
import { type ContextTokens, type Manifest, Signature } from '../../../src/protocol/manifest.ts';
import { PROBLEMS, type ProblemCode } from '../../../src/protocol/problems.ts';
import { fakeCodec } from './fake-codec.ts';

export interface FakeEdge {
  url: string;
  /** `METHOD /path` of every request, in order. */
  log: string[];
  chunks: Map<string, Uint8Array>;
  profiles: Map<string, Uint8Array>;
  manifests: Map<string, Manifest>;
  tokens: Map<string, ContextTokens>;
  /** Jobs that no origin has taken yet. */
  queued: Lease[];
  /** What was reported of each job. */
  events: Map<string, JobEvent[]>;
  /** Ids of jobs that were given back. */
  released: string[];
  /** Jobs whose lease has ended. */
  lost: Set<string>;
  leaseSeconds: number;
  /** Signatures over the levels of chunks, as their origins sent them. */
  signatures: Map<string, Signature>;
  /** Called before a request is handled; true when it has answered. */
  intercept: ((request: IncomingMessage, response: ServerResponse) => boolean) | null;
  close(): Promise<void>;
}

/** The parts of the Worker's contract that origin and client use, in memory, with a place for faults. */
export async function startFakeEdge(): Promise<FakeEdge> {
  const edge: FakeEdge = {
    url: '',
    log: [],
    chunks: new Map(),
    profiles: new Map(),
    manifests: new Map(),
    tokens: new Map(),
    queued: [],
    events: new Map(),
    released: [],
    lost: new Set(),
    leaseSeconds: 30,
    signatures: new Map(),
    intercept: null,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  const server = createServer(async (request, response) => {
    edge.log.push(`${request.method} ${request.url}`);
    if (edge.intercept?.(request, response)) return;
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece);
    answer(edge, request, response, Buffer.concat(pieces));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  edge.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return edge;
}

/** Asks the fake edge for a context, and gives the job's id. */
export function queueJob(
  edge: FakeEdge,
  request: Omit<JobRequest, 'visibility'>,
  expiresAt: string | null = null,
) {
  const lease: Lease = {
    jobId: createHash('sha256').update(JSON.stringify(request)).digest('hex'),
    leaseId: randomUUID(),
    leaseSeconds: edge.leaseSeconds,
    createdAt: new Date().toISOString(),
    expiresAt,
    request: { ...request, visibility: request.tenant === undefined ? 'public' : 'private' },
  };
  edge.lost.delete(lease.jobId);
  edge.events.set(lease.jobId, []);
  edge.queued.push(lease);
  return lease.jobId;
}

export function problem(
  response: ServerResponse,
  code: ProblemCode,
  headers: Record<string, string> = {},
): true {
  const [status, title, remedy] = PROBLEMS[code];
  response.writeHead(status, { 'content-type': 'application/problem+json', ...headers });
  response.end(JSON.stringify({ type: code, title, status, detail: `a fault: ${code}`, code, remedy }));
  return true;
}

function answer(edge: FakeEdge, request: IncomingMessage, response: ServerResponse, body: Buffer): void {
  const [, , kind = '', id = '', part] = new URL(request.url!, edge.url).pathname.split('/');
  if (request.method === 'PUT') put(edge, request, response, kind, id, body);
  else if (kind === 'jobs') void answerOrigin(edge, response, id, part, body);
  else if (kind === 'chunks' && part === 'levels') {
    const object = edge.chunks.get(id);
    if (object === undefined) problem(response, 'chunk-not-found');
    else sendJson(response, 200, { id, levels: levelsOf(object), signature: edge.signatures.get(id) });
  } else if (kind === 'contexts' && part === 'tokens') sendJson(response, 200, edge.tokens.get(id));
  else if (kind === 'contexts' && edge.manifests.has(id)) sendJson(response, 200, edge.manifests.get(id));
  else if (kind === 'contexts') problem(response, 'context-not-found');
  else sendStored(request, response, (kind === 'chunks' ? edge.chunks : edge.profiles).get(id));
}

async function answerOrigin(
  edge: FakeEdge,
  response: ServerResponse,
  id: string,
  part: string | undefined,
  body: Buffer,
): Promise<void> {
  const json = JSON.parse(body.toString());
  if (id === 'lease') {
    // The last request of an origin that was closed may arrive now: first see that it hung up, and never lose a job to it.
    do await delay(20);
    while (edge.queued.length === 0 && !response.closed);
    const lease = edge.queued.shift();
    if (lease === undefined) return;
    response.once('close', () => {
      if (!response.writableFinished) edge.queued.unshift(lease);
    });
    if (response.closed) edge.queued.unshift(lease);
    else sendJson(response, 200, lease);
  } else if (part === 'release') {
    LeaseRelease.parse(json);
    edge.released.push(id);
    response.writeHead(204).end();
  } else if (edge.lost.has(id)) problem(response, 'lease-lost');
  else {
    edge.events.get(id)!.push(...JobReport.parse(json).events);
    sendJson(response, 200, { leaseSeconds: edge.leaseSeconds, expiresAt: null });
  }
}

function put(
  edge: FakeEdge,
  request: IncomingMessage,
  response: ServerResponse,
  kind: string,
  id: string,
  body: Buffer,
): void {
  if (kind === 'profiles') edge.profiles.set(id, body);
  if (kind === 'chunks') {
    const [publicKey, value] = String(request.headers[LEVELS_SIGNATURE_HEADER]).split('.');
    if (!edge.chunks.has(id)) {
      edge.chunks.set(id, body);
      edge.signatures.set(id, Signature.parse({ publicKey, value }));
    }
    const signature = edge.signatures.get(id);
    sendJson(response, 201, { id, levels: levelsOf(edge.chunks.get(id)!), signature });
    return;
  }
  if (kind === 'contexts') {
    const { manifest, chunks } = PublishManifest.parse(JSON.parse(body.toString()));
    if (manifest.chunks.some((chunk) => !edge.chunks.has(chunk.id))) {
      problem(response, 'payload-missing');
      return;
    }
    edge.manifests.set(id, manifest);
    edge.tokens.set(id, { id, from: 0, chunks });
  }
  sendJson(response, 201, { id });
}

function sendStored(
  request: IncomingMessage,
  response: ServerResponse,
  stored: Uint8Array | undefined,
): void {
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
  if (stored === undefined) problem(response, 'chunk-not-found');
  else if (from === undefined) response.writeHead(200).end(stored);
  else {
    const end = Math.min(Number(to) + 1, stored.length);
    response.writeHead(206, { 'content-range': `bytes ${from}-${end - 1}/${stored.length}` });
    response.end(stored.subarray(Number(from), end));
  }
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(value));
}

export function levelsOf(object: Uint8Array) {
  return fakeCodec()
    .inspectChunk(object)
    .levels.map(({ name, endOffset, predictedKld }) => ({
      name,
      bytes: endOffset,
      sha256: createHash('sha256').update(object.subarray(0, endOffset)).digest('hex'),
      predictedKld,
    }));
}
