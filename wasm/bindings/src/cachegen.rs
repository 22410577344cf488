//! Codec 2.

use kvedge_codec::cachegen::CachegenRequest;
use kvedge_codec::{DecodeOptions, EncodeRequest, Limits};
use wasm_bindgen::prelude::*;

use crate::{to_js, DEFAULT_MEMORY_BYTES};

/// Codec 2 for one model; it needs no profile. Call `free()` when done.
#[wasm_bindgen]
pub struct Cachegen {
    codec: kvedge_codec::Cachegen,
    limits: Limits,
}

#[wasm_bindgen]
impl Cachegen {
    /// `shape`: layers, kvHeads, keyHeadDim, valueHeadDim. `maxMemoryBytes` bounds what each call may allocate; default 3e9.
    #[wasm_bindgen(constructor)]
    pub fn new(
        #[wasm_bindgen(js_name = modelFingerprint)] model_fingerprint: &[u8],
        shape: &[u16],
        #[wasm_bindgen(js_name = maxMemoryBytes)] max_memory_bytes: Option<f64>,
    ) -> Result<Cachegen, JsValue> {
        let codec = kvedge_codec::Cachegen::new(model_fingerprint, shape).map_err(to_js)?;
        let limits = Limits { max_memory_bytes: max_memory_bytes.unwrap_or(DEFAULT_MEMORY_BYTES) as u64 };
        Ok(Self { codec, limits })
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
        #[wasm_bindgen(js_name = onlyLevel)] only_level: Option<String>,
    ) -> Result<Vec<u8>, JsValue> {
        let request = CachegenRequest {
            planes,
            first_position,
            token_count: token_count as usize,
            chunk_id: EncodeRequest::chunk_id(chunk_id).map_err(to_js)?,
            exact_first_token,
            only_level: only_level.as_deref(),
        };
        self.codec.encode_chunk(&request, &self.limits).map_err(to_js)
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
        self.codec.decode_chunk(chunk, options, &self.limits).map_err(to_js)
    }
}
