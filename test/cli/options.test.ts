import { describe, expect, test } from 'vitest';
import {
  contextIdArgument,
  durationSeconds,
  httpUrl,
  portNumber,
  positiveInt,
} from '../../src/cli/options.ts';

describe('durationSeconds', () => {
  test.each([
    ['90', 90],
    ['90s', 90],
    ['15m', 900],
    ['24h', 86_400],
    ['30d', 2_592_000],
  ])('%s is %i', (text, seconds) => expect(durationSeconds(text)).toBe(seconds));
  test.each(['', '0', '-1', '1w', '1.5h', 'soon'])('%j is refused', (text) =>
    expect(() => durationSeconds(text)).toThrow(),
  );
});

test.each([
  [positiveInt, '64', ['0', '-1', '1.5', 'x', '']],
  [portNumber, '0', ['65536', '-1', 'http', '']],
  [httpUrl, 'http://127.0.0.1:8787', ['127.0.0.1:8787', 'ftp://x', '']],
  [contextIdArgument, 'a'.repeat(64), ['a'.repeat(63), 'A'.repeat(64), 'g'.repeat(64)]],
])('%o takes what it should and nothing else', (parse, good, bad) => {
  expect(() => parse(good)).not.toThrow();
  for (const text of bad) expect(() => parse(text)).toThrow(/expected/);
});
