/** wrangler.toml has wasm files imported as modules, ready to be instantiated. */
declare module '*.wasm' {
  const module: WebAssembly.Module;
  export default module;
}

/** And files that end in `.txt` as strings. */
declare module '*.txt' {
  const text: string;
  export default text;
}

declare module 'node:crypto' {
  interface Hash {
    update(bytes: Uint8Array): this;
    copy(): Hash;
    digest(encoding: 'hex'): string;
  }
  export function createHash(algorithm: 'sha256'): Hash;
}

/** And files that end in `.bin` as bytes. */
declare module '*.bin' {
  const bytes: ArrayBuffer;
  export default bytes;
}
