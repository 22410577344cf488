//! Which segments of a (group, band) each level holds (section 10, not normative).
//!
//! ```text
//! for each level, coarsest first:
//!     a band without segments joins with the finest pass <= level whose base pays
//!     a band with segments is refined, up to the pass of the level, as long as that pays
//! ```
//!
//! A segment pays when the distortion that it removes, in squared steps of the level, is at least 2 ln 2 / 12 per bit.
//! Bands are independent of each other, so they are planned and coded in parallel.

use std::ops::Range;

use super::code::{code_segment, SegmentInput};
use super::cost::SymbolCounts;
use super::order::TokenOrder;
use super::step::{coarser, error_weight, step_size};
use crate::error::Result;
use crate::limits::MAX_MAGNITUDE;
use crate::profile::Profile;

/// Slope of a level: d(distortion) / d(bit) of a uniform quantizer with unit step at high rate.
const LEVEL_SLOPE: f64 = 2.0 * std::f64::consts::LN_2 / 12.0;
/// Bits of a segment beside its symbols: directory entry, segment header, and what a lane's state holds idle.
const FIXED_BITS: f64 = 128.0;
const LANE_BITS: f64 = 24.0;

pub(crate) struct PlannedSegment {
    pub level: usize,
    pub pass: u8,
    /// Squared error removed, weighted by token.
    pub gain: f64,
    pub bytes: Vec<u8>,
}

pub(crate) struct BandPlan {
    /// In the order of their passes.
    pub segments: Vec<PlannedSegment>,
    /// Weighted squared error that is left at each planned level.
    pub distortions: Vec<f64>,
}

struct BandCoder<'a> {
    profile: &'a Profile,
    slopes: &'a [f64],
    scale_exponents: &'a [i8],
    order: &'a TokenOrder,
    /// Indices of each pass.
    indices: Vec<Vec<i32>>,
    /// Weighted squared error without a segment, then after each pass.
    distortions: Vec<f64>,
}

/// Plans the levels `levels`. `slopes`: of each level of the profile, over the usual one; below 1 more segments pay.
/// `coefficients`: n per coefficient of the band, in sorted token order.
pub(crate) fn plan_band(
    profile: &Profile,
    levels: Range<usize>,
    slopes: &[f64],
    scale_exponents: &[i8],
    order: &TokenOrder,
    coefficients: &[f32],
) -> Result<BandPlan> {
    let coder = BandCoder::new(profile, slopes, scale_exponents, order, coefficients);
    let mut plan = BandPlan { segments: Vec::new(), distortions: Vec::with_capacity(levels.len()) };
    let mut base_sizes: Vec<Option<(i8, f64)>> = vec![None; levels.end];
    let mut last: Option<usize> = None;
    for level in levels {
        if last.is_none() {
            for pass in (0..=level).rev() {
                let gain = coder.gain(None, pass);
                if !coder.pays(gain, coder.overhead(), level) || !coder.can_be_base(pass) {
                    continue;
                }
                let (shift, bits) = *base_sizes[pass].get_or_insert_with(|| coder.size(None, pass));
                if coder.pays(gain, bits, level) {
                    plan.segments.push(coder.code(None, pass, level, shift, gain)?);
                    last = Some(pass);
                    break;
                }
            }
        }
        while let Some(parent) = last.filter(|&pass| pass < level) {
            let gain = coder.gain(last, parent + 1);
            if !coder.pays(gain, coder.overhead(), level) {
                break;
            }
            let (shift, bits) = coder.size(last, parent + 1);
            if !coder.pays(gain, bits, level) {
                break;
            }
            plan.segments.push(coder.code(last, parent + 1, level, shift, gain)?);
            last = Some(parent + 1);
        }
        plan.distortions.push(coder.distortion(last));
    }
    Ok(plan)
}

impl<'a> BandCoder<'a> {
    fn new(
        profile: &'a Profile,
        slopes: &'a [f64],
        scale_exponents: &'a [i8],
        order: &'a TokenOrder,
        coefficients: &[f32],
    ) -> Self {
        let passes = profile.level_names.len();
        let mut indices: Vec<Vec<i32>> = vec![Vec::new(); passes];
        let steps = |pass: usize| -> Vec<f32> {
            let step = |&shift: &i8| step_size(profile.base_step, shift, pass as u8);
            order.shifts.iter().map(step).collect()
        };
        indices[passes - 1] = finest_indices(coefficients, &steps(passes - 1), passes - 1);
        for pass in (0..passes - 1).rev() {
            indices[pass] = indices[pass + 1].iter().map(|&index| coarser(index)).collect();
        }
        let weights: Vec<f32> = order.shifts.iter().map(|&shift| error_weight(shift)).collect();
        let mut distortions = vec![weighted_error(coefficients, None, &weights)];
        for (pass, indices) in indices.iter().enumerate() {
            distortions.push(weighted_error(coefficients, Some((indices, &steps(pass))), &weights));
        }
        Self { profile, slopes, scale_exponents, order, indices, distortions }
    }

