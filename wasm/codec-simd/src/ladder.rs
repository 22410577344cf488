//! Arithmetic on rows of coefficients: plain loops, compiled once more with AVX2.

use crate::backend::Backend;
#[cfg(target_arch = "x86_64")]
use crate::backend::Kind;

/// round(value * inverse), half away from zero, within -limit ..= limit; 0 for what is not a number.
pub fn quantize(backend: Backend, values: &[f32], inverse_steps: &[f32], limit: f32, indices: &mut [i32]) {
    match backend.0 {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a `Backend` exists only where its instruction set does, and AVX-512 has AVX2.
        Kind::Avx2 | Kind::Avx512 => unsafe { avx2::quantize(values, inverse_steps, limit, indices) },
        _ => plain::quantize(values, inverse_steps, limit, indices),
    }
}

/// The parent of an index: round(index / 3). Cells nest exactly.
#[inline]
pub fn parent_of(index: i32) -> i32 {
    // Division truncates, so one step away from zero first rounds to nearest.
    (index + index.signum()) / 3
}

/// The parent of each index.
pub fn coarser(backend: Backend, indices: &[i32], parents: &mut [i32]) {
    match backend.0 {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Kind::Avx2 | Kind::Avx512 => unsafe { avx2::coarser(indices, parents) },
        _ => plain::coarser(indices, parents),
    }
}

/// `sums += (values - indices * steps)^2`
pub fn add_squared_errors(
    backend: Backend,
    values: &[f32],
    indices: &[i32],
    steps: &[f32],
    sums: &mut [f32],
) {
    match backend.0 {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Kind::Avx2 | Kind::Avx512 => unsafe { avx2::add_squared_errors(values, indices, steps, sums) },
        _ => plain::add_squared_errors(values, indices, steps, sums),
    }
}

/// index * step, whose bits take the index's place.
pub fn dequantize(backend: Backend, indices: &mut [i32], steps: &[f32]) {
    match backend.0 {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Kind::Avx2 | Kind::Avx512 => unsafe { avx2::dequantize(indices, steps) },
        _ => plain::dequantize(indices, steps),
    }
}

/// Counts the refinements of `parents` to `indices` by symbol: 0, 1, 2 under a parent of zero, then the same under others.
pub fn count_refinements(backend: Backend, indices: &[i32], parents: &[i32], counts: &mut [u32; 6]) {
    match backend.0 {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Kind::Avx2 | Kind::Avx512 => unsafe { avx2::count_refinements(indices, parents, counts) },
        _ => plain::count_refinements(indices, parents, counts),
    }
}

mod plain {
    use crate::rans::{refinement_symbol, LANES};

    /// Below this magnitude a third of an index is off by less than 1/16 in f32, and no third is within 1/6 of a half.
    const EXACT: u32 = 1 << 21;
    /// 1.5 * 2^23: a sum with it is a whole number.
    const WHOLE: f32 = 12_582_912.0;

    #[inline(always)]
    pub fn quantize(values: &[f32], inverse_steps: &[f32], limit: f32, indices: &mut [i32]) {
        for ((index, &value), &inverse) in indices.iter_mut().zip(values).zip(inverse_steps) {
            let scaled = (value * inverse).clamp(-limit, limit);
            // The cast truncates, and turns what is not a number into 0.
            *index = (scaled + 0.5f32.copysign(scaled)) as i32;
        }
    }

    #[inline(always)]
    pub fn coarser(indices: &[i32], parents: &mut [i32]) {
        // No vector instruction divides integers.
        let magnitudes = indices.iter().fold(0, |all, index| all | index.unsigned_abs());
        if magnitudes >= EXACT {
            parents.iter_mut().zip(indices).for_each(|(parent, &index)| *parent = super::parent_of(index));
            return;
        }
        for (parent, &index) in parents.iter_mut().zip(indices) {
            let third = index as f32 * (1.0 / 3.0) + WHOLE;
            *parent = (third.to_bits() as i32).wrapping_sub(WHOLE.to_bits() as i32);
        }
    }

    #[inline(always)]
    pub fn dequantize(indices: &mut [i32], steps: &[f32]) {
        for (index, step) in indices.iter_mut().zip(steps) {
            *index = (*index as f32 * step).to_bits() as i32;
        }
    }

    #[inline(always)]
    pub fn count_refinements(indices: &[i32], parents: &[i32], counts: &mut [u32; 6]) {
        for (indices, parents) in indices.chunks(LANES).zip(parents.chunks(LANES)) {
            let mut symbols = [u8::MAX; LANES];
            for ((symbol, &index), &parent) in symbols.iter_mut().zip(indices).zip(parents) {
                *symbol = refinement_symbol(index, parent) + if parent == 0 { 0 } else { 3 };
            }
            // Bytes compared with each symbol: 32 at once.
            for (symbol, count) in (0u8..).zip(counts.iter_mut()) {
                *count += u32::from(symbols.iter().map(|&found| u8::from(found == symbol)).sum::<u8>());
            }
        }
    }

