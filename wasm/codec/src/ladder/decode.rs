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
use crate::rans::{EscapeReader, RefinementTables, SegmentRows, Table, LANES};

/// What a segment is, beside its bytes.
pub struct SegmentSource<'a> {
    pub profile: &'a Profile,
    pub scale_exponents: &'a [i8],
    pub pass: u8,
    pub refinement: bool,
}

/// Decodes a segment into `indices`, n per coefficient of the band in sorted token order. A refinement reads its parents
/// there and replaces them. `decoded` is called with those of each coefficient while they are in the cache.
pub fn decode_segment(
    source: &SegmentSource<'_>,
    parts: &SegmentParts<'_>,
    order: &TokenOrder,
    indices: &mut [i32],
    decoded: impl Fn(&mut [i32]),
) -> Result<()> {
    let mut rows = SegmentRows::new(parts.states, parts.words)?;
    let mut escapes = EscapeReader::new(parts.escapes);
    let mut tables = RowTables::default();
    for (&exponent, indices) in source.scale_exponents.iter().zip(indices.chunks_exact_mut(order.len())) {
        tables.select(source.profile, order, exponent, source.pass, parts.class_shift);
        if source.refinement {
            rows.refine(&tables.refinements, indices)?;
        } else if rows.base(&tables.base, indices)? {
            read_escapes(&mut escapes, &tables.classes, indices)?;
        }
        decoded(indices);
    }
    rows.finish()?;
    escapes.finish()
}

/// Classes of a coefficient's rows, and their tables.
#[derive(Default)]
pub(super) struct RowTables<'a> {
    exponent: Option<i8>,
    classes: Vec<&'a Class>,
    pub base: Vec<&'a Table>,
    pub refinements: Vec<RefinementTables<'a>>,
}

impl<'a> RowTables<'a> {
    /// Looks them up; always with the same pass, class shift and order.
    pub fn select(
        &mut self,
        profile: &'a Profile,
        order: &TokenOrder,
        exponent: i8,
        pass: u8,
        class_shift: i8,
    ) {
        // Neighbouring coefficients often have the same scale.
        if self.exponent.replace(exponent) == Some(exponent) {
            return;
        }
        let class_of = |row| profile.class(class_index(exponent, pass, class_shift, row));
        self.classes.clear();
        self.classes.extend(order.rows.iter().map(class_of));
        self.base.clear();
        self.base.extend(self.classes.iter().map(|class| &class.base));
        self.refinements.clear();
        let tables = |class: &&'a Class| RefinementTables { zero: &class.zero, nonzero: &class.nonzero };
        self.refinements.extend(self.classes.iter().map(tables));
    }
}

pub(super) fn class_index(exponent: i8, pass: u8, class_shift: i8, row: &Row) -> i32 {
    i32::from(exponent) + 8 * i32::from(pass) + i32::from(class_shift) - 2 * i32::from(row.shift)
}

/// Puts the escaped values of one coefficient in place of A + 1.
fn read_escapes(escapes: &mut EscapeReader<'_>, classes: &[&Class], indices: &mut [i32]) -> Result<()> {
    for (row, class) in indices.chunks_mut(LANES).zip(classes) {
        for index in row.iter_mut().filter(|index| **index > i32::from(class.alphabet)) {
            *index = escapes.read(class.alphabet, class.escape_order)?;
        }
    }
    Ok(())
}
