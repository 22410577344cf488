//! The bank of symbol classes (section 4.1).

use crate::bytes::{in_range, Reader};
use crate::error::Result;
use crate::limits::MAX_CLASSES;
use crate::rans::{parse_table, Table};

/// Distributions of coefficients of one scale relative to the step.
#[derive(Debug, Clone)]
pub struct Class {
    /// A: largest magnitude with a symbol of its own.
    pub alphabet: u8,
    pub escape_order: u8,
    /// Symbols -A ..= A as 0 ..= 2A, then escape.
    pub base: Table,
    /// Refinements -1, 0, 1 as 0, 1, 2 under a parent of zero.
    pub zero: Table,
    /// Refinements times the parent's sign under any other parent.
    pub nonzero: Table,
}

impl Class {
    /// Symbol that stands for a magnitude above A.
    pub fn escape_symbol(&self) -> u8 {
        2 * self.alphabet + 1
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend([self.alphabet, self.escape_order]);
        for table in [&self.base, &self.zero, &self.nonzero] {
            let frequencies = (0..table.symbols()).map(|symbol| table.frequency(symbol as u8) as u16);
            out.extend(frequencies.flat_map(u16::to_le_bytes));
        }
    }
}

pub(crate) fn parse_classes(reader: &mut Reader<'_>) -> Result<Vec<Class>> {
    let count = in_range(reader.u8("classCount")?, 1, MAX_CLASSES, "classCount")?;
    (0..count).map(|_| parse_class(reader)).collect()
}

fn parse_class(reader: &mut Reader<'_>) -> Result<Class> {
    let alphabet = in_range(reader.u8("class A")?, 1, 15, "class A")?;
    let escape_order = in_range(reader.u8("class escapeOrder")?, 0, 15, "class escapeOrder")?;
    Ok(Class {
        alphabet,
        escape_order,
        base: parse_table(reader, 2 * usize::from(alphabet) + 2, "class baseFreq")?,
        zero: parse_table(reader, 3, "class zeroFreq")?,
        nonzero: parse_table(reader, 3, "class nonzeroFreq")?,
    })
}
