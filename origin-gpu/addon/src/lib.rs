//! The codec for Node: the functions of wasm/bindings, plus variants that work on libuv's thread pool.
//! Input buffers are borrowed, results are handed over without a copy.

mod cachegen;
mod threads;
mod work;

use std::sync::Arc;

use kvedge_codec::{
    chunk_info_json, cut_groups, cut_layers, cut_level, cut_max_bytes, decode_chunk, decode_coefficients,
    encode_chunk, profile_info_json, Backend, DecodeOptions, EncodeRequest, Header, Limits,
};
use napi::bindgen_prelude::{AsyncTask, Uint16Array, Uint8Array};
use napi_derive::napi;

use threads::on_pool;
use work::{Coder, DecodeWork, EncodeWork};

/// `code` of the thrown JS error is the first field.
pub(crate) type Result<T> = std::result::Result<T, napi::Error<String>>;

pub(crate) fn to_js(error: kvedge_codec::Error) -> napi::Error<String> {
    napi::Error::new(error.code().as_str().to_owned(), error.message())
}

/// Reads a chunk's header. Returns the JSON of a `ChunkInfo` (src/codec/codec.ts).
#[napi]
pub fn inspect_chunk(chunk: &[u8]) -> Result<String> {
    Header::parse(chunk).map(|header| chunk_info_json(&header)).map_err(to_js)
}

/// Checks a whole object without its profile. Returns the JSON of a `ChunkInfo`.
#[napi]
pub fn validate_chunk(chunk: &[u8]) -> Result<String> {
    kvedge_codec::validate_chunk(chunk).map(|header| chunk_info_json(&header)).map_err(to_js)
}

/// The prefix that is this level.
#[napi]
pub fn cut_chunk_level(chunk: &[u8], level: String) -> Result<Uint8Array> {
    cut_level(chunk, &level).map(|cut| cut.to_vec().into()).map_err(to_js)
}

/// The longest prefix of whole segments with at most `max_bytes`.
#[napi]
pub fn cut_chunk_max_bytes(chunk: &[u8], max_bytes: f64) -> Result<Uint8Array> {
    cut_max_bytes(chunk, max_bytes as u64).map(|cut| cut.to_vec().into()).map_err(to_js)
}

/// A subset object with the segments of these groups.
#[napi]
pub fn cut_chunk_groups(chunk: &[u8], groups: &[u8]) -> Result<Uint8Array> {
    cut_groups(chunk, groups).map(Uint8Array::new).map_err(to_js)
}

/// The instruction sets whose kernels run here, slowest first.
#[napi]
pub fn simd_backends() -> Vec<String> {
    Backend::available().map(|backend| backend.name().to_owned()).collect()
}

/// Makes all later calls use one of `simdBackends()`. Results do not depend on it.
#[napi]
pub fn force_simd_backend(name: String) -> Result<()> {
    let refused = || napi::Error::new("invalid-argument".to_owned(), format!("no such backend here: {name}"));
    Backend::named(&name).map(Backend::force).ok_or_else(refused)
}

/// Threads that all later calls share; 0 is one per CPU, the default.
#[napi]
pub fn set_thread_count(threads: u32) -> Result<()> {
    threads::set_count(threads as usize)
}

/// A parsed profile. `close()` gives its memory back at once.
#[napi]
pub struct Profile {
    profile: Option<Arc<kvedge_codec::Profile>>,
    limits: Limits,
}

#[napi]
impl Profile {
    /// Parses a profile file. `max_memory_bytes` bounds what this and each later call may allocate; default 4 GiB.
    #[napi(constructor)]
    pub fn new(file: &[u8], max_memory_bytes: Option<f64>) -> Result<Self> {
        let limits =
            max_memory_bytes.map_or_else(Limits::default, |bytes| Limits { max_memory_bytes: bytes as u64 });
        let profile = kvedge_codec::Profile::parse(file, &limits).map_err(to_js)?;
        Ok(Self { profile: Some(Arc::new(profile)), limits })
    }

    fn open(&self) -> Result<&Arc<kvedge_codec::Profile>> {
        let closed = || napi::Error::new("invalid-argument".to_owned(), "the profile was closed");
        self.profile.as_ref().ok_or_else(closed)
    }

    /// The JSON of a `ProfileInfo` (src/codec/codec.ts).
    #[napi]
    pub fn info(&self) -> Result<String> {
        self.open().map(|profile| profile_info_json(profile))
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
        first_token_id: u32,
        only_level: Option<String>,
    ) -> Result<Uint8Array> {
        let profile = self.open()?;
        let request = EncodeRequest {
            planes: &planes,
            first_position,
            token_count: token_count as usize,
            chunk_id: EncodeRequest::chunk_id(chunk_id).map_err(to_js)?,
            exact_first_token,
            first_token_id,
            only_level: only_level.as_deref(),
        };
        on_pool(|| encode_chunk(profile, &request, &self.limits)).map(Uint8Array::new).map_err(to_js)
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
        first_token_id: u32,
        only_level: Option<String>,
    ) -> Result<AsyncTask<EncodeWork>> {
        let chunk_id = EncodeRequest::chunk_id(chunk_id).map_err(to_js)?;
        Ok(AsyncTask::new(EncodeWork {
            coder: Coder::Ladder(self.open()?.clone()),
            limits: self.limits,
            planes,
            first_position,
            token_count: token_count as usize,
            chunk_id,
            exact_first_token,
            first_token_id,
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
        let profile = self.open()?;
        let options = DecodeOptions { level: level.as_deref(), partial: partial.unwrap_or(false) };
        on_pool(|| decode_chunk(profile, chunk, options, &self.limits)).map(Uint16Array::new).map_err(to_js)
    }

    /// `decodeChunk` off the event loop. The chunk must not change until the promise settles.
    #[napi]
    pub fn decode_chunk_async(
        &self,
        chunk: Uint8Array,
        level: Option<String>,
        partial: Option<bool>,
    ) -> Result<AsyncTask<DecodeWork>> {
        let partial = partial.unwrap_or(false);
        let coder = Coder::Ladder(self.open()?.clone());
        Ok(AsyncTask::new(DecodeWork { coder, limits: self.limits, chunk, level, partial, failure: None }))
    }

    /// Entropy decoding and dequantization alone, for benchmarks. Returns how many coefficients the chunk holds.
    #[napi]
    pub fn decode_coefficients(&self, chunk: &[u8]) -> Result<u32> {
        let profile = self.open()?;
        on_pool(|| decode_coefficients(profile, chunk, DecodeOptions::default(), &self.limits))
            .map(|count| count as u32)
            .map_err(to_js)
    }

    /// The groups with a member plane in layers `first` to `last`.
    #[napi]
    pub fn groups_of_layers(&self, first: u16, last: u16) -> Result<Uint8Array> {
        self.open().map(|profile| profile.groups_of_layers(first, last).into())
    }

    /// A subset object with what layers `first` to `last` need.
    #[napi]
    pub fn cut_chunk_layers(&self, chunk: &[u8], first: u16, last: u16) -> Result<Uint8Array> {
        cut_layers(self.open()?, chunk, first, last).map(Uint8Array::new).map_err(to_js)
    }

    /// Releases the profile's memory once running work is done; later calls fail with `invalid-argument`.
    #[napi]
    pub fn close(&mut self) {
        self.profile = None;
    }
}
