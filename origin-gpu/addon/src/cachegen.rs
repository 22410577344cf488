//! Codec 2.

use kvedge_codec::cachegen::CachegenRequest;
use kvedge_codec::{DecodeOptions, EncodeRequest, Limits};
use napi::bindgen_prelude::{AsyncTask, Uint16Array, Uint8Array};
use napi_derive::napi;

use crate::threads::on_pool;
use crate::work::{Coder, DecodeWork, EncodeWork};
use crate::{to_js, Result};

/// Codec 2 for one model; it needs no profile.
#[napi]
pub struct Cachegen {
    codec: kvedge_codec::Cachegen,
    limits: Limits,
}

#[napi]
impl Cachegen {
    /// `shape`: layers, kvHeads, keyHeadDim, valueHeadDim. `max_memory_bytes` bounds what each call may allocate; default 4 GiB.
    #[napi(constructor)]
    pub fn new(model_fingerprint: &[u8], shape: Uint16Array, max_memory_bytes: Option<f64>) -> Result<Self> {
        let limits =
            max_memory_bytes.map_or_else(Limits::default, |bytes| Limits { max_memory_bytes: bytes as u64 });
        let codec = kvedge_codec::Cachegen::new(model_fingerprint, &shape).map_err(to_js)?;
        Ok(Self { codec, limits })
    }

    /// Encodes 1 to 256 tokens into one chunk object with every level, or with `only_level` alone.
    #[napi]
    pub fn encode_chunk(
        &self,
        planes: Uint16Array,
        first_position: u32,
        token_count: u32,
        chunk_id: &[u8],
        exact_first_token: bool,
        only_level: Option<String>,
    ) -> Result<Uint8Array> {
        let request = CachegenRequest {
            planes: &planes,
            first_position,
            token_count: token_count as usize,
            chunk_id: EncodeRequest::chunk_id(chunk_id).map_err(to_js)?,
            exact_first_token,
            only_level: only_level.as_deref(),
        };
        on_pool(|| self.codec.encode_chunk(&request, &self.limits)).map(Uint8Array::new).map_err(to_js)
    }

    /// `encodeChunk` off the event loop. The planes must not change until the promise settles.
    #[napi]
    pub fn encode_chunk_async(
        &self,
        planes: Uint16Array,
        first_position: u32,
        token_count: u32,
        chunk_id: &[u8],
        exact_first_token: bool,
        only_level: Option<String>,
    ) -> Result<AsyncTask<EncodeWork>> {
        let chunk_id = EncodeRequest::chunk_id(chunk_id).map_err(to_js)?;
        Ok(AsyncTask::new(EncodeWork {
            coder: Coder::Cachegen(self.codec),
            limits: self.limits,
            planes,
            first_position,
            token_count: token_count as usize,
            chunk_id,
            exact_first_token,
            first_token_id: 0,
            only_level,
            failure: None,
        }))
    }

    /// Decodes a chunk object, or a prefix of it, into fp16 planes `[layer][K|V][token][kvHeads * headDim]`.
    #[napi]
    pub fn decode_chunk(
        &self,
        chunk: &[u8],
        level: Option<String>,
        partial: Option<bool>,
    ) -> Result<Uint16Array> {
        let options = DecodeOptions { level: level.as_deref(), partial: partial.unwrap_or(false) };
        on_pool(|| self.codec.decode_chunk(chunk, options, &self.limits)).map(Uint16Array::new).map_err(to_js)
    }

    /// `decodeChunk` off the event loop. The chunk must not change until the promise settles.
    #[napi]
    pub fn decode_chunk_async(
        &self,
        chunk: Uint8Array,
        level: Option<String>,
        partial: Option<bool>,
    ) -> AsyncTask<DecodeWork> {
        AsyncTask::new(DecodeWork {
            coder: Coder::Cachegen(self.codec),
            limits: self.limits,
            chunk,
            level,
            partial: partial.unwrap_or(false),
            failure: None,
        })
    }
}
