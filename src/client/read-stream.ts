/** The pieces of a stream. (Not every browser lets a stream be iterated.) Cancels it when the loop is left. */
export async function* piecesOf<T>(
  stream: ReadableStream<T> | null | undefined,
): AsyncGenerator<T, void, void> {
  if (!stream) return;
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/** A whole body; `tooLarge` makes the error for one of more than `maxBytes` bytes, which is not read on. */
export async function readBounded(
  stream: ReadableStream<Uint8Array<ArrayBuffer>> | null,
  maxBytes: number,
  tooLarge: () => Error,
): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  for await (const part of piecesOf(stream)) {
    bytes += part.length;
    if (bytes > maxBytes) throw tooLarge();
    parts.push(part);
  }
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
