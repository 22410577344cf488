//! Row-wise encoding: the decoder run backwards, from the last row and lane to the first.

use kvedge_codec_simd::Coding;

use super::{LANES, LOW, SCALE, SCALE_BITS};

pub struct RowEncoder {
    states: [u32; LANES],
    lanes: usize,
    /// Words in the reverse of their order in the stream.
    words: Vec<u16>,
}

impl RowEncoder {
    /// `lanes`: 1 to 32.
    pub fn new(lanes: usize) -> Self {
        Self { states: [LOW; LANES], lanes: lanes.min(LANES), words: Vec::new() }
    }

    /// Codes a row of up to 32 symbols. Call with rows in falling order.
    #[inline]
    pub fn encode<'t>(&mut self, row: impl DoubleEndedIterator<Item = &'t Coding> + ExactSizeIterator) {
        // Whether a lane gives a word is unpredictable: always write, and count.
        let mut words = [0u16; LANES];
        let mut count = 0;
        for (state, coding) in self.states.iter_mut().zip(row).rev() {
            // Otherwise the next state would reach 2^32.
            let full = *state >> (32 - SCALE_BITS) >= coding.frequency;
            words[count % LANES] = *state as u16;
            count += usize::from(full);
            let reduced = if full { *state >> 16 } else { *state };
            let quotient = ((u64::from(reduced) * coding.reciprocal) >> 44) as u32;
            // quotient * 4096 + remainder + start
            *state = quotient * (SCALE - coding.frequency) + reduced + coding.start;
        }
        self.words.extend_from_slice(&words[..count]);
    }

    /// Appends the states of the lanes in use, then the words.
    pub fn finish(self, out: &mut Vec<u8>) {
        for state in &self.states[..self.lanes] {
            out.extend(state.to_le_bytes());
        }
        out.extend(self.words.iter().rev().flat_map(|word| word.to_le_bytes()));
    }
}

#[cfg(test)]
mod tests {
    use super::super::Table;

    #[test]
    fn reciprocals_divide_exactly() {
        for frequency in 1..=4095u16 {
            let table = Table::new(&[frequency, 4096 - frequency]).unwrap();
            let coding = table.coding(0);
            let end = u64::from(frequency) << 20;
            let quotients = [1, 2, 15, 16, 4095, 4096, 65535, 1 << 19, (1 << 20) - 1];
            let edges = quotients.map(|quotient| quotient * u64::from(frequency));
            for state in edges.into_iter().flat_map(|edge| [edge - 1, edge, edge + 1]).chain([end - 1]) {
                if state < end {
                    let quotient = (state * coding.reciprocal) >> 44;
                    assert_eq!(quotient, state / u64::from(frequency), "{state} / {frequency}");
                }
            }
        }
    }
}
