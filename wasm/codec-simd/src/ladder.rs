//! The encoder's arithmetic on rows of coefficients: plain loops, compiled once more with AVX2.

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

mod plain {
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
        for (parent, &index) in parents.iter_mut().zip(indices) {
            *parent = super::parent_of(index);
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
            (fine, parents, sums.into_iter().map(f32::to_bits).collect::<Vec<_>>())
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
