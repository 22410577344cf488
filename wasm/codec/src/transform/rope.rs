//! Rotary embedding with llama.cpp's angles (section 6.3).

use crate::profile::{Rope, RopeLayout};

/// cos and sin of every pair at every position of a chunk; the same for all heads and layers.
pub(crate) struct Rotation {
    layout: RopeLayout,
    pairs: usize,
    /// `pairs` of (cos, sin) per position.
    table: Vec<(f32, f32)>,
}

impl Rotation {
    /// For `count` positions from `first` on.
    pub fn new(rope: &Rope, first: u64, count: usize) -> Self {
        let pairs = if rope.layout == RopeLayout::None { 0 } else { usize::from(rope.dims / 2) };
        let factor = f64::from(rope.freq_base).powf(-2.0 / f64::from(rope.dims.max(2))) as f32;
        let mut table = Vec::with_capacity(pairs * count);
        for position in 0..count {
            let mut theta = (first + position as u64) as f32;
            for pair in 0..pairs {
                let divisor = rope.factors.get(pair).copied().unwrap_or(1.0);
                let (sin, cos) = (rope.freq_scale * (theta / divisor)).sin_cos();
                table.push((cos, sin));
                theta *= factor;
            }
        }
        Self { layout: rope.layout, pairs, table }
    }

    /// Rotates every head of a token's keys.
    pub fn apply(&self, position: usize, keys: &mut [f32], head_dim: usize) {
        self.rotate(position, keys, head_dim, 1.0);
    }

    /// The inverse rotation.
    pub fn undo(&self, position: usize, keys: &mut [f32], head_dim: usize) {
        self.rotate(position, keys, head_dim, -1.0);
    }

    fn rotate(&self, position: usize, keys: &mut [f32], head_dim: usize, direction: f32) {
        let angles = &self.table[position * self.pairs..(position + 1) * self.pairs];
        let turn = |a: &mut f32, b: &mut f32, (cos, sin): (f32, f32)| {
            let sin = sin * direction;
            (*a, *b) = (*a * cos - *b * sin, *a * sin + *b * cos);
        };
        for head in keys.chunks_exact_mut(head_dim) {
            match self.layout {
                RopeLayout::None => {}
                RopeLayout::Interleaved => {
                    for ([a, b], &angle) in head.as_chunks_mut::<2>().0.iter_mut().zip(angles) {
                        turn(a, b, angle);
                    }
                }
                RopeLayout::Halves => {
                    let (low, high) = head[..2 * self.pairs].split_at_mut(self.pairs);
                    for ((a, b), &angle) in low.iter_mut().zip(high).zip(angles) {
                        turn(a, b, angle);
                    }
                }
            }
        }
    }
}
