//! Row-wise decoding. Symbols are found by comparing a slot with the cumulative frequencies, for all lanes at once:
//! the loops below run over fixed arrays so that the compiler vectorizes them.
//!
//! ```text
//! for each lane v, rising:  slot = x mod 4096; s = number of starts <= slot, less one
//!                           x = freq[s] * (x div 4096) + slot - start[s]
//! for each lane v, rising:  if x < 2^16: x = x * 2^16 + next word
//! ```
//!
//! Lanes beyond a short row's count compute along but keep their state and take no word.

use super::{Table, LANES, LOW, SCALE, SCALE_BITS};
use crate::error::{Error, Result};

pub struct RowDecoder<'a> {
    states: [u32; LANES],
    words: &'a [[u8; 2]],
    at: usize,
}

impl<'a> RowDecoder<'a> {
    /// `states`: one u32 per lane in use, at most 32; `words`: the stream, two bytes each.
    pub fn new(states: &[u8], words: &'a [u8]) -> Result<Self> {
        let (words, odd) = words.as_chunks::<2>();
        if !odd.is_empty() {
            return Err(Error::corrupt("segment words", "an even number of bytes", "an odd one"));
        }
        let mut decoder = Self { states: [LOW; LANES], words, at: 0 };
        for (state, bytes) in decoder.states.iter_mut().zip(states.as_chunks::<4>().0) {
            *state = u32::from_le_bytes(*bytes);
            if *state < LOW {
                return Err(Error::corrupt("rANS state", "at least 65536", *state));
            }
        }
        Ok(decoder)
    }

    /// Decodes one symbol for each of the first `count` lanes, all with the same table.
    pub fn decode(&mut self, table: &Table, count: usize, symbols: &mut [u8; LANES]) -> Result<()> {
        let slots = self.slots();
        let mut found = [0i16; LANES];
        for &threshold in table.thresholds() {
            let threshold = threshold as i16;
            for (symbol, &slot) in found.iter_mut().zip(&slots) {
                *symbol += i16::from(slot >= threshold);
            }
        }
        let mut starts = [0u32; LANES];
        let mut frequencies = [0u32; LANES];
        for v in 0..LANES {
            symbols[v] = found[v] as u8;
            starts[v] = table.start(symbols[v]);
            frequencies[v] = table.frequency(symbols[v]);
        }
        self.advance(&slots, &starts, &frequencies, count)
    }

    /// Decodes refinements 0, 1, 2 (r + 1): table `zero` for lanes whose parent is zero, else `nonzero`.
    pub fn decode_refinement(
        &mut self,
        zero: &Table,
        nonzero: &Table,
        parents: &[i32; LANES],
        count: usize,
        symbols: &mut [u8; LANES],
    ) -> Result<()> {
        let slots = self.slots();
        let (zero_low, zero_high) = (zero.start(1) as i32, zero.start(2) as i32);
        let (nonzero_low, nonzero_high) = (nonzero.start(1) as i32, nonzero.start(2) as i32);
        let mut starts = [0u32; LANES];
        let mut frequencies = [0u32; LANES];
        for v in 0..LANES {
            let slot = i32::from(slots[v]);
            let low = if parents[v] == 0 { zero_low } else { nonzero_low };
            let high = if parents[v] == 0 { zero_high } else { nonzero_high };
            let (above_low, above_high) = (slot >= low, slot >= high);
            symbols[v] = u8::from(above_low) + u8::from(above_high);
            let start = if above_high {
                high
            } else if above_low {
                low
            } else {
                0
            };
            let end = if above_high {
                SCALE as i32
            } else if above_low {
                high
            } else {
                low
            };
            starts[v] = start as u32;
            frequencies[v] = (end - start) as u32;
        }
        self.advance(&slots, &starts, &frequencies, count)
    }

    /// Section 7.2: every state back at 2^16 and every word used.
    pub fn finish(self) -> Result<()> {
        if let Some(state) = self.states.iter().find(|&&state| state != LOW) {
            return Err(Error::corrupt("rANS end state", LOW, state));
        }
        match self.words.len() - self.at {
            0 => Ok(()),
            left => Err(Error::corrupt("words after the last symbol", 0, left)),
        }
    }

    fn slots(&self) -> [i16; LANES] {
        self.states.map(|state| (state % SCALE) as i16)
    }

    fn advance(
        &mut self,
        slots: &[i16; LANES],
        starts: &[u32; LANES],
        frequencies: &[u32; LANES],
        count: usize,
    ) -> Result<()> {
        let mut next = [0u32; LANES];
        for v in 0..LANES {
            let slot = slots[v] as u32;
            next[v] = frequencies[v]
                .wrapping_mul(self.states[v] >> SCALE_BITS)
                .wrapping_add(slot)
                .wrapping_sub(starts[v]);
        }
        if count == LANES {
            if let Some(window) = self.words.get(self.at..).and_then(|rest| rest.first_chunk::<LANES>()) {
                // A row takes at most one word per lane: no check for each.
                let mut used = 0usize;
                for state in &mut next {
                    let word = u32::from(u16::from_le_bytes(window[used & (LANES - 1)]));
                    let short = *state < LOW;
                    *state = if short { (*state << 16) | word } else { *state };
                    used += usize::from(short);
                }
                self.at += used;
                self.states = next;
                return Ok(());
            }
        }
        for (state, &next) in self.states.iter_mut().zip(&next).take(count) {
            *state = next;
            if next < LOW {
                let Some(word) = self.words.get(self.at) else {
                    return Err(Error::corrupt("segment words", "another word", "the end"));
                };
                *state = (next << 16) | u32::from(u16::from_le_bytes(*word));
                self.at += 1;
            }
        }
        Ok(())
    }
}
