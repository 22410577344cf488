//! Coding of one segment: the mirror of `decode`.

use super::decode::{class_index, RowTables};
use super::order::TokenOrder;
use crate::container::segment::write_segment;
use crate::error::Result;
use crate::profile::Profile;
use crate::rans::{Backend, EscapeWriter, RowEncoder};

/// What one segment codes: n indices per coefficient in sorted token order, and for a refinement their parents.
pub(super) struct SegmentInput<'a> {
    pub profile: &'a Profile,
    pub scale_exponents: &'a [i8],
    pub order: &'a TokenOrder,
    pub pass: u8,
    pub indices: &'a [i32],
    /// `None` for a base segment.
    pub parents: Option<&'a [i32]>,
}

/// The bytes of a segment (section 6.7).
pub(super) fn code_segment(input: &SegmentInput<'_>, class_shift: i8) -> Result<Vec<u8>> {
    let tokens = input.order.len();
    let mut rows = RowEncoder::new(Backend::current());
    let mut tables = RowTables::default();
    let mut escaped = false;
    for (coefficient, &exponent) in input.scale_exponents.iter().enumerate().rev() {
        tables.select(input.profile, input.order, exponent, input.pass, class_shift);
        let span = coefficient * tokens..(coefficient + 1) * tokens;
        match input.parents {
            None => escaped |= rows.encode_base(&tables.base, &input.indices[span]),
            Some(parents) => {
                rows.encode_refinement(&tables.refinements, &input.indices[span.clone()], &parents[span]);
            }
        }
    }
    let escapes = if escaped { escapes(input, class_shift) } else { Vec::new() };
    write_segment(class_shift, input.order.lanes(), &rows, &escapes)
}

/// Escape bits of a base segment, in decoding order.
fn escapes(input: &SegmentInput<'_>, class_shift: i8) -> Vec<u8> {
    let mut writer = EscapeWriter::default();
    let rows_of_tokens = input.indices.chunks_exact(input.order.len());
    for (&exponent, indices) in input.scale_exponents.iter().zip(rows_of_tokens) {
        for row in &input.order.rows {
            let class = input.profile.class(class_index(exponent, input.pass, class_shift, row));
            for &index in &indices[row.start..row.start + row.count] {
                if index.unsigned_abs() > u32::from(class.alphabet) {
                    writer.write(index, class.alphabet, class.escape_order);
                }
            }
        }
    }
    writer.into_bytes()
}
