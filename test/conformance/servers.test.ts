import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { publishSample, startTestEdge, type TestEdge } from '../contract/edge.ts';
import { ALL, GENERAL } from '../edge/conformance/all-cases.ts';
import { type HttpCase, learn, type Send, type Subject } from '../edge/conformance/case.ts';
import { unusedId } from '../edge/support/objects.ts';
import { clientOf } from './http-client.ts';
import { isInstalled, type OtherServer, startNginx, startVarnish } from './other-servers.ts';

const START_MS = 120_000;
const CHUNK_TYPE = 'application/vnd.kvedge.chunk';
const missing = ['nginx', 'varnishd'].filter((command) => !isInstalled(command));

/**
 * Cases that the other servers fail, each with its reason. One that is listed and passes, or is not listed and fails, fails the
 * suite: the servers judge the suite as the suite judges them.
 */
const NGINX_FAILS = {
  '15.5.6: 405 names the methods in Allow': 'sends no Allow',
  '5.6.1.2: empty elements of a list count for nothing': 'answers 416',
  '14.2: Range means nothing to HEAD': 'answers 206',
  '13.1.3: If-Modified-Since a later date': 'wants the exact date (if_modified_since exact)',
  '13.1.4: If-Unmodified-Since no date': 'answers 412',
  '13.1.4: If-Match goes before If-Unmodified-Since': 'wants both to hold',
  '5.1: an answer from a cache has its Age, in whole seconds': 'is no cache here',
  '4.2.3: Age grows': 'is no cache here',
  '3: an error that may pass is not kept: Cache-Control on 404': 'sends none with errors',
  '3: nor on 416, 412 and 405': 'sends none with errors',
};
/** Varnish 7: a cache may leave If-Match and If-Unmodified-Since to the origin (RFC 9110, 13.1.1 and 13.1.4). */
const VARNISH_FAILS = {
  '15.5.6: 405 names the methods in Allow': "passes on nginx's answer",
  '5.6.1.2: empty elements of a list count for nothing': 'answers 416',
  '14.2: another unit is ignored': 'answers 416',
  '14.2: several ranges give all of them or the whole': 'answers 416',
  '14.2: Range means nothing to HEAD': 'answers 206',
  '13.1.2: If-None-Match with a list': 'compares the whole field',
  '13.1.2: If-None-Match: *': 'compares the whole field',
  '13.1.1: If-Match with another tag': 'a cache may ignore it',
  '13.1.1: If-Match compares strongly': 'a cache may ignore it',
  '13.2.2: If-Match goes before If-None-Match': 'a cache may ignore it',
  '13.1.3: If-Modified-Since a later date': 'ignores a date in the future',
  '13.1.4: If-Unmodified-Since an earlier date': 'a cache may ignore it',
  '14.2: 412 goes before a range that cannot be satisfied': 'a cache may ignore If-Match',
  '3: an error that may pass is not kept: Cache-Control on 404': "passes on nginx's answer",
  '3: nor on 416, 412 and 405': 'sends none with errors',
};

let edge: TestEdge;
let object: Pick<Subject, 'path' | 'missingPath' | 'bytes'>;
const others: OtherServer[] = [];

beforeAll(async () => {
  edge = await startTestEdge();
  const context = await publishSample(edge);
  object = {
    path: `/v1/chunks/${context.ids[0]}`,
    missingPath: `/v1/chunks/${unusedId()}`,
    bytes: context.objects[0]!,
  };
}, START_MS);

afterAll(async () => {
  for (const server of others.reverse()) await server.close();
  await edge?.close();
});

/** Names of the cases that a server fails. */
async function failuresOf(send: Send, groups: Record<string, HttpCase[]>): Promise<string[]> {
  const subject = await learn(send, object);
  const failed: string[] = [];
  for (const { name, run } of Object.values(groups).flat()) {
    await run(send, subject).catch(() => failed.push(name));
  }
  return failed;
}

describe('the Worker over HTTP', () => {
  let subject: Subject;
  const send: Send = (request) => clientOf(edge.url)(request);

  beforeAll(async () => {
    subject = await learn(send, object);
  });

  describe.each(Object.entries(ALL))('%s', (_rfc, cases) => {
    it.each(cases)('$name', ({ run }) => run(send, subject));
  });
});

if (missing.length > 0) console.log(`SKIP comparison with nginx and Varnish: no ${missing.join(', ')}`);

describe.skipIf(missing.length > 0)('servers of the same object', () => {
  it('nginx does nothing right that is wrong here', async () => {
    others.push(await startNginx({ [object.path]: object.bytes }, CHUNK_TYPE));
    expect(await failuresOf(clientOf(others[0]!.url), GENERAL)).toEqual(Object.keys(NGINX_FAILS));
  });

  it('nor does Varnish', async () => {
    others.push(await startVarnish(others[0]!.url));
    expect(await failuresOf(clientOf(others[1]!.url), GENERAL)).toEqual(Object.keys(VARNISH_FAILS));
  });
});
