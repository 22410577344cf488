//! Coding of one segment: the mirror of `decode`.

use super::decode::class_index;
use super::order::TokenOrder;
use crate::container::segment::write_segment;
use crate::error::Result;
use crate::profile::Profile;
use crate::rans::{EscapeWriter, RowEncoder};

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

/// Symbol 0, 1 or 2 of a refinement: r * sign(parent) + 1.
#[inline]
pub(crate) fn refinement_symbol(index: i32, parent: i32) -> u8 {
    let r = index - 3 * parent;
    (if parent < 0 { 1 - r } else { 1 + r }) as u8
}

/// The bytes of a segment (section 6.7).
pub(super) fn code_segment(input: &SegmentInput<'_>, class_shift: i8) -> Result<Vec<u8>> {
    let tokens = input.order.len();
    let mut lanes = RowEncoder::new(input.order.lanes());
    for (coefficient, &exponent) in input.scale_exponents.iter().enumerate().rev() {
        for row in input.order.rows.iter().rev() {
            let class = input.profile.class(class_index(exponent, input.pass, class_shift, row));
            let start = coefficient * tokens + row.start;
            let indices = &input.indices[start..start + row.count];
            match input.parents {
                None => {
                    let coding = |&index| class.base.coding(base_symbol(index, class.alphabet));
                    lanes.encode(indices.iter().map(coding));
                }
                Some(parents) => {
                    let parents = &parents[start..start + row.count];
                    let tables = [&class.zero, &class.nonzero];
                    lanes.encode(indices.iter().zip(parents).map(|(&index, &parent)| {
                        tables[usize::from(parent != 0)].coding(refinement_symbol(index, parent))
                    }));
                }
            }
        }
    }
    let mut coded = Vec::new();
    lanes.finish(&mut coded);
    write_segment(class_shift, &coded, &escapes(input, class_shift))
}

/// Symbol of an index in a base segment: its offset from -A, or the escape.
#[inline]
pub(crate) fn base_symbol(index: i32, alphabet: u8) -> u8 {
    if index.unsigned_abs() > u32::from(alphabet) {
        2 * alphabet + 1
    } else {
        (index + i32::from(alphabet)) as u8
    }
}

/// Escape bits, in decoding order.
fn escapes(input: &SegmentInput<'_>, class_shift: i8) -> Vec<u8> {
    let mut writer = EscapeWriter::default();
    if input.parents.is_some() {
        return writer.into_bytes();
    }
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
