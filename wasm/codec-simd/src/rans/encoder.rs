//! Row-wise encoding: the decoder run backwards, from the last row and lane to the first.

use super::table::{Coding, SCALE, SCALE_BITS};
use super::{RefinementTables, Table, LANES, LOW};
use crate::backend::Backend;
#[cfg(target_arch = "x86_64")]
use crate::backend::Kind;

/// States of all lanes, and the words that they gave.
#[repr(align(64))]
pub(crate) struct Output {
    pub states: [u32; LANES],
    /// In the reverse of their order in the stream.
    pub words: Vec<u16>,
}

/// Encodes ladder indices as rows of symbols. Call with the coefficients of a segment in falling order.
pub struct RowEncoder {
    backend: Backend,
    output: Output,
}

impl RowEncoder {
    pub fn new(backend: Backend) -> Self {
        Self { backend, output: Output { states: [LOW; LANES], words: Vec::new() } }
    }

    /// Codes the base symbols of a coefficient, 32 to a row with one table for each row. A magnitude above A becomes an
    /// escape. Returns whether there were any.
    ///
    /// # Panics
    /// When there is not one table for each row.
    pub fn encode_base(&mut self, tables: &[&Table], indices: &[i32]) -> bool {
        assert_eq!(tables.len(), indices.len().div_ceil(LANES), "one table for each row");
        match self.backend.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: a `Backend` exists only where its instruction set does.
            Kind::Avx512 => unsafe { super::avx512_encode::base(&mut self.output, tables, indices) },
            _ => base(&mut self.output, tables, indices),
        }
    }

    /// Codes refinements of `parents` to `indices`, 32 to a row with one pair of tables for each row.
    ///
    /// # Panics
    /// When there is not one pair of tables for each row, and one parent for each index.
    pub fn encode_refinement(&mut self, tables: &[RefinementTables<'_>], indices: &[i32], parents: &[i32]) {
        assert_eq!(tables.len(), indices.len().div_ceil(LANES), "one pair of tables for each row");
        assert_eq!(indices.len(), parents.len(), "one parent for each index");
        match self.backend.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: a `Backend` exists only where its instruction set does.
            Kind::Avx512 => unsafe {
                super::avx512_encode::refinement(&mut self.output, tables, indices, parents)
            },
            _ => refinement(&mut self.output, tables, indices, parents),
        }
    }

    pub fn states(&self) -> &[u32; LANES] {
        &self.output.states
    }

    /// Words in the order of the stream.
    pub fn words(&self) -> impl ExactSizeIterator<Item = u16> + '_ {
        self.output.words.iter().rev().copied()
    }
}

/// Symbol 0, 1 or 2 of a refinement: r * sign(parent) + 1.
#[inline]
pub fn refinement_symbol(index: i32, parent: i32) -> u8 {
    let r = index.wrapping_sub(parent.wrapping_mul(3));
    (if parent < 0 { 1 - r } else { 1 + r }) as u8
}

fn base(output: &mut Output, tables: &[&Table], indices: &[i32]) -> bool {
    let mut escaped = false;
    for (row, table) in indices.chunks(LANES).zip(tables).rev() {
        let alphabet = table.alphabet();
        let coding = |&index: &i32| {
            let escape = index.unsigned_abs() > alphabet.unsigned_abs();
            escaped |= escape;
            table.coding(if escape { 2 * alphabet + 1 } else { index + alphabet } as u8)
        };
        encode_row(output, row.iter().map(coding));
    }
    escaped
}

fn refinement(output: &mut Output, tables: &[RefinementTables<'_>], indices: &[i32], parents: &[i32]) {
    let rows = indices.chunks(LANES).zip(parents.chunks(LANES));
    for ((indices, parents), RefinementTables { zero, nonzero }) in rows.zip(tables).rev() {
        let coding = |(&index, &parent): (&i32, &i32)| {
            [zero, nonzero][usize::from(parent != 0)].coding(refinement_symbol(index, parent))
        };
        encode_row(output, indices.iter().zip(parents).map(coding));
    }
}

#[inline]
fn encode_row<'t>(output: &mut Output, row: impl DoubleEndedIterator<Item = &'t Coding> + ExactSizeIterator) {
    // Whether a lane gives a word is unpredictable: always write, and count.
    let mut words = [0u16; LANES];
    let mut count = 0;
    for (state, coding) in output.states.iter_mut().zip(row).rev() {
        // Otherwise the next state would reach 2^32.
        let full = *state >> (32 - SCALE_BITS) >= coding.frequency;
        words[count % LANES] = *state as u16;
        count += usize::from(full);
        let reduced = if full { *state >> 16 } else { *state };
        let quotient = ((u64::from(reduced) * coding.reciprocal) >> 44) as u32;
        // quotient * 4096 + remainder + start
        *state = quotient * (SCALE - coding.frequency) + reduced + coding.start;
    }
    output.words.extend_from_slice(&words[..count]);
}