    fn distortion(&self, last: Option<usize>) -> f64 {
        self.distortions[last.map_or(0, |pass| pass + 1)]
    }

    fn gain(&self, last: Option<usize>, pass: usize) -> f64 {
        self.distortion(last) - self.distortion(Some(pass))
    }

    fn pays(&self, gain: f64, bits: f64, level: usize) -> bool {
        let step = f64::from(step_size(self.profile.base_step, 0, level as u8));
        gain > 0.0 && gain >= LEVEL_SLOPE * self.slopes[level] * step * step * bits
    }

    fn overhead(&self) -> f64 {
        FIXED_BITS + LANE_BITS * self.order.lanes() as f64
    }

    /// Escapes code magnitudes of at most 2^20; at pass 0 that always holds.
    fn can_be_base(&self, pass: usize) -> bool {
        self.indices[pass].iter().all(|index| index.unsigned_abs() <= MAX_MAGNITUDE as u32)
    }

    /// Best class shift and size in bits of a segment.
    fn size(&self, parent: Option<usize>, pass: usize) -> (i8, f64) {
        let (shift, bits) = SymbolCounts::new(&self.input(parent, pass)).best_shift(self.profile);
        (shift, f64::from(bits) + self.overhead())
    }

    fn code(
        &self,
        parent: Option<usize>,
        pass: usize,
        level: usize,
        class_shift: i8,
        gain: f64,
    ) -> Result<PlannedSegment> {
        let bytes = code_segment(&self.input(parent, pass), class_shift)?;
        Ok(PlannedSegment { level, pass: pass as u8, gain, bytes })
    }

    fn input(&self, parent: Option<usize>, pass: usize) -> SegmentInput<'_> {
        SegmentInput {
            profile: self.profile,
            scale_exponents: self.scale_exponents,
            order: self.order,
            pass: pass as u8,
            indices: &self.indices[pass],
            parents: parent.map(|parent| self.indices[parent].as_slice()),
        }
    }
}

/// round(y / step), half away from zero; clamped so that pass 0 can be coded.
fn finest_indices(coefficients: &[f32], steps: &[f32], pass: usize) -> Vec<i32> {
    let inverse: Vec<f32> = steps.iter().map(|step| 1.0 / step).collect();
    let limit = (MAX_MAGNITUDE * 3i32.pow(pass as u32)) as f32;
    let mut indices = Vec::with_capacity(coefficients.len());
    for row in coefficients.chunks_exact(steps.len()) {
        indices.extend(row.iter().zip(&inverse).map(|(&value, &inverse)| {
            let scaled = (value * inverse).clamp(-limit, limit);
            // Rounds half away from zero; the cast truncates, and turns what is not a number into 0.
            (scaled + 0.5f32.copysign(scaled)) as i32
        }));
    }
    indices
}

/// Sum over all coefficients and tokens of weight * (y - index * step)^2.
fn weighted_error(coefficients: &[f32], decoded: Option<(&Vec<i32>, &Vec<f32>)>, weights: &[f32]) -> f64 {
    let tokens = weights.len();
    let mut sums = vec![0.0f32; tokens];
    let mut total = 0.0f64;
    for (number, row) in coefficients.chunks_exact(tokens).enumerate() {
        match decoded {
            None => sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value * value),
            Some((indices, steps)) => {
                let indices = &indices[number * tokens..(number + 1) * tokens];
                for (((sum, value), &index), step) in sums.iter_mut().zip(row).zip(indices).zip(steps) {
                    let error = value - index as f32 * step;
                    *sum += error * error;
                }
            }
        }
        // f32 sums of a few rows, then f64: fast and exact enough.
        if number % 16 == 15 {
            total += drain(&mut sums, weights);
        }
    }
    total + drain(&mut sums, weights)
}

fn drain(sums: &mut [f32], weights: &[f32]) -> f64 {
    let total = sums.iter().zip(weights).map(|(&sum, &weight)| f64::from(sum) * f64::from(weight)).sum();
    sums.fill(0.0);
    total
}
