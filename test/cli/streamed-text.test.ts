import { expect, test } from 'vitest';
import { StreamedText } from '../../src/cli/streamed-text.ts';

/** One token is one byte of UTF-8. */
const typed = () => new StreamedText((tokens) => new TextDecoder().decode(Uint8Array.from(tokens)));
const bytesOf = (text: string) => [...new TextEncoder().encode(text)];

test('shows each character once, when all its tokens are there', () => {
  const text = typed();
  expect(bytesOf('aé漢!').map((token) => text.add(token))).toEqual(['a', '', 'é', '', '', '漢', '!']);
  expect(text.rest()).toBe('');
});

test('shows an incomplete character at the end', () => {
  const text = typed();
  expect(text.add(bytesOf('é')[0]!)).toBe('');
  expect(text.rest()).toBe('\u{FFFD}');
});
