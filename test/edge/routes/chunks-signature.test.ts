import { describe, expect, it } from 'vitest';
import { StoredChunk } from '../../../src/protocol/api.ts';
import { areLevelsSigned, createSigner } from '../../../src/protocol/signature.ts';
import { expectProblem, put } from '../support/edge.ts';
import { levelsOf, makeChunk, unusedId } from '../support/objects.ts';

/** A new key as `openssl genpkey` makes it. */
async function newSigner() {
  const pair = (await crypto.subtle.generateKey({ name: 'Ed25519' }, true, [
    'sign',
    'verify',
  ])) as CryptoKeyPair;
  const pkcs8 = new Uint8Array((await crypto.subtle.exportKey('pkcs8', pair.privateKey)) as ArrayBuffer);
  return createSigner(btoa(String.fromCharCode(...pkcs8)));
}

type Signer = Awaited<ReturnType<typeof newSigner>>;

async function signatureHeader(signer: Signer, id: string, object: Uint8Array<ArrayBuffer>) {
  const { publicKey, value } = await signer.signLevels(id, await levelsOf(object));
  return { 'kvedge-levels-signature': `${publicKey}.${value}` };
}

describe('PUT /v1/chunks/{id} with a signature over the levels', () => {
  it('keeps it, and shows it to every later origin', async () => {
    const id = unusedId();
    const object = makeChunk({ id });
    const signer = await newSigner();
    const headers = await signatureHeader(signer, id, object);
    const first = await put(`/v1/chunks/${id}`, object, { headers });
    expect(first.status).toBe(201);
    // Another origin, with another encoding.
    const other = makeChunk({ id, seed: 7 });
    const second = await put(`/v1/chunks/${id}`, other, {
      headers: await signatureHeader(await newSigner(), id, other),
    });
    expect(second.status).toBe(200);
    for (const response of [first, second]) {
      const stored = StoredChunk.parse(await response.json());
      expect(stored.levels).toEqual(await levelsOf(object));
      expect(stored.signature?.publicKey).toBe(signer.publicKey);
      expect(await areLevelsSigned(stored.signature, id, stored.levels)).toBe(true);
    }
  });

  it('takes the signature of a new key over the same bytes', async () => {
    const id = unusedId();
    const object = makeChunk({ id });
    await put(`/v1/chunks/${id}`, object);
    for (const signer of [await newSigner(), await newSigner()]) {
      const response = await put(`/v1/chunks/${id}`, object, {
        headers: await signatureHeader(signer, id, object),
      });
      expect(response.status).toBe(200);
      expect(StoredChunk.parse(await response.json()).signature?.publicKey).toBe(signer.publicKey);
    }
    const unsigned = StoredChunk.parse(await (await put(`/v1/chunks/${id}`, object)).json());
    expect(await areLevelsSigned(unsigned.signature, id, unsigned.levels)).toBe(true);
  });

  it('refuses one over something else, and what is none', async () => {
    const id = unusedId();
    const object = makeChunk({ id });
    const signer = await newSigner();
    const ofAnother = await signatureHeader(signer, unusedId(), object);
    await expectProblem(
      await put(`/v1/chunks/${id}`, object, { headers: ofAnother }),
      422,
      'invalid-content',
    );
    const forged = { 'kvedge-levels-signature': `${signer.publicKey}.${'A'.repeat(86)}` };
    await expectProblem(await put(`/v1/chunks/${id}`, object, { headers: forged }), 422, 'invalid-content');
    const noKey = { 'kvedge-levels-signature': `${'_'.repeat(42)}8.${'A'.repeat(86)}` };
    await expectProblem(await put(`/v1/chunks/${id}`, object, { headers: noKey }), 422, 'invalid-content');
    for (const value of ['x', 'a.b', '']) {
      const response = await put(`/v1/chunks/${id}`, object, {
        headers: { 'kvedge-levels-signature': value },
      });
      await expectProblem(response, 400, 'bad-request');
    }
    expect((await put(`/v1/chunks/${id}`, object)).status).toBe(201);
  });
});
