import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { CLIENT_REMEDIES } from '../../src/client/errors.ts';

const operations = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');

test.each(Object.entries(CLIENT_REMEDIES))('%s has an entry in docs/operations.md', (code, remedy) => {
  expect(operations).toContain(`| \`${code}\` | ${remedy} |`);
});
