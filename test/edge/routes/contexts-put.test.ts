import { describe, expect, it } from 'vitest';
import type { Manifest } from '../../../src/protocol/manifest.ts';
import {
  BUCKET,
  edge,
  expectProblem,
  publishContext,
  put,
  putManifest,
  putPayloads,
  sendJson,
} from '../support/edge.ts';
import { makeChunk, makeContext, unusedId } from '../support/objects.ts';

describe('PUT /v1/contexts/{id}', () => {
  it('publishes a context whose payloads are stored', async () => {
    const context = await makeContext({ chunkCount: 3 });
    await putPayloads(context);
    const response = await putManifest(context);
    expect(response.status).toBe(201);
    expect(response.headers.get('location')).toBe(`/v1/contexts/${context.id}`);
    expect(await response.json()).toEqual(context.manifest);
    expect(await (await edge(`/v1/contexts/${context.id}`)).json()).toEqual(context.manifest);
  });

  it('is idempotent, and the first createdAt stays', async () => {
    const context = await makeContext();
    await publishContext(context);
    const later = { ...context.manifest, createdAt: '2030-01-01T00:00:00.000Z' };
    const response = await putManifest(context, later);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual(context.manifest);
  });

  it('lets a second publish extend the expiry, never shorten it', async () => {
    const inHours = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString();
    const context = await makeContext({ expiresAt: inHours(2) });
    await publishContext(context);
    const expiryAfter = async (expiresAt: string | null) => {
      await putManifest(context, { ...context.manifest, expiresAt });
      const manifest = (await (await edge(`/v1/contexts/${context.id}`)).json()) as Manifest;
      return manifest.expiresAt;
    };
    expect(await expiryAfter(inHours(1))).toBe(context.manifest.expiresAt);
    const longer = inHours(3);
    expect(await expiryAfter(longer)).toBe(longer);
    expect(await expiryAfter(null)).toBe(null);
    expect(await expiryAfter(longer)).toBe(null);
  });

  it('replaces a manifest by one with a signature of another key, unless that expires earlier', async () => {
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
    const context = await makeContext({ expiresAt });
    await publishContext(context);
    const signed = (key: string, more: Partial<Manifest> = {}): Manifest => ({
      ...context.manifest,
      createdAt: '2030-01-01T00:00:00.000Z',
      ...more,
      signature: { publicKey: key.repeat(43), value: 'A'.repeat(86) },
    });
    const storedAfter = async (manifest: Manifest) => {
      expect(await (await putManifest(context, manifest)).json()).toMatchObject({ id: context.id });
      return (await (await edge(`/v1/contexts/${context.id}`)).json()) as Manifest;
    };
    const first = signed('A');
    expect(await storedAfter(first)).toEqual(first);
    expect(await storedAfter(signed('A', { createdAt: '2031-01-01T00:00:00.000Z' }))).toEqual(first);
    expect(await storedAfter(context.manifest)).toEqual(first);
    const earlier = new Date(Date.now() + 60_000).toISOString();
    expect(await storedAfter(signed('B', { expiresAt: earlier }))).toEqual(first);
    const second = signed('B', { expiresAt: null });
    expect(await storedAfter(second)).toEqual(second);
  });

  it('publishes an expired context anew', async () => {
    const context = await makeContext({ expiresAt: '2020-01-01T00:00:00.000Z' });
    await publishContext(context);
    const response = await putManifest(context, { ...context.manifest, expiresAt: null });
    expect(response.status).toBe(201);
    expect((await edge(`/v1/contexts/${context.id}`)).status).toBe(200);
  });

  it('lets many writers at once publish one and the same manifest', async () => {
    const context = await makeContext();
    await putPayloads(context);
    const responses = await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        putManifest(context, { ...context.manifest, createdAt: `2027-01-0${i + 1}T00:00:00.000Z` }),
      ),
    );
    expect(responses.filter((r) => r.status === 201)).toHaveLength(1);
    expect(responses.filter((r) => r.status === 200)).toHaveLength(7);
    const bodies = new Set(await Promise.all(responses.map((r) => r.text())));
    expect(bodies.size).toBe(1);
  });

  it('shows nothing of a context of which any part is missing', async () => {
    const context = await makeContext({ chunkCount: 3 });
    const invisible = async () => {
      for (const suffix of ['', '/tokens', '/events']) {
        const response = await edge(`/v1/contexts/${context.id}${suffix}`);
        await expectProblem(response, 404, 'context-not-found');
      }
    };
    await invisible();
    await expectProblem(await putManifest(context), 409, 'payload-missing');
    await put(`/v1/profiles/${context.profileId}`, context.profile);
    for (const [i, object] of context.objects.entries()) {
      expect(await expectProblem(await putManifest(context), 409, 'payload-missing')).toContain(
        context.ids[i],
      );
      await invisible();
      await put(`/v1/chunks/${context.ids[i]}`, object);
    }
    await invisible();
    // A crash between tokens and manifest: the tokens alone show nothing.
    await BUCKET.put(`contexts/${context.id}/tokens`, 'left behind');
    await invisible();
    await BUCKET.delete(`contexts/${context.id}/tokens`);
    expect((await putManifest(context)).status).toBe(201);
  });

  it('names the profile when it is missing', async () => {
    const context = await makeContext();
    for (const [i, object] of context.objects.entries()) await put(`/v1/chunks/${context.ids[i]}`, object);
    await BUCKET.delete(`profiles/${context.profileId}`);
    expect(await expectProblem(await putManifest(context), 409, 'payload-missing')).toContain('profile');
  });

  const alterations: [string, (manifest: Manifest) => void][] = [
    [
      'another id',
      (m) => {
        m.id = unusedId();
      },
    ],
    [
      'another token count',
      (m) => {
        m.tokenCount += 1;
      },
    ],
    [
      'another token count of a chunk',
      (m) => {
        m.chunks[1]!.tokenCount -= 1;
      },
    ],
    [
      'another chunk id',
      (m) => {
        m.chunks[0]!.id = unusedId();
      },
    ],
    [
      'chunks in another order',
      (m) => {
        m.chunks.reverse();
      },
    ],
    [
      'a chunk less',
      (m) => {
        m.chunks.pop();
      },
    ],
    [
      'another profile',
      (m) => {
        m.profileId = unusedId();
      },
    ],
    [
      'another model',
      (m) => {
        m.model.fingerprint = unusedId();
      },
    ],
    [
      'another codec',
      (m) => {
        m.codec = 2;
      },
    ],
    [
      'another geometry',
      (m) => {
        m.model.layers = 5;
      },
    ],
    [
      'another level size',
      (m) => {
        m.chunks[0]!.levels[0]!.bytes += 1;
      },
    ],
    [
      'another level digest',
      (m) => {
        m.chunks[1]!.levels[2]!.sha256 = unusedId();
      },
    ],
    [
      'another level name',
      (m) => {
        m.chunks[1]!.levels[2]!.name = 'best';
      },
    ],
    ['a level less', (m) => void m.chunks[0]!.levels.pop()],
  ];
  it.each(alterations)('refuses a manifest that claims %s', async (_name, alter) => {
    const context = await makeContext();
    await putPayloads(context);
    const manifest = structuredClone(context.manifest);
    alter(manifest);
    await expectProblem(await putManifest(context, manifest), 422, 'invalid-content');
    await expectProblem(await edge(`/v1/contexts/${context.id}`), 404, 'context-not-found');
  });

  it('refuses tokens that are not those of the id', async () => {
    const context = await makeContext();
    await putPayloads(context);
    context.chunks[0]!.tokens[7]! += 1;
    await expectProblem(await putManifest(context), 422, 'invalid-content');
  });

  it('refuses a short chunk before the last', async () => {
    const context = await makeContext({ chunkCount: 2 });
    context.chunks.reverse();
    await expectProblem(await putManifest(context), 422, 'invalid-content');
  });

  it('takes the levels of the stored object, not of a second encoding', async () => {
    const context = await makeContext({ chunkCount: 1, lastTokens: 256 });
    await put(`/v1/profiles/${context.profileId}`, context.profile);
    const other = makeChunk({ id: context.ids[0]!, profileId: context.profileId, wordBytes: 90 });
    const stored = (await (await put(`/v1/chunks/${context.ids[0]}`, other)).json()) as {
      levels: Manifest['chunks'][0]['levels'];
    };
    await put(`/v1/chunks/${context.ids[0]}`, context.objects[0]!);
    await expectProblem(await putManifest(context), 422, 'invalid-content');
    context.manifest.chunks[0]!.levels = stored.levels;
    expect((await putManifest(context)).status).toBe(201);
  });

  it.each<[string, unknown]>([
    ['what is no JSON', '{'],
    ['an empty object', {}],
    ['null', null],
    ['an unknown field', { manifest: {}, chunks: [], more: 1 }],
  ])('refuses %s', async (_name, body) => {
    const response = await sendJson('PUT', `/v1/contexts/${unusedId()}`, body);
    await expectProblem(response, 400, 'bad-request');
  });
});
