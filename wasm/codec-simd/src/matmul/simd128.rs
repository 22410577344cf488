//! Vectors of `blocked` for WebAssembly.

use std::arch::wasm32::*;

use super::blocked::Quad;

impl Quad for v128 {
    #[inline(always)]
    fn zero() -> Self {
        f32x4_splat(0.0)
    }
    #[inline(always)]
    fn splat(value: f32) -> Self {
        f32x4_splat(value)
    }
    #[inline(always)]
    fn load(values: &[f32; 4]) -> Self {
        // SAFETY: 16 readable bytes; loads need no alignment.
        unsafe { v128_load(values.as_ptr().cast()) }
    }
    #[inline(always)]
    fn store(self) -> [f32; 4] {
        let mut values = [0.0; 4];
        // SAFETY: 16 writable bytes; stores need no alignment.
        unsafe { v128_store(values.as_mut_ptr().cast(), self) };
        values
    }
    #[cfg(target_feature = "relaxed-simd")]
    #[inline(always)]
    fn plus_product(self, left: Self, right: Self) -> Self {
        f32x4_relaxed_madd(left, right, self)
    }
    #[cfg(not(target_feature = "relaxed-simd"))]
    #[inline(always)]
    fn plus_product(self, left: Self, right: Self) -> Self {
        f32x4_add(self, f32x4_mul(left, right))
    }
}
