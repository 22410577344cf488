//! Sums to fp16 (section 6.1): nearest even, within the range of f16, and 0 for what is not a number.

/// Largest binary16 number.
const F16_MAX: f32 = 65504.0;

/// With the conversion instructions of the processor, where it has them.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn round_to_f16(values: &mut [f32], target: &mut [u16]) {
    use half::slice::{HalfBitsSliceExt, HalfFloatSliceExt};

    values.iter_mut().for_each(|value| *value = within_f16(*value));
    target.reinterpret_cast_mut::<half::f16>().convert_from_f32_slice(values);
}

/// WebAssembly has no such instructions; this is compiled to vectors.
#[cfg(target_arch = "wasm32")]
pub(crate) fn round_to_f16(values: &mut [f32], target: &mut [u16]) {
    for (bits, value) in target.iter_mut().zip(values) {
        *bits = f16_bits(within_f16(*value));
    }
}

/// What section 6.1 makes of a value before it is rounded: within the range of f16, and 0 if it is not a number.
pub(crate) fn within_f16(value: f32) -> f32 {
    if value.is_nan() {
        0.0
    } else {
        value.clamp(-F16_MAX, F16_MAX)
    }
}

/// The f16 nearest to a value within its range.
#[cfg(any(target_arch = "wasm32", test))]
fn f16_bits(value: f32) -> u16 {
    const SMALLEST_NORMAL: u32 = 0x3880_0000; // 2^-14
    let sign = (value.to_bits() >> 16) & 0x8000;
    let magnitude = value.to_bits() & 0x7fff_ffff;
    // Half a unit less one, and one more if the last place kept is odd: a tie goes to even.
    let normal = magnitude.wrapping_sub(112 << 23).wrapping_add(0xfff + (magnitude >> 13 & 1)) >> 13;
    // The last place of numbers from 0.5 to 1 is that of subnormal f16.
    let subnormal = (f32::from_bits(magnitude) + 0.5).to_bits().wrapping_sub(0.5f32.to_bits());
    (sign | if magnitude < SMALLEST_NORMAL { subnormal } else { normal }) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_as_the_half_crate_does() {
        let anything = (0..=u32::MAX).step_by(4099).map(f32::from_bits);
        // Every normal f16, the middle to the next, and the neighbours of that.
        let normal = (0x0400..=0x7bff).flat_map(|bits| {
            let value = half::f16::from_bits(bits).to_f32().to_bits();
            [0, 0xfff, 0x1000, 0x1001].map(|more| f32::from_bits(value + more))
        });
        // The middle of every two subnormal ones.
        let subnormal = (0..0x400).map(|units| (units as f32 + 0.5) * 2f32.powi(-24));
        for value in anything.chain(normal).chain(subnormal).flat_map(|value| [value, -value]) {
            let value = within_f16(value);
            assert_eq!(f16_bits(value), half::f16::from_f32(value).to_bits(), "{value:e}");
        }
    }
}
