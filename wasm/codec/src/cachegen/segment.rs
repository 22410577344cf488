//! Symbols of one segment (section 12.4).

use super::tables::Tables;
use crate::container::segment::{write_segment, SegmentParts};
use crate::error::Result;
use crate::rans::{Backend, EscapeReader, EscapeWriter, RefinementTables, RowEncoder, SegmentRows, LANES};

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
    let mut rows = RowEncoder::new(Backend::current());
    let mut escaped = false;
    for (number, &channel) in channels.iter().enumerate().rev() {
        let (anchors, end) = (number * tokens + spans.anchors(), (number + 1) * tokens);
        for (anchor, span) in [(false, anchors..end), (true, number * tokens..anchors)] {
            let class = class_of(channel, anchor);
            let count = span.len().div_ceil(LANES);
            match parents {
                None => escaped |= rows.encode_base(&[&class.base; MAX_ROWS][..count], &indices[span]),
                Some(parents) => {
                    let tables = RefinementTables { zero: &class.zero, nonzero: &class.nonzero };
                    let parents = &parents[span.clone()];
                    rows.encode_refinement(&[tables; MAX_ROWS][..count], &indices[span], parents);
                }
            }
        }
    }
    let mut escapes = EscapeWriter::default();
    if escaped {
        for (&channel, indices) in channels.iter().zip(indices.chunks_exact(tokens)) {
            let (anchors, others) = indices.split_at(spans.anchors());
            for (anchor, indices) in [(true, anchors), (false, others)] {
                let class = class_of(channel, anchor);
                for &index in indices.iter().filter(|index| index.unsigned_abs() > u32::from(class.alphabet))
                {
                    escapes.write(index, class.alphabet, class.escape_order);
                }
            }
        }
    }
    write_segment(0, spans.lanes(), &rows, &escapes.into_bytes())
}
