//! Entropy coder of section 7: 32 interleaved rANS lanes over one stream of 16-bit words. The rows are decoded by
//! `codec-simd`; a CUDA backend gives each segment a warp and each lane a thread.

mod decode;
mod escape;

use crate::bytes::{u16_words, Reader};
use crate::error::{Error, Result};

pub use decode::SegmentRows;
pub use escape::{golomb_bits, EscapeReader, EscapeWriter};
pub use kvedge_codec_simd::{refinement_symbol, Backend, RefinementTables, RowEncoder, Table, LANES};

pub(crate) use kvedge_codec_simd::{LOW, SCALE};

pub(crate) fn parse_table(reader: &mut Reader<'_>, symbols: usize, field: &str) -> Result<Table> {
    let frequencies: Vec<u16> = u16_words(reader.take_items(symbols, 2, field)?).collect();
    Table::new(&frequencies)
        .ok_or_else(|| Error::corrupt(field, "frequencies of at least 1 with sum 4096", "others"))
}
