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

use kvedge_codec_simd::{add_squared_errors, coarser, quantize, Backend};

use super::code::{code_segment, SegmentInput};
use super::cost::SymbolCounts;
use super::order::TokenOrder;
use super::step::{error_weight, step_size};
use crate::error::Result;
use crate::limits::MAX_MAGNITUDE;
use crate::profile::Profile;
use crate::scratch::Buffer;

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
    /// Indices of each pass in turn, as bits.
    indices: Buffer<'a>,
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
        let backend = Backend::current();
        let passes = profile.level_names.len();
        let tokens = order.len();
        let steps: Vec<Vec<f32>> = (0..passes)
            .map(|pass| {
                order.shifts.iter().map(|&shift| step_size(profile.base_step, shift, pass as u8)).collect()
            })
            .collect();
        let inverse: Vec<f32> = steps[passes - 1].iter().map(|step| 1.0 / step).collect();
        // So that pass 0 can be coded.
        let limit = (MAX_MAGNITUDE * 3i32.pow(passes as u32 - 1)) as f32;
        let mut indices = profile.scratch.take(passes * coefficients.len());
        let mut by_pass: Vec<&mut [i32]> =
            bytemuck::cast_slice_mut(&mut indices).chunks_exact_mut(coefficients.len()).collect();
        let mut errors = ErrorSums::new(order, passes + 1);
        // Row after row, so that each stays in the cache for all passes.
        for (number, values) in coefficients.chunks_exact(tokens).enumerate() {
            let row = number * tokens..(number + 1) * tokens;
            quantize(backend, values, &inverse, limit, &mut by_pass[passes - 1][row.clone()]);
            for pass in (0..passes - 1).rev() {
                let (coarse, fine) = by_pass.split_at_mut(pass + 1);
                coarser(backend, &fine[0][row.clone()], &mut coarse[pass][row.clone()]);
            }
            let (whole, sums) = errors.sums.split_at_mut(1);
            whole[0].iter_mut().zip(values).for_each(|(sum, value)| *sum += value * value);
            for ((indices, steps), sums) in by_pass.iter().zip(&steps).zip(sums) {
                add_squared_errors(backend, values, &indices[row.clone()], steps, sums);
            }
            // f32 sums of a few rows, then f64: fast and exact enough.
            if number % 16 == 15 {
                errors.drain();
            }
        }
        errors.drain();
        Self { profile, slopes, scale_exponents, order, indices, distortions: errors.totals }
    }

    fn indices(&self, pass: usize) -> &[i32] {
        let len = self.scale_exponents.len() * self.order.len();
        bytemuck::cast_slice(&self.indices[pass * len..(pass + 1) * len])
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
        let within = |index: &i32| index.unsigned_abs() <= MAX_MAGNITUDE as u32;
        // Not `all` alone: a loop without an exit is a vector loop.
        self.indices(pass).chunks(1024).all(|some| some.iter().fold(true, |held, index| held & within(index)))
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
            indices: self.indices(pass),
            parents: parent.map(|parent| self.indices(parent)),
        }
    }
}

/// Weighted sums of squared errors: without a segment, then after each pass.
struct ErrorSums {
    /// By token.
    sums: Vec<Vec<f32>>,
    weights: Vec<f32>,
    totals: Vec<f64>,
}

impl ErrorSums {
    fn new(order: &TokenOrder, count: usize) -> Self {
        let weights = order.shifts.iter().map(|&shift| error_weight(shift)).collect();
        Self { sums: vec![vec![0.0; order.len()]; count], weights, totals: vec![0.0; count] }
    }

    /// Adds the sums by token to the totals.
    fn drain(&mut self) {
        for (sums, total) in self.sums.iter_mut().zip(&mut self.totals) {
            let weighted = sums.iter().zip(&self.weights);
            *total += weighted.map(|(&sum, &weight)| f64::from(sum) * f64::from(weight)).sum::<f64>();
            sums.fill(0.0);
        }
    }
}
