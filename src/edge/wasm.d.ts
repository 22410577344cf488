/** wrangler.toml has wasm files imported as modules, ready to be instantiated. */
declare module '*.wasm' {
  const module: WebAssembly.Module;
  export default module;
}
