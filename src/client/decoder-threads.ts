/** Each thread of the wasm codec holds the profile once more: a hundred megabytes for a small model. */
const MOST_THREADS = 4;

/** Threads that decode with WebAssembly: one per processor, within limits. */
export function decoderThreads(): number {
  return Math.min(globalThis.navigator?.hardwareConcurrency ?? 1, MOST_THREADS);
}
