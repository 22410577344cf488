//! Work off the event loop.

use std::sync::Arc;

use kvedge_codec::cachegen::CachegenRequest;
use kvedge_codec::{decode_chunk, encode_chunk, Cachegen, DecodeOptions, EncodeRequest, Limits, Profile};
use napi::bindgen_prelude::{JsObjectValue, Uint16Array, Uint8Array};
use napi::{Env, JsValue, Task};

use crate::threads::on_pool;

/// What encodes and decodes.
pub enum Coder {
    Ladder(Arc<Profile>),
    Cachegen(Cachegen),
}

pub struct EncodeWork {
    pub coder: Coder,
    pub limits: Limits,
    pub planes: Uint16Array,
    pub first_position: u32,
    pub token_count: usize,
    pub chunk_id: [u8; 32],
    pub exact_first_token: bool,
    pub first_token_id: u32,
    pub only_level: Option<String>,
    pub failure: Option<kvedge_codec::Error>,
}

impl Task for EncodeWork {
    type Output = Vec<u8>;
    type JsValue = Uint8Array;

    fn compute(&mut self) -> napi::Result<Vec<u8>> {
        let encoded = on_pool(|| self.encode());
        keep_failure(encoded, &mut self.failure)
    }

    fn resolve(&mut self, _env: Env, output: Vec<u8>) -> napi::Result<Uint8Array> {
        Ok(Uint8Array::new(output))
    }

    fn reject(&mut self, env: Env, error: napi::Error) -> napi::Result<Uint8Array> {
        Err(with_code(env, error, self.failure.take()))
    }
}

impl EncodeWork {
    fn encode(&self) -> kvedge_codec::Result<Vec<u8>> {
        let only_level = self.only_level.as_deref();
        match &self.coder {
            Coder::Ladder(profile) => {
                let request = EncodeRequest {
                    planes: &self.planes,
                    first_position: self.first_position,
                    token_count: self.token_count,
                    chunk_id: self.chunk_id,
                    exact_first_token: self.exact_first_token,
                    first_token_id: self.first_token_id,
                    only_level,
                };
                encode_chunk(profile, &request, &self.limits)
            }
            Coder::Cachegen(codec) => {
                let request = CachegenRequest {
                    planes: &self.planes,
                    first_position: self.first_position,
                    token_count: self.token_count,
                    chunk_id: self.chunk_id,
                    exact_first_token: self.exact_first_token,
                    only_level,
                };
                codec.encode_chunk(&request, &self.limits)
            }
        }
    }
}

pub struct DecodeWork {
    pub coder: Coder,
    pub limits: Limits,
    pub chunk: Uint8Array,
    pub level: Option<String>,
    pub partial: bool,
    pub failure: Option<kvedge_codec::Error>,
}

impl Task for DecodeWork {
    type Output = Vec<u16>;
    type JsValue = Uint16Array;

    fn compute(&mut self) -> napi::Result<Vec<u16>> {
        let options = DecodeOptions { level: self.level.as_deref(), partial: self.partial };
        let (coder, chunk, limits) = (&self.coder, &*self.chunk, &self.limits);
        let decode = || match coder {
            Coder::Ladder(profile) => decode_chunk(profile, chunk, options, limits),
            Coder::Cachegen(codec) => codec.decode_chunk(chunk, options, limits),
        };
        keep_failure(on_pool(decode), &mut self.failure)
    }

    fn resolve(&mut self, _env: Env, output: Vec<u16>) -> napi::Result<Uint16Array> {
        Ok(Uint16Array::new(output))
    }

    fn reject(&mut self, env: Env, error: napi::Error) -> napi::Result<Uint16Array> {
        Err(with_code(env, error, self.failure.take()))
    }
}

/// A task's own error type cannot carry our code: keep the error for `reject`.
fn keep_failure<T>(
    result: kvedge_codec::Result<T>,
    failure: &mut Option<kvedge_codec::Error>,
) -> napi::Result<T> {
    result.map_err(|error| {
        let reason = napi::Error::from_reason(error.message());
        *failure = Some(error);
        reason
    })
}

/// A JS error whose `code` is the codec's.
fn with_code(env: Env, error: napi::Error, failure: Option<kvedge_codec::Error>) -> napi::Error {
    let Some(failure) = failure else { return error };
    let thrown = env.create_error(error).and_then(|mut object| {
        object.set_named_property("code", failure.code().as_str())?;
        Ok(object)
    });
    match thrown {
        Ok(object) => napi::Error::from(object.to_unknown()),
        Err(error) => error,
    }
}
