//! The kernels of `codec-simd` behind the format's checks and errors.

use kvedge_codec_simd::{Backend, OutOfWords, RefinementTables, RowDecoder, Table, LANES, LOW};

use crate::error::{Error, Result};

/// The symbols of one segment, coefficient by coefficient.
pub struct SegmentRows<'a>(RowDecoder<'a>);

impl<'a> SegmentRows<'a> {
    /// `states`: one u32 per lane in use, at most 32; `words`: the stream, two bytes each.
    pub fn new(states: &[u8], words: &'a [u8]) -> Result<Self> {
        let (words, odd) = words.as_chunks::<2>();
        if !odd.is_empty() {
            return Err(Error::corrupt("segment words", "an even number of bytes", "an odd one"));
        }
        let mut lanes = [LOW; LANES];
        for (state, bytes) in lanes.iter_mut().zip(states.as_chunks::<4>().0) {
            *state = u32::from_le_bytes(*bytes);
            if *state < LOW {
                return Err(Error::corrupt("rANS state", "at least 65536", *state));
            }
        }
        Ok(Self(RowDecoder::new(Backend::current(), lanes, words)))
    }

    /// Decodes one index per token with a table for each row; escapes are left as A + 1. Were there any?
    pub fn base(&mut self, tables: &[&Table], indices: &mut [i32]) -> Result<bool> {
        self.0.decode_base(tables, indices).map_err(out_of_words)
    }

    /// Refines one index per token with two tables for each row.
    pub fn refine(&mut self, tables: &[RefinementTables<'_>], indices: &mut [i32]) -> Result<()> {
        self.0.decode_refinement(tables, indices).map_err(out_of_words)
    }

    /// Section 7.2: every state back at 2^16 and every word used.
    pub fn finish(self) -> Result<()> {
        if let Some(state) = self.0.states().iter().find(|&&state| state != LOW) {
            return Err(Error::corrupt("rANS end state", LOW, state));
        }
        match self.0.words_left() {
            0 => Ok(()),
            left => Err(Error::corrupt("words after the last symbol", 0, left)),
        }
    }
}

fn out_of_words(_: OutOfWords) -> Error {
    Error::corrupt("segment words", "another word", "the end")
}
