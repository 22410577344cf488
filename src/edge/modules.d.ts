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
