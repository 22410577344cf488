//! `lanes128` for aarch64.

use std::arch::aarch64::*;

use super::lanes128::{self, Vector};
use super::{Lanes, OutOfWords, RefinementTables, Table};

pub(super) fn decode_base(
    lanes: &mut Lanes<'_>,
    tables: &[&Table],
    indices: &mut [i32],
) -> Result<bool, OutOfWords> {
    // SAFETY: NEON is part of every aarch64 target.
    unsafe { lanes128::decode_base::<uint32x4_t>(lanes, tables, indices) }
}

pub(super) fn decode_refinement(
    lanes: &mut Lanes<'_>,
    tables: &[RefinementTables<'_>],
    indices: &mut [i32],
) -> Result<(), OutOfWords> {
    // SAFETY: NEON is part of every aarch64 target.
    unsafe { lanes128::decode_refinement::<uint32x4_t>(lanes, tables, indices) }
}

// SAFETY (of every method): NEON is part of every aarch64 target; loads and stores need no alignment.
impl Vector for uint32x4_t {
    #[inline(always)]
    unsafe fn splat32(value: u32) -> Self {
        unsafe { vdupq_n_u32(value) }
    }
    #[inline(always)]
    unsafe fn splat16(value: u16) -> Self {
        unsafe { vreinterpretq_u32_u16(vdupq_n_u16(value)) }
    }
    #[inline(always)]
    unsafe fn load(bytes: &[u8; 16]) -> Self {
        unsafe { vreinterpretq_u32_u8(vld1q_u8(bytes.as_ptr())) }
    }
    #[inline(always)]
    unsafe fn load_low(bytes: *const u8) -> Self {
        unsafe { vreinterpretq_u32_u8(vcombine_u8(vld1_u8(bytes), vdup_n_u8(0))) }
    }
    #[inline(always)]
    unsafe fn load32(values: &[u32; 4]) -> Self {
        unsafe { vld1q_u32(values.as_ptr()) }
    }
    #[inline(always)]
    unsafe fn store32(self, values: &mut [u32; 4]) {
        unsafe { vst1q_u32(values.as_mut_ptr(), self) }
    }
    #[inline(always)]
    unsafe fn and(self, other: Self) -> Self {
        unsafe { vandq_u32(self, other) }
    }
    #[inline(always)]
    unsafe fn or(self, other: Self) -> Self {
        unsafe { vorrq_u32(self, other) }
    }
    #[inline(always)]
    unsafe fn select(self, yes: Self, no: Self) -> Self {
        unsafe { vbslq_u32(self, yes, no) }
    }
    #[inline(always)]
    unsafe fn xor(self, other: Self) -> Self {
        unsafe { veorq_u32(self, other) }
    }
    #[inline(always)]
    unsafe fn add32(self, other: Self) -> Self {
        unsafe { vaddq_u32(self, other) }
    }
    #[inline(always)]
    unsafe fn mul32(self, other: Self) -> Self {
        unsafe { vmulq_u32(self, other) }
    }
    #[inline(always)]
    unsafe fn add16(self, other: Self) -> Self {
        unsafe { vreinterpretq_u32_u16(vaddq_u16(vreinterpretq_u16_u32(self), vreinterpretq_u16_u32(other))) }
    }
    #[inline(always)]
    unsafe fn sub16(self, other: Self) -> Self {
        unsafe { vreinterpretq_u32_u16(vsubq_u16(vreinterpretq_u16_u32(self), vreinterpretq_u16_u32(other))) }
    }
    #[inline(always)]
    unsafe fn above16(self, other: Self) -> Self {
        unsafe { vreinterpretq_u32_u16(vcgtq_s16(vreinterpretq_s16_u32(self), vreinterpretq_s16_u32(other))) }
    }
    #[inline(always)]
    unsafe fn equal16(self, other: Self) -> Self {
        unsafe { vreinterpretq_u32_u16(vceqq_u16(vreinterpretq_u16_u32(self), vreinterpretq_u16_u32(other))) }
    }
    #[inline(always)]
    unsafe fn equal32(self, other: Self) -> Self {
        unsafe { vceqq_u32(self, other) }
    }
    #[inline(always)]
    unsafe fn shift_right12(self) -> Self {
        unsafe { vshrq_n_u32::<12>(self) }
    }
    #[inline(always)]
    unsafe fn shift_right16(self) -> Self {
        unsafe { vshrq_n_u32::<16>(self) }
    }
    #[inline(always)]
    unsafe fn shift_left16(self) -> Self {
        unsafe { vshlq_n_u32::<16>(self) }
    }
    #[inline(always)]
    unsafe fn sign16(self) -> Self {
        unsafe { vreinterpretq_u32_s16(vshrq_n_s16::<15>(vreinterpretq_s16_u32(self))) }
    }
    #[inline(always)]
    unsafe fn narrow32(self, high: Self) -> Self {
        unsafe {
            vreinterpretq_u32_s16(vcombine_s16(
                vqmovn_s32(vreinterpretq_s32_u32(self)),
                vqmovn_s32(vreinterpretq_s32_u32(high)),
            ))
        }
    }
    #[inline(always)]
    unsafe fn narrow16(self, high: Self) -> Self {
        unsafe {
            vreinterpretq_u32_u8(vcombine_u8(
                vqmovun_s16(vreinterpretq_s16_u32(self)),
                vqmovun_s16(vreinterpretq_s16_u32(high)),
            ))
        }
    }
    #[inline(always)]
    unsafe fn widen_low16(self) -> Self {
        unsafe { vreinterpretq_u32_s32(vmovl_s16(vget_low_s16(vreinterpretq_s16_u32(self)))) }
    }
    #[inline(always)]
    unsafe fn widen_high16(self) -> Self {
        unsafe { vreinterpretq_u32_s32(vmovl_high_s16(vreinterpretq_s16_u32(self))) }
    }
    #[inline(always)]
    unsafe fn interleave_low8(self, other: Self) -> Self {
        unsafe { vreinterpretq_u32_u8(vzip1q_u8(vreinterpretq_u8_u32(self), vreinterpretq_u8_u32(other))) }
    }
    #[inline(always)]
    unsafe fn interleave_high8(self, other: Self) -> Self {
        unsafe { vreinterpretq_u32_u8(vzip2q_u8(vreinterpretq_u8_u32(self), vreinterpretq_u8_u32(other))) }
    }
    #[inline(always)]
    unsafe fn swizzle(self, places: Self) -> Self {
        unsafe { vreinterpretq_u32_u8(vqtbl1q_u8(vreinterpretq_u8_u32(self), vreinterpretq_u8_u32(places))) }
    }
    #[inline(always)]
    unsafe fn signs32(self) -> usize {
        let bits = [1, 2, 4, 8];
        // All ones or all zeros in each lane.
        unsafe { vaddvq_u32(vandq_u32(self, vld1q_u32(bits.as_ptr()))) as usize }
    }
}
