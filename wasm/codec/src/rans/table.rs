use super::SCALE;
use crate::bytes::{u16_words, Reader};
use crate::error::{Error, Result};

/// Cumulative frequencies of up to 32 symbols that sum to 4096.
#[derive(Debug, Clone)]
pub struct Table {
    /// `starts[s]` is the sum of the frequencies before s; 4096 from the last symbol's end on.
    starts: [u16; 33],
    symbols: u8,
}

impl Table {
    /// From frequencies of at least 1 that sum to 4096; at most 32 of them.
    pub fn new(frequencies: &[u16]) -> Option<Self> {
        let mut starts = [SCALE as u16; 33];
        let mut sum = 0u32;
        for (start, &frequency) in starts.get_mut(..frequencies.len())?.iter_mut().zip(frequencies) {
            *start = sum as u16;
            sum += u32::from(frequency);
            if frequency == 0 || sum > SCALE {
                return None;
            }
        }
        (sum == SCALE && frequencies.len() <= 32).then_some(Self { starts, symbols: frequencies.len() as u8 })
    }

    pub(crate) fn parse(reader: &mut Reader<'_>, symbols: usize, field: &str) -> Result<Self> {
        let frequencies: Vec<u16> = u16_words(reader.take_items(symbols, 2, field)?).collect();
        Self::new(&frequencies)
            .ok_or_else(|| Error::corrupt(field, "frequencies of at least 1 with sum 4096", "others"))
    }

    pub fn symbols(&self) -> usize {
        usize::from(self.symbols)
    }

    /// First slots of all symbols but the first: what a decoder compares a slot with.
    pub(super) fn thresholds(&self) -> &[u16] {
        &self.starts[1..usize::from(self.symbols)]
    }

    pub(super) fn start(&self, symbol: u8) -> u32 {
        u32::from(self.starts[usize::from(symbol & 31)])
    }

    pub(crate) fn frequency(&self, symbol: u8) -> u32 {
        let symbol = usize::from(symbol & 31);
        u32::from(self.starts[symbol + 1] - self.starts[symbol])
    }

    /// Cost of a symbol in bits.
    pub(crate) fn bits(&self, symbol: u8) -> f32 {
        (SCALE as f32 / self.frequency(symbol).max(1) as f32).log2()
    }
}
