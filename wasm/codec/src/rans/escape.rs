//! Escape bits of section 7.3: Exp-Golomb magnitudes and signs, most significant bit first.

use crate::error::{Error, Result};
use crate::limits::MAX_MAGNITUDE;

const MAX_PREFIX: u32 = 20;

pub struct EscapeReader<'a> {
    bytes: &'a [u8],
    /// Position in bits.
    at: usize,
}

impl<'a> EscapeReader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The signed value of one escape: its magnitude is above `alphabet` and at most 2^20.
    pub fn read(&mut self, alphabet: u8, order: u8) -> Result<i32> {
        let mut prefix = 0u32;
        while self.bit()? == 0 {
            prefix += 1;
            if prefix > MAX_PREFIX {
                return Err(Error::corrupt("escape prefix", "at most 20 zero bits", prefix));
            }
        }
        let mut rest = 0u64;
        for _ in 0..prefix + u32::from(order) {
            rest = (rest << 1) | self.bit()?;
        }
        let magnitude = u64::from(alphabet) + 1 + (((1u64 << prefix) - 1) << order) + rest;
        if magnitude > MAX_MAGNITUDE as u64 {
            return Err(Error::corrupt(
                "escape magnitude",
                format_args!("at most {MAX_MAGNITUDE}"),
                magnitude,
            ));
        }
        let magnitude = magnitude as i32;
        Ok(if self.bit()? == 1 { -magnitude } else { magnitude })
    }

    /// Fewer than 8 bits may be left, all zero.
    pub fn finish(mut self) -> Result<()> {
        let left = self.bytes.len() * 8 - self.at;
        if left >= 8 {
            return Err(Error::corrupt("escape bits", "fewer than 8 left", left));
        }
        for _ in 0..left {
            if self.bit()? != 0 {
                return Err(Error::corrupt("escape padding", "zero bits", 1));
            }
        }
        Ok(())
    }

    fn bit(&mut self) -> Result<u64> {
        let Some(byte) = self.bytes.get(self.at / 8) else {
            return Err(Error::corrupt("escape bits", "another bit", "the end"));
        };
        let bit = (byte >> (7 - self.at % 8)) & 1;
        self.at += 1;
        Ok(u64::from(bit))
    }
}

#[derive(Default)]
pub struct EscapeWriter {
    bytes: Vec<u8>,
    used_bits: usize,
}

impl EscapeWriter {
    /// `value`: its magnitude is above `alphabet` and at most 2^20.
    pub fn write(&mut self, value: i32, alphabet: u8, order: u8) {
        let offset = offset(value.unsigned_abs(), alphabet);
        let prefix = prefix(offset, order);
        let rest = offset - (((1u64 << prefix) - 1) << order);
        self.put(1, prefix + 1);
        self.put(rest, prefix + u32::from(order));
        self.put(u64::from(value < 0), 1);
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn put(&mut self, value: u64, bits: u32) {
        for shift in (0..bits).rev() {
            if self.used_bits.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let bit = ((value >> shift) & 1) as u8;
            if let Some(last) = self.bytes.last_mut() {
                *last |= bit << (7 - self.used_bits % 8);
            }
            self.used_bits += 1;
        }
    }
}

/// Escape bits of a magnitude above `alphabet`.
pub fn golomb_bits(magnitude: u32, alphabet: u8, order: u8) -> u32 {
    2 * prefix(offset(magnitude, alphabet), order) + 2 + u32::from(order)
}

fn offset(magnitude: u32, alphabet: u8) -> u64 {
    u64::from(magnitude).saturating_sub(u64::from(alphabet) + 1)
}

fn prefix(offset: u64, order: u8) -> u32 {
    ((offset >> order) + 1).ilog2()
}
