//! `lanes128` for x86 without AVX2.

use std::arch::x86_64::*;

use super::lanes128::{self, Vector};
use super::{Lanes, OutOfWords, RefinementTables, Table};

#[target_feature(enable = "sse4.1,popcnt")]
pub(super) fn decode_base(
    lanes: &mut Lanes<'_>,
    tables: &[&Table],
    indices: &mut [i32],
) -> Result<bool, OutOfWords> {
    // SAFETY: this function's own features.
    unsafe { lanes128::decode_base::<__m128i>(lanes, tables, indices) }
}

#[target_feature(enable = "sse4.1,popcnt")]
pub(super) fn decode_refinement(
    lanes: &mut Lanes<'_>,
    tables: &[RefinementTables<'_>],
    indices: &mut [i32],
) -> Result<(), OutOfWords> {
    // SAFETY: this function's own features.
    unsafe { lanes128::decode_refinement::<__m128i>(lanes, tables, indices) }
}

// SAFETY (of every method): the trait's callers promise SSE4.1; loads and stores need no alignment.
impl Vector for __m128i {
    #[inline(always)]
    unsafe fn splat32(value: u32) -> Self {
        unsafe { _mm_set1_epi32(value as i32) }
    }
    #[inline(always)]
    unsafe fn splat16(value: u16) -> Self {
        unsafe { _mm_set1_epi16(value as i16) }
    }
    #[inline(always)]
    unsafe fn load(bytes: &[u8; 16]) -> Self {
        unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
    }
    #[inline(always)]
    unsafe fn load_low(bytes: *const u8) -> Self {
        unsafe { _mm_loadl_epi64(bytes.cast()) }
    }
    #[inline(always)]
    unsafe fn load32(values: &[u32; 4]) -> Self {
        unsafe { _mm_loadu_si128(values.as_ptr().cast()) }
    }
    #[inline(always)]
    unsafe fn store32(self, values: &mut [u32; 4]) {
        unsafe { _mm_storeu_si128(values.as_mut_ptr().cast(), self) }
    }
    #[inline(always)]
    unsafe fn and(self, other: Self) -> Self {
        unsafe { _mm_and_si128(self, other) }
    }
    #[inline(always)]
    unsafe fn or(self, other: Self) -> Self {
        unsafe { _mm_or_si128(self, other) }
    }
    #[inline(always)]
    unsafe fn select(self, yes: Self, no: Self) -> Self {
        unsafe { _mm_blendv_epi8(no, yes, self) }
    }
    #[inline(always)]
    unsafe fn xor(self, other: Self) -> Self {
        unsafe { _mm_xor_si128(self, other) }
    }
    #[inline(always)]
    unsafe fn add32(self, other: Self) -> Self {
        unsafe { _mm_add_epi32(self, other) }
    }
    #[inline(always)]
    unsafe fn mul32(self, other: Self) -> Self {
        unsafe { _mm_mullo_epi32(self, other) }
    }
    #[inline(always)]
    unsafe fn add16(self, other: Self) -> Self {
        unsafe { _mm_add_epi16(self, other) }
    }
    #[inline(always)]
    unsafe fn sub16(self, other: Self) -> Self {
        unsafe { _mm_sub_epi16(self, other) }
    }
    #[inline(always)]
    unsafe fn above16(self, other: Self) -> Self {
        unsafe { _mm_cmpgt_epi16(self, other) }
    }
    #[inline(always)]
    unsafe fn equal16(self, other: Self) -> Self {
        unsafe { _mm_cmpeq_epi16(self, other) }
    }
    #[inline(always)]
    unsafe fn equal32(self, other: Self) -> Self {
        unsafe { _mm_cmpeq_epi32(self, other) }
    }
    #[inline(always)]
    unsafe fn shift_right12(self) -> Self {
        unsafe { _mm_srli_epi32::<12>(self) }
    }
    #[inline(always)]
    unsafe fn shift_right16(self) -> Self {
        unsafe { _mm_srli_epi32::<16>(self) }
    }
    #[inline(always)]
    unsafe fn shift_left16(self) -> Self {
        unsafe { _mm_slli_epi32::<16>(self) }
    }
    #[inline(always)]
    unsafe fn sign16(self) -> Self {
        unsafe { _mm_srai_epi16::<15>(self) }
    }
    #[inline(always)]
    unsafe fn narrow32(self, high: Self) -> Self {
        unsafe { _mm_packs_epi32(self, high) }
    }
    #[inline(always)]
    unsafe fn narrow16(self, high: Self) -> Self {
        unsafe { _mm_packus_epi16(self, high) }
    }
    #[inline(always)]
    unsafe fn widen_low16(self) -> Self {
        unsafe { _mm_cvtepi16_epi32(self) }
    }
    #[inline(always)]
    unsafe fn widen_high16(self) -> Self {
        unsafe { _mm_cvtepi16_epi32(_mm_unpackhi_epi64(self, self)) }
    }
    #[inline(always)]
    unsafe fn interleave_low8(self, other: Self) -> Self {
        unsafe { _mm_unpacklo_epi8(self, other) }
    }
    #[inline(always)]
    unsafe fn interleave_high8(self, other: Self) -> Self {
        unsafe { _mm_unpackhi_epi8(self, other) }
    }
    #[inline(always)]
    unsafe fn swizzle(self, places: Self) -> Self {
        // The instruction looks at bit 7 and the low four: saturation sets bit 7 of every place above 15.
        unsafe { _mm_shuffle_epi8(self, _mm_adds_epu8(places, _mm_set1_epi8(0x70))) }
    }
    #[inline(always)]
    unsafe fn signs32(self) -> usize {
        unsafe { _mm_movemask_ps(_mm_castsi128_ps(self)) as usize }
    }
}
