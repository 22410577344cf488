//! The codec for JavaScript. Bytes in, bytes out; headers as JSON; errors are JS `Error`s with a `code`.

mod cachegen;

use kvedge_codec::{
    chunk_info_json, cut_groups, cut_level, cut_max_bytes, decode_chunk, decode_coefficients, encode_chunk,
    profile_info_json, DecodeOptions, EncodeRequest, Header, Limits,
};
use wasm_bindgen::prelude::*;

/// A 32-bit address space: stay below what a wasm memory can hold.
pub(crate) const DEFAULT_MEMORY_BYTES: f64 = 3e9;

pub(crate) fn to_js(error: kvedge_codec::Error) -> JsValue {
    let thrown = js_sys::Error::new(error.message());
    let _ = js_sys::Reflect::set(&thrown, &"code".into(), &error.code().as_str().into());
    thrown.into()
}

/// Reads a chunk's header. Returns the JSON of a `ChunkInfo` (src/codec/codec.ts).
#[wasm_bindgen(js_name = inspectChunk)]
pub fn inspect_chunk(chunk: &[u8]) -> Result<String, JsValue> {
    Header::parse(chunk).map(|header| chunk_info_json(&header)).map_err(to_js)
}

/// Checks a whole object without its profile. Returns the JSON of a `ChunkInfo`.
#[wasm_bindgen(js_name = validateChunk)]
pub fn validate_chunk(chunk: &[u8]) -> Result<String, JsValue> {
    kvedge_codec::validate_chunk(chunk).map(|header| chunk_info_json(&header)).map_err(to_js)
}

/// The prefix that is this level.
#[wasm_bindgen(js_name = cutChunkLevel)]
pub fn cut_chunk_level(chunk: &[u8], level: &str) -> Result<Vec<u8>, JsValue> {
    cut_level(chunk, level).map(<[u8]>::to_vec).map_err(to_js)
}

/// The longest prefix of whole segments with at most `maxBytes`.
#[wasm_bindgen(js_name = cutChunkMaxBytes)]
pub fn cut_chunk_max_bytes(chunk: &[u8], max_bytes: f64) -> Result<Vec<u8>, JsValue> {
    cut_max_bytes(chunk, max_bytes as u64).map(<[u8]>::to_vec).map_err(to_js)
}

/// A subset object with the segments of these groups (for a cut by layers: those whose members hold the layers).
#[wasm_bindgen(js_name = cutChunkGroups)]
pub fn cut_chunk_groups(chunk: &[u8], groups: &[u8]) -> Result<Vec<u8>, JsValue> {
    cut_groups(chunk, groups).map_err(to_js)
}

/// A parsed profile. Call `free()` when done.
#[wasm_bindgen]
pub struct Profile {
    profile: kvedge_codec::Profile,
    limits: Limits,
}

#[wasm_bindgen]
impl Profile {
    /// Parses a profile file. `maxMemoryBytes` bounds what this and each later call may allocate; default 3e9.
    #[wasm_bindgen(constructor)]
    pub fn new(
        file: &[u8],
        #[wasm_bindgen(js_name = maxMemoryBytes)] max_memory_bytes: Option<f64>,
    ) -> Result<Profile, JsValue> {
        let limits = Limits { max_memory_bytes: max_memory_bytes.unwrap_or(DEFAULT_MEMORY_BYTES) as u64 };
        let profile = kvedge_codec::Profile::parse(file, &limits).map_err(to_js)?;
        Ok(Self { profile, limits })
    }

    /// The JSON of a `ProfileInfo` (src/codec/codec.ts).
    pub fn info(&self) -> String {
        profile_info_json(&self.profile)
    }

    /// Encodes 1 to 256 tokens into one chunk object with every level, or with `onlyLevel` alone.
    #[wasm_bindgen(js_name = encodeChunk)]
    pub fn encode_chunk(
        &self,
        planes: &[u16],
        #[wasm_bindgen(js_name = firstPosition)] first_position: u32,
        #[wasm_bindgen(js_name = tokenCount)] token_count: u32,
        #[wasm_bindgen(js_name = chunkId)] chunk_id: &[u8],
        #[wasm_bindgen(js_name = exactFirstToken)] exact_first_token: bool,
        #[wasm_bindgen(js_name = firstTokenId)] first_token_id: u32,
        #[wasm_bindgen(js_name = onlyLevel)] only_level: Option<String>,
    ) -> Result<Vec<u8>, JsValue> {
        let request = EncodeRequest {
            planes,
            first_position,
            token_count: token_count as usize,
            chunk_id: EncodeRequest::chunk_id(chunk_id).map_err(to_js)?,
            exact_first_token,
            first_token_id,
            only_level: only_level.as_deref(),
        };
        encode_chunk(&self.profile, &request, &self.limits).map_err(to_js)
    }

    /// Decodes a chunk object, or a prefix of it, into fp16 planes `[layer][K|V][token][kvHeads * headDim]`.
    #[wasm_bindgen(js_name = decodeChunk)]
    pub fn decode_chunk(
        &self,
        chunk: &[u8],
        level: Option<String>,
        partial: bool,
    ) -> Result<Vec<u16>, JsValue> {
        let options = DecodeOptions { level: level.as_deref(), partial };
        decode_chunk(&self.profile, chunk, options, &self.limits).map_err(to_js)
    }

    /// Entropy decoding and dequantization alone, for benchmarks. Returns how many coefficients the chunk holds.
    #[wasm_bindgen(js_name = decodeCoefficients)]
    pub fn decode_coefficients(&self, chunk: &[u8]) -> Result<u32, JsValue> {
        let count = decode_coefficients(&self.profile, chunk, DecodeOptions::default(), &self.limits);
        count.map(|count| count as u32).map_err(to_js)
    }

    /// The groups with a member plane in layers `first` to `last`.
    #[wasm_bindgen(js_name = groupsOfLayers)]
    pub fn groups_of_layers(&self, first: u16, last: u16) -> Vec<u8> {
        self.profile.groups_of_layers(first, last)
    }

    /// A subset object with what layers `first` to `last` need.
    #[wasm_bindgen(js_name = cutChunkLayers)]
    pub fn cut_chunk_layers(&self, chunk: &[u8], first: u16, last: u16) -> Result<Vec<u8>, JsValue> {
        kvedge_codec::cut_layers(&self.profile, chunk, first, last).map_err(to_js)
    }
}
