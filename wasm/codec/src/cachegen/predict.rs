//! From integers to values (section 12.2), shared by encoder and decoder so that anchors predict the same in both.

use kvedge_codec_simd::parent_of;

use super::layout::TokenSpans;
use super::tables::PlaneTables;

/// 3^e.
pub fn power(exponent: u8) -> f32 {
    3f32.powi(i32::from(exponent))
}

/// What a channel's values are made of at one pass.
pub struct Channel {
    mean: f32,
    gain: f32,
    /// At pass 0, and at the pass.
    base_step: f32,
    step: f32,
    pass: u8,
}

impl Channel {
    pub fn new(plane: &PlaneTables, channel: usize, pass: u8) -> Self {
        Self {
            mean: plane.mean(channel),
            gain: plane.gain(channel) as f32 / 3.0,
            base_step: plane.step,
            step: plane.step / power(pass),
            pass,
        }
    }

    /// Values of the channel's tokens from their indices, both in rows of anchors, then others.
    pub fn values(&self, spans: &TokenSpans, indices: &[i32], values: &mut [f32]) {
        let (anchors, others) = indices.split_at(spans.anchors());
        let (anchor_values, other_values) = values.split_at_mut(anchors.len());
        for (value, &index) in anchor_values.iter_mut().zip(anchors) {
            *value = self.mean + index as f32 * self.step;
        }
        let per_anchor = (spans.span - 1).max(1);
        let groups = others.chunks(per_anchor).zip(other_values.chunks_mut(per_anchor));
        for ((others, values), &anchor) in groups.zip(anchors) {
            let base = (0..self.pass).fold(anchor, |index, _| parent_of(index));
            let predicted = self.predict(base);
            for (value, &index) in values.iter_mut().zip(others) {
                *value = predicted + index as f32 * self.step;
            }
        }
    }

    /// What an anchor with this index at pass 0 says of the tokens after it.
    pub fn predict(&self, anchor: i32) -> f32 {
        self.mean + self.gain * (anchor as f32 * self.base_step)
    }
}
