//! Row-wise encoding: the decoder run backwards, from the last row and lane to the first.

use super::{Table, LANES, LOW, SCALE_BITS};

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

    /// Codes the symbol of one lane. Call with rows, and lanes within a row, in falling order.
    pub fn encode(&mut self, lane: usize, table: &Table, symbol: u8) {
        let frequency = table.frequency(symbol);
        let state = &mut self.states[lane];
        // Largest state from which the next one stays below 2^32.
        if *state >> (32 - SCALE_BITS) >= frequency {
            self.words.push(*state as u16);
            *state >>= 16;
        }
        *state = ((*state / frequency) << SCALE_BITS) + *state % frequency + table.start(symbol);
    }

    /// Appends the states of the lanes in use, then the words.
    pub fn finish(self, out: &mut Vec<u8>) {
        for state in &self.states[..self.lanes] {
            out.extend(state.to_le_bytes());
        }
        out.extend(self.words.iter().rev().flat_map(|word| word.to_le_bytes()));
    }
}
