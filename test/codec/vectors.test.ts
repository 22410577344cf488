import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { availableBackends, codeOf } from './support/backends.ts';
import { expectClosePlanes } from './support/compare-planes.ts';

const FOLDER = new URL('../vectors/', import.meta.url);
const INVALID = new URL('invalid/', FOLDER);
const backends = await availableBackends();

function bytesOf(name: string, folder = FOLDER): Uint8Array {
  return Uint8Array.from(readFileSync(new URL(name, folder)));
}

function planesOf(name: string): Uint16Array {
  return new Uint16Array(bytesOf(name).buffer);
}

function namesIn(folder: URL, pattern: RegExp): string[] {
  const names = readdirSync(folder)
    .filter((name) => pattern.test(name))
    .sort();
  if (names.length === 0) throw new Error(`no vectors ${pattern} in ${folder.pathname}`);
  return names;
}

/** `bad-magic--what.kvl`: the error is in the name. */
function errorOf(name: string): string {
  return name.slice(0, name.indexOf('--'));
}

const wholes = namesIn(FOLDER, /^[^.]+\.kvl$/).map((name) => name.slice(0, -'.kvl'.length));

describe.each(backends)('$name', ({ codec }) => {
  test.each(wholes)('decodes %s', (name) => {
    const profile = codec.loadProfile(bytesOf(`${name}.kvp`));
    const chunk = bytesOf(`${name}.kvl`);
    codec.validateChunk(chunk);
    expectClosePlanes(profile.decodeChunk(chunk).data, planesOf(`${name}.planes`));
    profile.close();
  });

  test.each(namesIn(FOLDER, /\.level-.*\.kvl$/))('cuts and decodes %s', (name) => {
    const [, whole, level] = /^([^.]+)\.level-(.+)\.kvl$/.exec(name)!;
    const profile = codec.loadProfile(bytesOf(`${whole}.kvp`));
    const chunk = bytesOf(`${whole}.kvl`);
    const expected = planesOf(name.replace(/kvl$/, 'planes'));
    expect(codec.cutChunk(chunk, { level: level! })).toEqual(bytesOf(name));
    expectClosePlanes(profile.decodeChunk(bytesOf(name)).data, expected);
    expectClosePlanes(profile.decodeChunk(chunk, { level: level! }).data, expected);
  });

  test.each(namesIn(FOLDER, /\.layers-.*\.kvl$/))('cuts and decodes %s', (name) => {
    const [, whole, first, last] = /^([^.]+)\.layers-(\d+)-(\d+)\.kvl$/.exec(name)!;
    const profile = codec.loadProfile(bytesOf(`${whole}.kvp`));
    const { groups, layers } = profile.info;
    const cut = codec.cutChunk(bytesOf(`${whole}.kvl`), { layers: [Number(first), Number(last)], groups });
    expect(cut).toEqual(bytesOf(name));
    const expected = planesOf(name.replace(/kvl$/, 'planes'));
    const found = profile.decodeChunk(cut).data;
    const perLayer = found.length / layers;
    const [from, to] = [Number(first) * perLayer, (Number(last) + 1) * perLayer];
    expectClosePlanes(found.slice(from, to), expected.slice(from, to));
  });

  test.each(namesIn(INVALID, /--.*\.kvl$/))('refuses %s', (name) => {
    const error = errorOf(name);
    const profile = codec.loadProfile(bytesOf('valid.kvp', INVALID));
    const chunk = bytesOf(name, INVALID);
    expect(codeOf(() => profile.decodeChunk(bytesOf('valid.kvl', INVALID)))).toBe('none');
    expect(codeOf(() => profile.decodeChunk(chunk))).toBe(error);
    expect(codeOf(() => codec.validateChunk(chunk))).toBe(error === 'wrong-profile' ? 'none' : error);
  });

  test.each(namesIn(INVALID, /--.*\.kvp$/))('refuses %s', (name) => {
    expect(codeOf(() => codec.loadProfile(bytesOf(name, INVALID)))).toBe(errorOf(name));
  });
});
