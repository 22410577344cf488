//! `lanes128` for WebAssembly.

use std::arch::wasm32::*;

use super::lanes128::{self, Vector};
use super::{Lanes, OutOfWords, RefinementTables, Table};

pub(super) fn decode_base(
    lanes: &mut Lanes<'_>,
    tables: &[&Table],
    indices: &mut [i32],
) -> Result<bool, OutOfWords> {
    // SAFETY: simd128 is on for the whole module.
    unsafe { lanes128::decode_base::<v128>(lanes, tables, indices) }
}

pub(super) fn decode_refinement(
    lanes: &mut Lanes<'_>,
    tables: &[RefinementTables<'_>],
    indices: &mut [i32],
) -> Result<(), OutOfWords> {
    // SAFETY: simd128 is on for the whole module.
    unsafe { lanes128::decode_refinement::<v128>(lanes, tables, indices) }
}

// SAFETY (of every method): simd128 is on for the whole module; loads and stores need no alignment.
impl Vector for v128 {
    #[inline(always)]
    unsafe fn splat32(value: u32) -> Self {
        u32x4_splat(value)
    }
    #[inline(always)]
    unsafe fn splat16(value: u16) -> Self {
        u16x8_splat(value)
    }
    #[inline(always)]
    unsafe fn load(bytes: &[u8; 16]) -> Self {
        unsafe { v128_load(bytes.as_ptr().cast()) }
    }
    #[inline(always)]
    unsafe fn load_low(bytes: *const u8) -> Self {
        unsafe { v128_load64_zero(bytes.cast()) }
    }
    #[inline(always)]
    unsafe fn load32(values: &[u32; 4]) -> Self {
        unsafe { v128_load(values.as_ptr().cast()) }
    }
    #[inline(always)]
    unsafe fn store32(self, values: &mut [u32; 4]) {
        unsafe { v128_store(values.as_mut_ptr().cast(), self) }
    }
    #[inline(always)]
    unsafe fn and(self, other: Self) -> Self {
        v128_and(self, other)
    }
    #[inline(always)]
    unsafe fn or(self, other: Self) -> Self {
        v128_or(self, other)
    }
    #[inline(always)]
    unsafe fn select(self, yes: Self, no: Self) -> Self {
        v128_bitselect(yes, no, self)
    }
    #[inline(always)]
    unsafe fn xor(self, other: Self) -> Self {
        v128_xor(self, other)
    }
    #[inline(always)]
    unsafe fn add32(self, other: Self) -> Self {
        i32x4_add(self, other)
    }
    #[inline(always)]
    unsafe fn mul32(self, other: Self) -> Self {
        i32x4_mul(self, other)
    }
    #[inline(always)]
    unsafe fn add16(self, other: Self) -> Self {
        i16x8_add(self, other)
    }
    #[inline(always)]
    unsafe fn sub16(self, other: Self) -> Self {
        i16x8_sub(self, other)
    }
    #[inline(always)]
    unsafe fn above16(self, other: Self) -> Self {
        i16x8_gt(self, other)
    }
    #[inline(always)]
    unsafe fn equal16(self, other: Self) -> Self {
        i16x8_eq(self, other)
    }
    #[inline(always)]
    unsafe fn equal32(self, other: Self) -> Self {
        i32x4_eq(self, other)
    }
    #[inline(always)]
    unsafe fn shift_right12(self) -> Self {
        u32x4_shr(self, 12)
    }
    #[inline(always)]
    unsafe fn shift_right16(self) -> Self {
        u32x4_shr(self, 16)
    }
    #[inline(always)]
    unsafe fn shift_left16(self) -> Self {
        i32x4_shl(self, 16)
    }
    #[inline(always)]
    unsafe fn sign16(self) -> Self {
        i16x8_shr(self, 15)
    }
    #[inline(always)]
    unsafe fn narrow32(self, high: Self) -> Self {
        i16x8_narrow_i32x4(self, high)
    }
    #[inline(always)]
    unsafe fn narrow16(self, high: Self) -> Self {
        u8x16_narrow_i16x8(self, high)
    }
    #[inline(always)]
    unsafe fn widen_low16(self) -> Self {
        i32x4_extend_low_i16x8(self)
    }
    #[inline(always)]
    unsafe fn widen_high16(self) -> Self {
        i32x4_extend_high_i16x8(self)
    }
    #[inline(always)]
    unsafe fn interleave_low8(self, other: Self) -> Self {
        u8x16_shuffle::<0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23>(self, other)
    }
    #[inline(always)]
    unsafe fn interleave_high8(self, other: Self) -> Self {
        u8x16_shuffle::<8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31>(self, other)
    }
    #[inline(always)]
    unsafe fn swizzle(self, places: Self) -> Self {
        u8x16_swizzle(self, places)
    }
    #[inline(always)]
    unsafe fn signs32(self) -> usize {
        usize::from(i32x4_bitmask(self))
    }
}
