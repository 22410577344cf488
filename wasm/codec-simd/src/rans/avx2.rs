//! `lanes128` with the encodings of AVX2: no moves for instructions that overwrite an operand, and broadcasts from memory.

use std::arch::x86_64::__m128i;

use super::{lanes128, Lanes, OutOfWords, RefinementTables, Table};

#[target_feature(enable = "avx2,popcnt")]
pub(super) fn decode_base(
    lanes: &mut Lanes<'_>,
    tables: &[&Table],
    indices: &mut [i32],
) -> Result<bool, OutOfWords> {
    // SAFETY: AVX2 includes SSE4.1.
    unsafe { lanes128::decode_base::<__m128i>(lanes, tables, indices) }
}

#[target_feature(enable = "avx2,popcnt")]
pub(super) fn decode_refinement(
    lanes: &mut Lanes<'_>,
    tables: &[RefinementTables<'_>],
    indices: &mut [i32],
) -> Result<(), OutOfWords> {
    // SAFETY: AVX2 includes SSE4.1.
    unsafe { lanes128::decode_refinement::<__m128i>(lanes, tables, indices) }
}
