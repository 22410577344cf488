//! What a segment covers, and in which order (sections 12.3 and 12.4).

use std::ops::Range;

use crate::bytes::in_range;
use crate::container::header::Header;
use crate::error::Result;
use crate::geometry::Geometry;

/// Band 0 holds the keys of a group's layers, band 1 the values.
pub const BANDS: usize = 2;
const MAX_GROUPS: u16 = 256;

/// Layers of a group, so that there are at most 256 groups; the last may have fewer.
fn layers_per_group(layers: u16) -> u16 {
    layers.div_ceil(MAX_GROUPS)
}

pub fn group_count(layers: u16) -> usize {
    usize::from(layers.div_ceil(layers_per_group(layers)))
}

pub fn layers_of_group(layers: u16, group: u8) -> Range<u16> {
    let span = layers_per_group(layers);
    let first = u16::from(group) * span;
    first..(first + span).min(layers)
}

/// Planes of a (group, band), rising.
pub fn planes_of(geometry: &Geometry, group: u8, band: usize) -> impl Iterator<Item = usize> {
    layers_of_group(geometry.layers, group).map(move |layer| 2 * usize::from(layer) + band)
}

/// Groups and bands must exist, and a band begins with pass 0.
pub(crate) fn check_directory(header: &Header) -> Result<()> {
    let mut begun = [[false; BANDS]; MAX_GROUPS as usize];
    let last = (group_count(header.geometry.layers) - 1) as u8;
    for segment in &header.segments {
        in_range(segment.group, 0, last, "segment group")?;
        in_range(segment.band, 0, BANDS as u8 - 1, "segment band")?;
        let begun = &mut begun[usize::from(segment.group)][usize::from(segment.band)];
        if !std::mem::replace(begun, true) {
            in_range(segment.pass, 0, 0, "first pass of a band")?;
        }
    }
    Ok(())
}

/// The coded tokens of a chunk: anchors first, then the others, both by position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenSpans {
    /// Coded tokens.
    pub tokens: usize,
    /// Every span-th of them is an anchor, from the first on.
    pub span: usize,
}

impl TokenSpans {
    pub fn anchors(&self) -> usize {
        self.tokens.div_ceil(self.span)
    }

    /// The coded token at a place of a channel's row.
    #[inline]
    pub fn token_at(&self, place: usize) -> usize {
        match place.checked_sub(self.anchors()) {
            None => place * self.span,
            // span - 1 others follow each anchor.
            Some(other) => other / (self.span - 1).max(1) * self.span + 1 + other % (self.span - 1).max(1),
        }
    }

    /// Lanes in use: the longest row.
    pub fn lanes(&self) -> usize {
        self.anchors().max(self.tokens - self.anchors()).min(crate::rans::LANES)
    }
}
