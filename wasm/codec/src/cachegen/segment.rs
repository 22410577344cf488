//! Symbols of one segment (section 12.4).

use super::layout::TokenSpans;
use super::tables::Tables;
use crate::container::segment::{write_segment, SegmentParts};
use crate::error::Result;
use crate::ladder::{base_symbol, refinement_symbol};
use crate::profile::Class;
use crate::rans::{EscapeReader, EscapeWriter, RefinementTables, RowEncoder, SegmentRows, Table, LANES};

/// Rows of anchors, then of other tokens: the two parts of a channel's indices.
fn parts<'a>(spans: &TokenSpans, indices: &'a [i32]) -> [(bool, &'a [i32]); 2] {
    let (anchors, others) = indices.split_at(spans.anchors());
    [(true, anchors), (false, others)]
}

/// Decodes a segment into `indices`, n per channel with anchors first; a refinement replaces its parents.
pub fn decode_segment(
    tables: &Tables,
    channels: &[u8],
    pass: u8,
    parts: &SegmentParts<'_>,
    indices: &mut [i32],
) -> Result<()> {
    let spans = &tables.spans;
    let mut rows = SegmentRows::new(parts.states, parts.words)?;
    let mut escapes = EscapeReader::new(parts.escapes);
    for (&channel, indices) in channels.iter().zip(indices.chunks_exact_mut(spans.tokens)) {
        let (anchors, others) = indices.split_at_mut(spans.anchors());
        for (anchor, indices) in [(true, anchors), (false, others)] {
            let class = tables.class(channel, anchor, pass, parts.class_shift);
            let count = indices.len().div_ceil(LANES);
            if pass > 0 {
                let tables = RefinementTables { zero: &class.zero, nonzero: &class.nonzero };
                rows.refine(&[tables; MAX_ROWS][..count], indices)?;
            } else if rows.base(&[&class.base; MAX_ROWS][..count], indices)? {
                for index in indices.iter_mut().filter(|index| **index > i32::from(class.alphabet)) {
                    *index = escapes.read(class.alphabet, class.escape_order)?;
                }
            }
        }
    }
    rows.finish()?;
    escapes.finish()
}

/// 256 tokens in rows of 32.
const MAX_ROWS: usize = crate::limits::MAX_CHUNK_TOKENS / LANES;

/// The bytes of a segment (section 6.7); `parents` for a refinement.
pub fn code_segment(
    tables: &Tables,
    channels: &[u8],
    pass: u8,
    indices: &[i32],
    parents: Option<&[i32]>,
) -> Result<Vec<u8>> {
    let spans = &tables.spans;
    let tokens = spans.tokens;
    let class_of = |channel: u8, anchor: bool| tables.class(channel, anchor, pass, 0);
    let mut lanes = RowEncoder::new(spans.lanes());
    for (number, &channel) in channels.iter().enumerate().rev() {
        let own = number * tokens..(number + 1) * tokens;
        let parents = parents.map(|parents| parts(spans, &parents[own.clone()]));
        for (half, (anchor, indices)) in parts(spans, &indices[own]).into_iter().enumerate().rev() {
            let class = class_of(channel, anchor);
            for (row, indices) in indices.chunks(LANES).enumerate().rev() {
                match parents {
                    None => lanes.encode(indices.iter().map(|&index| base_coding(class, index))),
                    Some(parents) => {
                        let parents = &parents[half].1[row * LANES..][..indices.len()];
                        let tables: [&Table; 2] = [&class.zero, &class.nonzero];
                        lanes.encode(indices.iter().zip(parents).map(|(&index, &parent)| {
                            tables[usize::from(parent != 0)].coding(refinement_symbol(index, parent))
                        }));
                    }
                }
            }
        }
    }
    let mut coded = Vec::new();
    lanes.finish(&mut coded);
    let mut escapes = EscapeWriter::default();
    if parents.is_none() {
        for (&channel, indices) in channels.iter().zip(indices.chunks_exact(tokens)) {
            for (anchor, indices) in parts(spans, indices) {
                let class = class_of(channel, anchor);
                for &index in indices.iter().filter(|index| index.unsigned_abs() > u32::from(class.alphabet))
                {
                    escapes.write(index, class.alphabet, class.escape_order);
                }
            }
        }
    }
    write_segment(0, &coded, &escapes.into_bytes())
}

fn base_coding(class: &Class, index: i32) -> &kvedge_codec_simd::Coding {
    class.base.coding(base_symbol(index, class.alphabet))
}
