//! The codecs of docs/format.md: profile files, chunk objects, encode, decode, cut.
//!
//! Reading is total: any input gives a result or an [`Error`] with one of the codes of section 9; nothing is allocated
//! before its size is checked against the format's limits and the caller's [`Limits`].

#![forbid(unsafe_code)]

mod bytes;
pub mod cachegen;
pub mod container;
mod decode;
mod encode;
mod error;
mod geometry;
mod guard;
mod json;
pub mod ladder;
mod limits;
mod par;
pub mod profile;
pub mod rans;
mod scratch;
mod transform;

pub use cachegen::Cachegen;
pub use container::cut::{cut_groups, cut_layers, cut_level, cut_max_bytes};
pub use container::header::{Header, Level, Segment};
pub use container::validate::validate_chunk;
pub use decode::{decode_chunk, decode_coefficients, decode_indices, DecodeOptions, GroupIndices};
pub use encode::{encode_chunk, EncodeRequest};
pub use error::{Error, ErrorCode, Result};
pub use geometry::Geometry;
pub use json::{chunk_info_json, profile_info_json};
pub use kvedge_codec_simd::Backend;
pub use limits::Limits;
pub use profile::Profile;
