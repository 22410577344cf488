//! Symbols of one segment (sections 6.5 and 6.6).
//!
//! ```text
//! for each coefficient of the band, for each row:
//!     class = clamp(scaleExponent + 8 * pass + classShift - 2 * rowShift)
//!     base:        q = symbol - A, or the next escape
//!     refinement:  r = symbol - 1, times the parent's sign unless the parent is 0;  q = 3 * parent + r
//! ```

use super::order::{Row, TokenOrder};
use crate::container::segment::SegmentParts;
use crate::error::Result;
use crate::profile::{Class, Profile};
use crate::rans::{EscapeReader, RowDecoder, LANES};

/// Decodes a segment into `indices`, n per coefficient of the band in sorted token order. A refinement reads its parents
/// there and replaces them.
pub fn decode_segment(
    profile: &Profile,
    scale_exponents: &[i8],
    pass: u8,
    refinement: bool,
    parts: &SegmentParts<'_>,
    order: &TokenOrder,
    indices: &mut [i32],
) -> Result<()> {
    let mut rows = RowDecoder::new(parts.states, parts.words)?;
    let mut escapes = EscapeReader::new(parts.escapes);
    for (&exponent, indices) in scale_exponents.iter().zip(indices.chunks_exact_mut(order.len())) {
        for row in &order.rows {
            let class = profile.class(class_index(exponent, pass, parts.class_shift, row));
            let indices = &mut indices[row.start..row.start + row.count];
            if refinement {
                refine_row(&mut rows, class, indices)?;
            } else {
                base_row(&mut rows, &mut escapes, class, indices)?;
            }
        }
    }
    rows.finish()?;
    escapes.finish()
}

pub(super) fn class_index(exponent: i8, pass: u8, class_shift: i8, row: &Row) -> i32 {
    i32::from(exponent) + 8 * i32::from(pass) + i32::from(class_shift) - 2 * i32::from(row.shift)
}

fn base_row(
    rows: &mut RowDecoder<'_>,
    escapes: &mut EscapeReader<'_>,
    class: &Class,
    indices: &mut [i32],
) -> Result<()> {
    let mut symbols = [0u8; LANES];
    rows.decode(&class.base, indices.len(), &mut symbols)?;
    let mut escaped = false;
    for (index, &symbol) in indices.iter_mut().zip(&symbols) {
        *index = i32::from(symbol) - i32::from(class.alphabet);
        escaped |= symbol == class.escape_symbol();
    }
    if escaped {
        for (index, &symbol) in indices.iter_mut().zip(&symbols) {
            if symbol == class.escape_symbol() {
                *index = escapes.read(class.alphabet, class.escape_order)?;
            }
        }
    }
    Ok(())
}

fn refine_row(rows: &mut RowDecoder<'_>, class: &Class, indices: &mut [i32]) -> Result<()> {
    let mut parents = [0i32; LANES];
    parents.iter_mut().zip(indices.iter()).for_each(|(parent, &index)| *parent = index);
    let mut symbols = [0u8; LANES];
    rows.decode_refinement(&class.zero, &class.nonzero, &parents, indices.len(), &mut symbols)?;
    for ((index, &parent), &symbol) in indices.iter_mut().zip(&parents).zip(&symbols) {
        let outward = i32::from(symbol) - 1;
        *index = 3 * parent + if parent < 0 { -outward } else { outward };
    }
    Ok(())
}
