import { createPublicKey, verify } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { Manifest } from '../../src/protocol/manifest.ts';
import { areLevelsSigned, createSigner, isManifestSigned } from '../../src/protocol/signature.ts';
import { SIGNER } from '../origin/support/origin.ts';

const id = (digit: string) => digit.repeat(64);
const LEVEL = { name: 'draft', bytes: 1000, sha256: id('5'), predictedKld: 0.0625 };

/** The example of docs/api.md, "Signatures". */
const MANIFEST: Manifest = Manifest.parse({
  version: 1,
  id: id('1'),
  model: { name: 'modèle "x"', fingerprint: id('2'), layers: 4, kvHeads: 1, keyHeadDim: 4, valueHeadDim: 4 },
  codec: 1,
  profileId: id('3'),
  visibility: 'public',
  tokenCount: 7,
  chunks: [{ id: id('4'), tokenCount: 7, levels: [LEVEL] }],
  createdAt: '2026-01-02T03:04:05.000Z',
  expiresAt: null,
});
const CANONICAL =
  `kvedge/manifest/v1\0{"chunks":[{"id":"${id('4')}","levels":[{"bytes":1000,"name":"draft","predictedKld":0.0625,` +
  `"sha256":"${id('5')}"}],"tokenCount":7}],"codec":1,"createdAt":"2026-01-02T03:04:05.000Z","expiresAt":null,` +
  `"id":"${id('1')}","model":{"fingerprint":"${id('2')}","keyHeadDim":4,"kvHeads":1,"layers":4,` +
  `"name":"modèle \\"x\\"","valueHeadDim":4},"profileId":"${id('3')}","tokenCount":7,"version":1,"visibility":"public"}`;

describe('a signed manifest', () => {
  test('is signed over the bytes that docs/api.md says, as another implementation of Ed25519 confirms', async () => {
    const { signature } = await SIGNER.signManifest(MANIFEST);
    expect(signature?.publicKey).toBe('11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo'); // RFC 8032, section 7.1
    const key = createPublicKey({
      key: { kty: 'OKP', crv: 'Ed25519', x: signature!.publicKey },
      format: 'jwk',
    });
    expect(verify(null, Buffer.from(CANONICAL), key, Buffer.from(signature!.value, 'base64url'))).toBe(true);
    // Ed25519 is deterministic: docs/api.md prints this value.
    expect(signature?.value).toBe(
      'oD314CWvx4t1KBAZKz1mms1xmxEAmScLwlotgH401v7zLQKN_Q_upeEpCQHgmERHTxQfmP79XEzraH7PV9WgDg',
    );
  });

  test('stays valid on its way through JSON, in any order of members', async () => {
    const signed = await SIGNER.signManifest(MANIFEST);
    const reversed = JSON.stringify(Object.fromEntries(Object.entries(signed).reverse()));
    expect(await isManifestSigned(Manifest.parse(JSON.parse(reversed)))).toBe(true);
  });

  test.each<[string, (manifest: Manifest) => Manifest]>([
    ['another id', (m) => ({ ...m, id: id('9') })],
    ['another expiry', (m) => ({ ...m, expiresAt: '2027-01-01T00:00:00.000Z' })],
    ['another digest of a level', (m) => withLevel(m, { sha256: id('9') })],
    ['another size of a level', (m) => withLevel(m, { bytes: 1001 })],
    ['a better promise', (m) => withLevel(m, { predictedKld: 0 })],
    ['another visibility', (m) => ({ ...m, visibility: 'private', tenantSalt: id('9') })],
    ['no signature', ({ signature: _, ...m }) => m],
    [
      'the signature of another key',
      (m) => ({ ...m, signature: { ...m.signature!, publicKey: `A${m.signature!.publicKey.slice(1)}` } }),
    ],
    [
      'an altered signature',
      (m) => ({
        ...m,
        signature: {
          ...m.signature!,
          value: m.signature!.value.replace(/^./, (c) => (c === 'A' ? 'B' : 'A')),
        },
      }),
    ],
  ])('is no longer valid with %s', async (_, alter) => {
    const signed = await SIGNER.signManifest(MANIFEST);
    expect(await isManifestSigned(signed)).toBe(true);
    expect(await isManifestSigned(alter(signed))).toBe(false);
  });
});

function withLevel(manifest: Manifest, change: Partial<typeof LEVEL>): Manifest {
  const [chunk] = manifest.chunks;
  return { ...manifest, chunks: [{ ...chunk!, levels: [{ ...LEVEL, ...change }] }] };
}

test('levels are signed for one chunk', async () => {
  const signature = await SIGNER.signLevels(id('4'), [LEVEL]);
  expect(await areLevelsSigned(signature, id('4'), [LEVEL])).toBe(true);
  expect(await areLevelsSigned(signature, id('5'), [LEVEL])).toBe(false);
  expect(await areLevelsSigned(signature, id('4'), [{ ...LEVEL, bytes: 999 }])).toBe(false);
  expect(await areLevelsSigned(undefined, id('4'), [LEVEL])).toBe(false);
});

test.each(['', 'abc', Buffer.alloc(48).toString('base64'), '?!'])('%j is no signing key', async (text) => {
  await expect(createSigner(text)).rejects.toThrow(/^KVEDGE_SIGNING_KEY: expected an Ed25519 key/);
});
