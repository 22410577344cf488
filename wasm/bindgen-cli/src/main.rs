//! `kvedge-bindgen-cli <module.wasm> <output folder> <name>`: writes the `--target web` package of a wasm module.

use wasm_bindgen_cli_support::Bindgen;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [module, output, name] = arguments.as_slice() else {
        anyhow::bail!("usage: kvedge-bindgen-cli <module.wasm> <output folder> <name>");
    };
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(module)
        .out_name(name)
        .web(true)?
        .typescript(true)
        .remove_name_section(true)
        .reset_state_function(true);
    bindgen.generate(output)
}
