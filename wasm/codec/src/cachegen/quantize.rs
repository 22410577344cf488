//! The encoder's integers: means, gains, steps and indices of one plane.

use half::slice::{HalfBitsSliceExt, HalfFloatSliceExt};
use kvedge_codec_simd::parent_of;

use super::layout::TokenSpans;
use super::predict::{power, Channel};
use super::tables::{PlaneTables, CLASSES_PER_PASS, CLASS_BITS, GAINS, MAX_CLASS};

/// Step at pass 0 over a plane's deviation. Coarser steps for deeper layers, as in the paper, were measured and lost.
const STEP_PER_DEVIATION: f32 = 1.5;
/// Means cost a byte a channel; fewer tokens do not pay for them.
const MIN_TOKENS_FOR_MEANS: usize = 16;
/// Deviation of class 0 over the step is 3^-3.
const FIRST_CLASS_PASSES: f32 = 3.0;
/// Indices at pass 0 stay below 2^15, well within what escapes can code.
const MAX_INDEX: f32 = 32768.0;
const SMALLEST_STEP: f32 = 1.0 / 16_777_216.0;

/// A plane that is quantized but not coded yet.
pub struct Quantized {
    pub tables: PlaneTables,
    /// Indices at the last pass, n per channel with anchors first.
    pub finest: Vec<i32>,
    /// Mean class difference of anchors by gain: sum and count.
    pub anchor_shifts: [(f32, u32); GAINS],
    /// Squared error without any pass, then after each, over the squared step.
    pub errors: Vec<f64>,
    /// Squared deviation from the means over the squared step.
    pub energy: f64,
}

impl Quantized {
    /// `bits`: fp16 rows of the coded tokens. `divisor`: how much finer than `draft` the first pass is.
    pub fn new(bits: &[u16], dim: usize, spans: &TokenSpans, divisor: f32, passes: u8) -> Self {
        let mut rows = vec![0.0f32; bits.len()];
        bits.reinterpret_cast::<half::f16>().convert_to_f32_slice(&mut rows);
        let (means, deviation, largest) = statistics(&rows, dim);
        let step = (deviation * STEP_PER_DEVIATION / divisor).max(largest / MAX_INDEX).max(SMALLEST_STEP);

        let mean_step = match means.iter().fold(0.0f32, |most, mean| most.max(mean.abs())) / 127.0 {
            unit if spans.tokens >= MIN_TOKENS_FOR_MEANS && unit > SMALLEST_STEP => unit,
            _ => 0.0,
        };
        let means = match mean_step {
            0.0 => Vec::new(),
            unit => means.iter().map(|mean| (mean / unit).round() as i8).collect(),
        };
        let tables = PlaneTables { step, mean_step, channels: vec![0; dim], means };
        let count = usize::from(passes) + 1;
        let finest = vec![0; rows.len()];
        let mut plane =
            Self { tables, finest, anchor_shifts: [(0.0, 0); GAINS], errors: vec![0.0; count], energy: 0.0 };
        if spans.tokens > 0 {
            let places: Vec<usize> = (0..spans.tokens).map(|place| spans.token_at(place)).collect();
            let mut column = vec![0.0f32; spans.tokens];
            for channel in 0..dim {
                for (value, &token) in column.iter_mut().zip(&places) {
                    *value = rows[token * dim + channel];
                }
                plane.quantize_channel(channel, &column, spans, passes);
            }
        }
        plane
    }

    /// `column`: the channel's values, anchors first.
    fn quantize_channel(&mut self, channel: usize, column: &[f32], spans: &TokenSpans, passes: u8) {
        let mean = self.tables.mean(channel);
        let gain = best_gain(column, mean, spans);
        self.tables.channels[channel] = gain << CLASS_BITS;
        let tokens = column.len();
        let anchors = spans.anchors();
        let finest = &mut self.finest[channel * tokens..(channel + 1) * tokens];
        let scale = power(passes - 1);
        let step = self.tables.step / scale;
        // What anchors predict does not depend on the pass.
        let predictor = Channel::new(&self.tables, channel, 0);
        for (index, &value) in finest.iter_mut().zip(&column[..anchors]) {
            *index = nearest((value - mean) / step);
        }
        let per_anchor = (spans.span - 1).max(1);
        let (anchor_indices, others) = finest.split_at_mut(anchors);
        let groups = others.chunks_mut(per_anchor).zip(column[anchors..].chunks(per_anchor));
        for ((indices, values), &anchor) in groups.zip(&*anchor_indices) {
            let base = (1..passes).fold(anchor, |index, _| parent_of(index));
            let predicted = predictor.predict(base);
            for (index, value) in indices.iter_mut().zip(values) {
                *index = nearest((value - predicted) / step);
            }
        }

        let classes = [&finest[anchors..], &finest[..anchors]].map(|part| class_of(part, passes));
        let class = classes[0].or(classes[1]).unwrap_or(0.0);
        self.tables.channels[channel] |= (class.round() as u8).min(MAX_CLASS);
        if let [Some(others), Some(anchors)] = classes {
            let (sum, count) = &mut self.anchor_shifts[usize::from(gain)];
            *sum += anchors - others;
            *count += 1;
        }
        self.add_errors(channel, column, spans, passes);
    }

