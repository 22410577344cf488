//! Checked reading of little-endian fields.

use crate::error::{Error, Result};

/// Reads fields in order; running past the end is `truncated` with the field's name.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub fn take(&mut self, count: usize, field: &str) -> Result<&'a [u8]> {
        let end = self.at.checked_add(count);
        match end.and_then(|end| self.bytes.get(self.at..end)) {
            Some(slice) => {
                self.at += count;
                Ok(slice)
            }
            None => Err(Error::truncated(field, count, self.bytes.len() - self.at)),
        }
    }

    /// `count * size` bytes, the product checked.
    pub fn take_items(&mut self, count: usize, size: usize, field: &str) -> Result<&'a [u8]> {
        match count.checked_mul(size) {
            Some(bytes) => self.take(bytes, field),
            None => {
                Err(Error::truncated(field, format_args!("{count} x {size}"), self.bytes.len() - self.at))
            }
        }
    }

    pub fn array<const N: usize>(&mut self, field: &str) -> Result<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N, field)?);
        Ok(array)
    }

    pub fn u8(&mut self, field: &str) -> Result<u8> {
        Ok(u8::from_le_bytes(self.array(field)?))
    }

    pub fn i8(&mut self, field: &str) -> Result<i8> {
        Ok(i8::from_le_bytes(self.array(field)?))
    }

    pub fn u16(&mut self, field: &str) -> Result<u16> {
        Ok(u16::from_le_bytes(self.array(field)?))
    }

    pub fn u24(&mut self, field: &str) -> Result<u32> {
        let [a, b, c] = self.array(field)?;
        Ok(u32::from_le_bytes([a, b, c, 0]))
    }

    pub fn u32(&mut self, field: &str) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array(field)?))
    }

    pub fn f32(&mut self, field: &str) -> Result<f32> {
        finite(f32::from_le_bytes(self.array(field)?), field)
    }

    pub fn positive_f32(&mut self, field: &str) -> Result<f32> {
        positive(self.f32(field)?, field)
    }

    /// A name of section 1: 1 to 16 bytes of `a-z0-9-`, zero padded.
    pub fn name(&mut self, field: &str) -> Result<String> {
        let bytes: [u8; 16] = self.array(field)?;
        let length = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
        let (name, padding) = bytes.split_at(length);
        let legal = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-';
        if name.is_empty() || !name.iter().all(legal) || padding.iter().any(|&b| b != 0) {
            return Err(Error::corrupt(field, "a name of a-z, 0-9 and -", String::from_utf8_lossy(&bytes)));
        }
        Ok(name.iter().map(|&b| b as char).collect())
    }

    pub fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    pub fn finish(self, place: &str) -> Result<()> {
        match self.remaining() {
            0 => Ok(()),
            left => Err(Error::corrupt(place, "no bytes left over", left)),
        }
    }
}

pub(crate) fn finite(value: f32, field: &str) -> Result<f32> {
    if value.is_finite() {
        Ok(value)
    } else {
        Err(Error::corrupt(field, "a finite number", value))
    }
}

pub(crate) fn positive(value: f32, field: &str) -> Result<f32> {
    if value > 0.0 {
        Ok(value)
    } else {
        Err(Error::corrupt(field, "a number above 0", value))
    }
}

/// A field that must lie in a range.
pub(crate) fn in_range<T: PartialOrd + std::fmt::Display>(
    value: T,
    low: T,
    high: T,
    field: &str,
) -> Result<T> {
    if value >= low && value <= high {
        Ok(value)
    } else {
        Err(Error::corrupt(field, format_args!("{low} to {high}"), value))
    }
}

/// Splits off the CRC32C in the last four bytes and checks it; returns what it covers.
pub(crate) fn checked_crc<'a>(bytes: &'a [u8], place: &str) -> Result<&'a [u8]> {
    let Some((body, tail)) = bytes.split_last_chunk::<4>() else {
        return Err(Error::truncated(place, 4, bytes.len()));
    };
    check_crc(body, u32::from_le_bytes(*tail), place)?;
    Ok(body)
}

pub(crate) fn check_crc(body: &[u8], expected: u32, place: &str) -> Result<()> {
    // A piece at a time, for engines that compile in tiers (see the profile's digest).
    let got = body.chunks(1 << 16).fold(0, crc32c::crc32c_append);
    if got == expected {
        Ok(())
    } else {
        Err(Error::corrupt(place, format_args!("CRC32C {expected:08x}"), format_args!("{got:08x}")))
    }
}

pub(crate) fn u16_words(bytes: &[u8]) -> impl ExactSizeIterator<Item = u16> + '_ {
    bytes.as_chunks::<2>().0.iter().map(|&pair| u16::from_le_bytes(pair))
}

pub(crate) fn f32_values(bytes: &[u8]) -> impl ExactSizeIterator<Item = f32> + '_ {
    bytes.as_chunks::<4>().0.iter().map(|&four| f32::from_le_bytes(four))
}

/// True for bit patterns of finite binary16 numbers.
pub(crate) fn is_finite_f16(bits: u16) -> bool {
    bits & 0x7c00 != 0x7c00
}
