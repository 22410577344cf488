//! rANS rows of docs/format.md section 7: 32 interleaved lanes over one stream of 16-bit words.
//!
//! ```text
//! for each row of 32 symbols (the last may have fewer):
//!     for each lane v, rising:  slot = x mod 4096; s = the symbol with start[s] <= slot < start[s] + freq[s]
//!                               x = freq[s] * (x div 4096) + slot - start[s]
//!     for each lane v, rising:  if x < 2^16: x = x * 2^16 + next word
//! ```
//!
//! A symbol becomes an index of the ladder at once: `s - A` in a base segment, `3 * parent + r` in a refinement. All
//! rows of one coefficient are one call, so that the states stay in registers. How the backends depart from the text:
//!
//! - `scalar` is the oracle: fixed arrays, loops over lanes.
//! - `avx512` holds lanes in two registers; words are spread to the lanes that need one by an expanding move.
//! - `lanes128` is generic over 128-bit vectors, eight of them; a table indexed by which of four lanes are short gives
//!   the places of their words. It runs as `sse41`, `avx2` (the same with better encodings), `neon` and wasm `simd128`.
//!
//! Encoding (`encoder`) is the same backwards, with a kernel of its own for AVX-512.

mod encoder;
#[allow(clippy::undocumented_unsafe_blocks)] // its head says it once
mod lanes128;
mod scalar;
mod table;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod avx512_encode;
#[cfg(target_arch = "aarch64")]
#[allow(clippy::undocumented_unsafe_blocks)] // its head says it once
mod neon;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
#[allow(clippy::undocumented_unsafe_blocks)] // its head says it once
mod simd128;
#[cfg(target_arch = "x86_64")]
#[allow(clippy::undocumented_unsafe_blocks)] // its head says it once
mod sse41;

#[cfg(test)]
mod tests;

use crate::backend::{Backend, Kind};

pub use encoder::{refinement_symbol, RowEncoder};
pub use table::{Table, SCALE, SCALE_BITS};

/// Lanes of a full row.
pub const LANES: usize = 32;
/// States lie in [2^16, 2^32); the encoder starts and the decoder ends with exactly this one.
pub const LOW: u32 = 1 << 16;

/// The stream has fewer words than its symbols need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfWords;

/// Tables of a refinement: under a parent of zero, and under any other.
#[derive(Debug, Clone, Copy)]
pub struct RefinementTables<'a> {
    pub zero: &'a Table,
    pub nonzero: &'a Table,
}

/// What a kernel works on.
#[repr(align(64))]
pub(crate) struct Lanes<'a> {
    pub states: [u32; LANES],
    pub words: &'a [[u8; 2]],
    /// Words taken; never more than there are.
    pub at: usize,
    /// The last words of the stream, then zeros.
    tail: [[u8; 2]; LANES],
}

impl Lanes<'_> {
    /// The next 32 words; zeros stand for those that the stream lacks.
    #[inline]
    pub fn window(&mut self) -> &[[u8; 2]; LANES] {
        let rest = self.words.get(self.at..).unwrap_or(&[]);
        match rest.first_chunk() {
            Some(window) => window,
            None => self.copy_tail(),
        }
    }

    #[cold]
    fn copy_tail(&mut self) -> &[[u8; 2]; LANES] {
        let rest = &self.words[self.at..];
        self.tail = [[0; 2]; LANES];
        self.tail[..rest.len()].copy_from_slice(rest);
        &self.tail
    }

    /// Accounts for words of a window.
    #[inline]
    pub fn take(&mut self, words: usize) -> Result<(), OutOfWords> {
        if words > self.words.len() - self.at {
            return Err(OutOfWords);
        }
        self.at += words;
        Ok(())
    }
}

/// The same memory as unsigned numbers.
#[cfg_attr(
    not(any(target_arch = "x86_64", target_arch = "aarch64", target_feature = "simd128")),
    allow(dead_code)
)]
fn as_bits(indices: &mut [i32]) -> &mut [u32] {
    // SAFETY: both types have the same size and alignment, and every bit pattern is valid for both.
    unsafe { std::slice::from_raw_parts_mut(indices.as_mut_ptr().cast(), indices.len()) }
}

/// Decodes rows of symbols into ladder indices.
pub struct RowDecoder<'a> {
    backend: Backend,
    lanes: Lanes<'a>,
}

impl<'a> RowDecoder<'a> {
    /// `states`: those of unused lanes are ignored.
    pub fn new(backend: Backend, states: [u32; LANES], words: &'a [[u8; 2]]) -> Self {
        Self { backend, lanes: Lanes { states, words, at: 0, tail: [[0; 2]; LANES] } }
    }

    /// Decodes base symbols, 32 to a row with one table for each row, into `indices`. An escape becomes A + 1.
    /// Returns whether there were any.
    ///
    /// # Panics
    /// When there is not one table for each row.
    #[allow(clippy::undocumented_unsafe_blocks)] // SAFETY (of all kernels): a `Backend` exists only where its instruction set does.
    pub fn decode_base(&mut self, tables: &[&Table], indices: &mut [i32]) -> Result<bool, OutOfWords> {
        assert_eq!(tables.len(), indices.len().div_ceil(LANES), "one table for each row");
        let lanes = &mut self.lanes;
        match self.backend.0 {
            Kind::Scalar => scalar::decode_base(lanes, tables, indices),
            #[cfg(target_arch = "x86_64")]
            Kind::Sse41 => unsafe { sse41::decode_base(lanes, tables, indices) },
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => unsafe { avx2::decode_base(lanes, tables, indices) },
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => unsafe { avx512::decode_base(lanes, tables, indices) },
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => neon::decode_base(lanes, tables, indices),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Kind::Simd128 => simd128::decode_base(lanes, tables, indices),
        }
    }

    /// Refines `indices`, parents on entry, 32 to a row with one pair of tables for each row.
    ///
    /// # Panics
    /// When there is not one pair of tables for each row, or a table has not three symbols.
    #[allow(clippy::undocumented_unsafe_blocks)] // SAFETY: as above.
    pub fn decode_refinement(
        &mut self,
        tables: &[RefinementTables<'_>],
        indices: &mut [i32],
    ) -> Result<(), OutOfWords> {
        assert_eq!(tables.len(), indices.len().div_ceil(LANES), "one pair of tables for each row");
        assert!(tables.iter().all(|row| row.zero.symbols() == 3 && row.nonzero.symbols() == 3));
        let lanes = &mut self.lanes;
        match self.backend.0 {
            Kind::Scalar => scalar::decode_refinement(lanes, tables, indices),
            #[cfg(target_arch = "x86_64")]
            Kind::Sse41 => unsafe { sse41::decode_refinement(lanes, tables, indices) },
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => unsafe { avx2::decode_refinement(lanes, tables, indices) },
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => unsafe { avx512::decode_refinement(lanes, tables, indices) },
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => neon::decode_refinement(lanes, tables, indices),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Kind::Simd128 => simd128::decode_refinement(lanes, tables, indices),
        }
    }

    pub fn states(&self) -> &[u32; LANES] {
        &self.lanes.states
    }

    pub fn words_left(&self) -> usize {
        self.lanes.words.len() - self.lanes.at
    }
}
