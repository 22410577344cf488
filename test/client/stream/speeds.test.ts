import { expect, test } from 'vitest';
import { Speeds } from '../../../src/client/index.ts';
import { PrefillFit } from '../../../src/client/stream/prefill-fit.ts';

test('a line through prefill costs is found, and one point gives a plausible one', () => {
  const fit = new PrefillFit();
  expect(fit.line()).toBeUndefined();
  fit.add(32, 2, 64);
  expect(fit.line()!.prefillMsPerToken).toBeCloseTo(2, 1);
  expect(fit.line()!.prefillMsPerTokenPerPosition).toBeGreaterThan(0);
  for (let position = 0; position < 4_000; position += 64) fit.add(position, 2 + 0.001 * position, 64);
  expect(fit.line()!.prefillMsPerToken).toBeCloseTo(2, 1);
  expect(fit.line()!.prefillMsPerTokenPerPosition).toBeCloseTo(0.001, 4);
});

test('costs that fall with the position do not become negative', () => {
  const fit = new PrefillFit();
  for (let position = 0; position < 4_000; position += 64) fit.add(position, 5 - 0.001 * position, 64);
  const { prefillMsPerToken, prefillMsPerTokenPerPosition } = fit.line()!;
  expect(prefillMsPerTokenPerPosition).toBe(0);
  expect(prefillMsPerToken).toBeGreaterThan(0);
});

test('speeds are guessed until measured, then averaged', () => {
  const speeds = new Speeds();
  const guess = speeds.decodeMs('wasm p', 'draft', 256, 100_000);
  expect(guess).toBeGreaterThan(0);
  speeds.observeDecode('wasm p', 'draft', 256, 512);
  expect(speeds.decodeMs('wasm p', 'draft', 128, 50_000)).toBeCloseTo(256);
  speeds.observeDecode('wasm p', 'draft', 256, 256);
  expect(speeds.decodeMs('wasm p', 'draft', 256, 100_000)).toBeCloseTo(512 - 0.3 * 256);
  expect(speeds.link('https://a.test/x')).toBeUndefined();
  speeds.observeLink('https://a.test/x', 7);
  expect(speeds.link('https://a.test')).toBe(7);
});

test.each(['', '{', '{"link":{"https://a.test":-1}}', '[]'])('%j is read as knowing nothing', (text) => {
  expect(JSON.stringify(Speeds.parse(text))).toBe(JSON.stringify(new Speeds()));
});
