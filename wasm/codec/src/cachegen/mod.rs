//! Codec 2 of section 12: CacheGen's anchors and differences, for models without a profile.
//!
//! ```text
//! anchors: every span-th coded token;  q of a channel's anchors, then q of its other tokens, entropy coded per channel
//! anchor:  x = mean + q * step / 3^pass;   A = the same from the q of pass 0
//! other:   x = mean + gain * (A of its anchor - mean) + q * step / 3^pass
//! ```
//!
//! Everything that the decoder needs to know (steps, means, gains, distributions) travels in the chunk.

mod classes;
mod decode;
mod encode;
mod layout;
mod predict;
mod quantize;
mod segment;
mod tables;

use crate::container::header::{Header, CACHEGEN};
use crate::error::{Error, ErrorCode, Result};
use crate::geometry::Geometry;

pub use decode::CachegenIndices;
pub use encode::CachegenRequest;
pub(crate) use layout::check_directory;
pub use layout::{group_count, layers_of_group, BANDS};
pub use tables::Tables;

/// Codec 2 for one model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cachegen {
    pub model_fingerprint: [u8; 32],
    pub geometry: Geometry,
}

impl Cachegen {
    /// `layers`, `kvHeads`, `keyHeadDim`, `valueHeadDim` within the limits of section 9.
    pub fn new(model_fingerprint: &[u8], shape: &[u16]) -> Result<Self> {
        let model_fingerprint = model_fingerprint.try_into().map_err(|_| {
            let got = model_fingerprint.len();
            Error::invalid_argument(format!("modelFingerprint: expected 32 bytes, got {got}"))
        })?;
        let &[layers, kv_heads, key_head_dim, value_head_dim] = shape else {
            return Err(Error::invalid_argument(format!("shape: expected 4 numbers, got {}", shape.len())));
        };
        let geometry = Geometry::new([layers, kv_heads, key_head_dim, value_head_dim])
            .map_err(|error| Error::invalid_argument(format!("geometry: {}", error.message())))?;
        Ok(Self { model_fingerprint, geometry })
    }

    fn check_model(&self, header: &Header) -> Result<()> {
        let matching = header.codec == CACHEGEN
            && header.model_fingerprint == self.model_fingerprint
            && header.geometry == self.geometry;
        if matching {
            return Ok(());
        }
        Err(Error::new(
            ErrorCode::WrongProfile,
            "the chunk needs a profile or is of another model (codec, modelFingerprint or geometry differ)",
        ))
    }
}