    fn add_errors(&mut self, channel: usize, column: &[f32], spans: &TokenSpans, passes: u8) {
        let tokens = column.len();
        let mut indices = self.finest[channel * tokens..(channel + 1) * tokens].to_vec();
        let mut values = vec![0.0f32; tokens];
        let unit = f64::from(self.tables.step) * f64::from(self.tables.step);
        let squared = |values: &[f32]| {
            let error = |(a, b): (&f32, &f32)| f64::from(a - b) * f64::from(a - b);
            values.iter().zip(column).map(error).sum::<f64>() / unit
        };
        for pass in (0..passes).rev() {
            let decoder = Channel::new(&self.tables, channel, pass);
            decoder.values(spans, &indices, &mut values);
            self.errors[usize::from(pass) + 1] += squared(&values);
            indices.iter_mut().for_each(|index| *index = parent_of(*index));
        }
        values.fill(self.tables.mean(channel));
        self.errors[0] += squared(&values);
        self.energy += squared(&values);
    }
}

/// Mean of each channel; root mean square deviation from them over all channels; largest magnitude.
fn statistics(rows: &[f32], dim: usize) -> (Vec<f32>, f32, f32) {
    let tokens = (rows.len() / dim).max(1) as f64;
    let mut sums = vec![(0.0f64, 0.0f64); dim];
    for row in rows.chunks_exact(dim) {
        for ((sum, squares), &value) in sums.iter_mut().zip(row) {
            *sum += f64::from(value);
            *squares += f64::from(value) * f64::from(value);
        }
    }
    let variance: f64 =
        sums.iter().map(|(sum, squares)| squares / tokens - (sum / tokens) * (sum / tokens)).sum();
    let means = sums.iter().map(|(sum, _)| (sum / tokens) as f32).collect();
    let largest = rows.iter().fold(0.0f32, |most, value| most.max(value.abs()));
    (means, (variance / dim as f64).max(0.0).sqrt() as f32, largest)
}

/// Number of the gain with which anchors predict the tokens after them best.
fn best_gain(column: &[f32], mean: f32, spans: &TokenSpans) -> u8 {
    let (anchors, others) = column.split_at(spans.anchors());
    let (mut products, mut squares) = (0.0f32, 0.0f32);
    for (group, anchor) in others.chunks((spans.span - 1).max(1)).zip(anchors) {
        let anchor = anchor - mean;
        products += group.iter().map(|value| (value - mean) * anchor).sum::<f32>();
        squares += anchor * anchor * group.len() as f32;
    }
    let gain = if squares > 0.0 { products / squares } else { 0.0 };
    (gain * 3.0).round().clamp(0.0, 3.0) as u8
}

/// Class of the scale of indices at the last pass; `None` for no indices.
fn class_of(finest: &[i32], passes: u8) -> Option<f32> {
    if finest.is_empty() {
        return None;
    }
    let squares: f64 = finest.iter().map(|&index| f64::from(index) * f64::from(index)).sum();
    let deviation = (squares / finest.len() as f64).sqrt() as f32 / power(passes - 1);
    let class = CLASSES_PER_PASS as f32 * (deviation.log(3.0) + FIRST_CLASS_PASSES);
    Some(class.clamp(0.0, f32::from(MAX_CLASS)))
}

/// Rounds half away from zero.
fn nearest(scaled: f32) -> i32 {
    (scaled + 0.5f32.copysign(scaled)) as i32
}