    #[inline(always)]
    pub fn add_squared_errors(values: &[f32], indices: &[i32], steps: &[f32], sums: &mut [f32]) {
        for (((sum, value), &index), step) in sums.iter_mut().zip(values).zip(indices).zip(steps) {
            let error = value - index as f32 * step;
            *sum += error * error;
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::plain;

    #[target_feature(enable = "avx2")]
    pub fn quantize(values: &[f32], inverse_steps: &[f32], limit: f32, indices: &mut [i32]) {
        plain::quantize(values, inverse_steps, limit, indices);
    }

    #[target_feature(enable = "avx2")]
    pub fn coarser(indices: &[i32], parents: &mut [i32]) {
        plain::coarser(indices, parents);
    }

    #[target_feature(enable = "avx2")]
    pub fn dequantize(indices: &mut [i32], steps: &[f32]) {
        plain::dequantize(indices, steps);
    }

    #[target_feature(enable = "avx2")]
    pub fn count_refinements(indices: &[i32], parents: &[i32], counts: &mut [u32; 6]) {
        plain::count_refinements(indices, parents, counts);
    }

    #[target_feature(enable = "avx2")]
    pub fn add_squared_errors(values: &[f32], indices: &[i32], steps: &[f32], sums: &mut [f32]) {
        plain::add_squared_errors(values, indices, steps, sums);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of every size, of both signs, and some that are none.
    fn values() -> Vec<f32> {
        let finite = (0..997).map(|i| ((i * 37 % 997) as f32 - 498.0) * 10f32.powi(i % 9 - 4));
        finite.chain([f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0, 0.5, -0.5, 1.5, 2.5]).collect()
    }

    #[test]
    fn every_backend_gives_the_same_bits() {
        let values = values();
        let inverse_steps: Vec<f32> = (0..values.len()).map(|i| 0.25 + (i % 7) as f32).collect();
        let of = |backend: Backend| {
            let (mut fine, mut parents) = (vec![0; values.len()], vec![0; values.len()]);
            let mut sums = vec![1.0f32; values.len()];
            quantize(backend, &values, &inverse_steps, 1e6, &mut fine);
            coarser(backend, &fine, &mut parents);
            add_squared_errors(backend, &values, &parents, &inverse_steps, &mut sums);
            let mut counts = [0; 6];
            count_refinements(backend, &fine, &parents, &mut counts);
            let mut coefficients = parents.clone();
            dequantize(backend, &mut coefficients, &inverse_steps);
            (fine, parents, (sums.into_iter().map(f32::to_bits).collect::<Vec<_>>(), counts, coefficients))
        };
        let expected = of(Backend::named("scalar").unwrap());
        for backend in Backend::available() {
            let found = of(backend);
            assert_eq!((&found.0, &found.1), (&expected.0, &expected.1), "{}", backend.name());
            assert_eq!(found.2, expected.2, "{}", backend.name());
        }
        for (&index, &value) in expected.0.iter().zip(&values) {
            assert!(index.abs() <= 1_000_000 && (!value.is_nan() || index == 0), "{value}: {index}");
        }
    }

    #[test]
    fn parents_are_exact_on_both_paths() {
        const STEP: i32 = 1 << 12;
        for backend in Backend::available() {
            let mut parents = [0; STEP as usize];
            for first in (-(1 << 21) - STEP..=1 << 21).step_by(STEP as usize) {
                let indices: Vec<i32> = (first..first + STEP).collect();
                coarser(backend, &indices, &mut parents);
                assert!(indices.iter().zip(&parents).all(|(&index, &parent)| parent == parent_of(index)));
            }
        }
    }

    #[test]
    fn refinements_are_counted_by_symbol_and_parent() {
        let mut counts = [1; 6];
        let (indices, parents) =
            ([-1, 0, 0, 1, 2, 3, 4, -4, -3, -2, -2], [0, 0, 0, 0, 1, 1, 1, -1, -1, -1, -1]);
        count_refinements(Backend::current(), &indices, &parents, &mut counts);
        assert_eq!(counts, [2, 3, 2, 4, 3, 3]);
    }

    #[test]
    fn halves_round_away_from_zero_and_parents_to_the_nearest() {
        let backend = Backend::current();
        let mut indices = [0; 8];
        let values = [0.5, -0.5, 1.5, -1.49, 2.5, 4.0, -5.0, 0.49];
        quantize(backend, &values, &[1.0; 8], 4.0, &mut indices);
        assert_eq!(indices, [1, -1, 2, -1, 3, 4, -4, 0]);
        let mut parents = [0; 8];
        coarser(backend, &[0, 1, 2, -2, 4, 5, -5, -4], &mut parents);
        assert_eq!(parents, [0, 0, 1, -1, 1, 2, -2, -1]);
    }
}
