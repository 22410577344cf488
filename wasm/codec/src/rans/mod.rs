//! Entropy coder of section 7: 32 interleaved rANS lanes over one stream of 16-bit words.
//!
//! The unit a SIMD backend replaces is the row: [`RowDecoder::decode`] takes one table for all lanes,
//! [`RowDecoder::decode_refinement`] picks one of two tables of three symbols per lane by its parent. A CUDA backend
//! gives each segment a warp and each lane a thread.

mod decode;
mod encode;
mod escape;
mod table;

pub use decode::RowDecoder;
pub use encode::RowEncoder;
pub use escape::{golomb_bits, EscapeReader, EscapeWriter};
pub use table::Table;

/// Lanes of a full row.
pub const LANES: usize = 32;
/// log2 of the sum of a table's frequencies.
pub(crate) const SCALE_BITS: u32 = 12;
pub(crate) const SCALE: u32 = 1 << SCALE_BITS;
/// States lie in [2^16, 2^32); the encoder starts and the decoder ends with exactly this one.
pub(crate) const LOW: u32 = 1 << 16;
