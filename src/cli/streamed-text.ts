/**
 * Text of tokens as they come. A character may need several tokens: what ends in an incomplete one (U+FFFD) is held back until
 * it is whole, or until `rest`.
 */
export class StreamedText {
  readonly #detokenize: (tokens: Uint32Array) => string;
  readonly #tokens: number[] = [];
  #shownChars = 0;

  constructor(detokenize: (tokens: Uint32Array) => string) {
    this.#detokenize = detokenize;
  }

  /** What can be shown now that this token is there. */
  add(token: number): string {
    this.#tokens.push(token);
    const text = this.#text();
    return text.endsWith('\u{FFFD}') ? '' : this.#show(text);
  }

  /** What was held back. */
  rest(): string {
    return this.#show(this.#text());
  }

  #text(): string {
    return this.#detokenize(Uint32Array.from(this.#tokens));
  }

  #show(text: string): string {
    const piece = text.slice(this.#shownChars);
    this.#shownChars = text.length;
    return piece;
  }
}
