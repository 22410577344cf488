//! Prelude of a chunk object (section 6.2): the exact first token and the tokens' step shifts.

use super::header::Header;
use crate::bytes::{checked_crc, is_finite_f16, u16_words, Reader};
use crate::error::{Error, Result};
use crate::ladder::MIN_SHIFT;

/// Stored shifts are shift + SHIFT_BIAS.
pub const SHIFT_BIAS: i8 = -MIN_SHIFT;

/// Most rows of shifts that a chunk may have.
pub const MAX_SHIFT_ROWS: u8 = 16;

/// How the first token's planes are given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FirstTokenSource {
    /// Coded like the others.
    Coded,
    /// fp16 planes, section 2 with T = 1.
    Exact(Vec<u16>),
    /// Index into the profile's table.
    Profile(u8),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prelude {
    pub first_token: FirstTokenSource,
    pub shifts: StepShifts,
}

/// Step shifts of the coded tokens, in one row for all groups or in several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepShifts {
    /// By row, at least one: the shift of each coded token, -11 to 4.
    pub rows: Vec<Vec<i8>>,
    /// Row of each group; empty: all groups have row 0.
    pub row_of_group: Vec<u8>,
}

impl StepShifts {
    /// One row for all groups.
    pub fn shared(shifts: Vec<i8>) -> Self {
        Self { rows: vec![shifts], row_of_group: Vec::new() }
    }

    /// Row of a group.
    pub fn row(&self, group: usize) -> usize {
        self.row_of_group.get(group).map_or(0, |&row| usize::from(row))
    }

    fn tokens(&self) -> usize {
        self.rows.first().map_or(0, Vec::len)
    }

    fn parse(reader: &mut Reader<'_>, coded: usize) -> Result<Self> {
        match reader.u8("shiftMode")? {
            0 => Ok(Self::shared(vec![0; coded])),
            1 => Ok(Self::shared(parse_shifts(reader, coded)?)),
            2 => {
                let row_count = reader.u8("shift row count")?;
                if !(2..=MAX_SHIFT_ROWS).contains(&row_count) {
                    return Err(Error::corrupt("shift row count", "2 to 16", row_count));
                }
                let group_count = usize::from(reader.u8("groups with shift rows")?);
                let row_of_group = reader.take(group_count, "shift rows of groups")?.to_vec();
                if let Some(row) = row_of_group.iter().find(|&&row| row >= row_count) {
                    return Err(Error::corrupt(
                        "shift row of a group",
                        format_args!("below {row_count}"),
                        row,
                    ));
                }
                let rows: Result<_> = (0..row_count).map(|_| parse_shifts(reader, coded)).collect();
                Ok(Self { rows: rows?, row_of_group })
            }
            other => Err(Error::unsupported("shiftMode", "0 to 2", other)),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        if self.rows.iter().flatten().all(|&shift| shift == 0) {
            out.push(0);
            return;
        }
        if self.row_of_group.is_empty() {
            out.push(1);
        } else {
            out.extend([2, self.rows.len() as u8, self.row_of_group.len() as u8]);
            out.extend(&self.row_of_group);
        }
        let nibble = |shift: Option<&i8>| shift.map_or(0, |shift| (shift + SHIFT_BIAS) as u8);
        for row in &self.rows {
            out.extend(row.chunks(2).map(|pair| nibble(pair.first()) | nibble(pair.get(1)) << 4));
        }
    }
}

impl Prelude {
    /// Reads the prelude of an object, or of a prefix that holds it.
    pub fn parse(chunk: &[u8], header: &Header) -> Result<Self> {
        let Some(bytes) = chunk.get(header.header_bytes as usize..header.prelude_end() as usize) else {
            return Err(Error::truncated("chunk prelude", header.prelude_end(), chunk.len()));
        };
        if bytes.len() < 4 {
            return Err(Error::corrupt("preludeBytes", "at least 6", bytes.len()));
        }
        let mut reader = Reader::new(checked_crc(bytes, "prelude CRC")?);
        let prelude = Self::parse_fields(&mut reader, header).map_err(|error| match error.code() {
            // The prelude is complete: fields that do not fit mean that its size is wrong.
            crate::ErrorCode::Truncated => Error::new(crate::ErrorCode::Corrupt, error.message()),
            _ => error,
        })?;
        reader.finish("prelude")?;
        if prelude.coded_tokens() == 0 && !header.segments.is_empty() {
            return Err(Error::corrupt("segments of a chunk without coded tokens", 0, header.segments.len()));
        }
        Ok(prelude)
    }

    fn parse_fields(reader: &mut Reader<'_>, header: &Header) -> Result<Self> {
        let first_token = match reader.u8("firstTokenMode")? {
            0 => FirstTokenSource::Coded,
            1 => {
                let bytes = reader.take_items(header.geometry.values_per_token(), 2, "first token planes")?;
                let planes: Vec<u16> = u16_words(bytes).collect();
                if let Some(at) = planes.iter().position(|&bits| !is_finite_f16(bits)) {
                    return Err(Error::corrupt("first token plane value", "a finite number", at));
                }
                FirstTokenSource::Exact(planes)
            }
            2 => {
                if header.first_position != 0 {
                    return Err(Error::corrupt("firstPosition in mode 2", 0, header.first_position));
                }
                FirstTokenSource::Profile(reader.u8("first token index")?)
            }
            other => return Err(Error::unsupported("firstTokenMode", "0 to 2", other)),
        };
        let coded = coded_tokens(header, &first_token);
        Ok(Self { first_token, shifts: StepShifts::parse(reader, coded)? })
    }

    /// n: tokens that segments code.
    pub fn coded_tokens(&self) -> usize {
        self.shifts.tokens()
    }

    /// Lanes of every segment.
    pub fn lanes(&self) -> usize {
        self.coded_tokens().min(crate::rans::LANES)
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match &self.first_token {
            FirstTokenSource::Coded => out.push(0),
            FirstTokenSource::Exact(planes) => {
                out.push(1);
                out.extend(planes.iter().flat_map(|value| value.to_le_bytes()));
            }
            FirstTokenSource::Profile(index) => out.extend([2, *index]),
        }
        self.shifts.write(&mut out);
        let crc = crc32c::crc32c(&out);
        out.extend(crc.to_le_bytes());
        out
    }
}

fn coded_tokens(header: &Header, first_token: &FirstTokenSource) -> usize {
    let copied = !matches!(first_token, FirstTokenSource::Coded);
    usize::from(header.token_count) - usize::from(copied)
}

fn parse_shifts(reader: &mut Reader<'_>, coded: usize) -> Result<Vec<i8>> {
    let bytes = reader.take(coded.div_ceil(2), "shifts")?;
    let mut nibbles = bytes.iter().flat_map(|byte| [byte & 15, byte >> 4]);
    let mut shifts = Vec::with_capacity(coded);
    for nibble in nibbles.by_ref().take(coded) {
        shifts.push(nibble as i8 - SHIFT_BIAS);
    }
    match nibbles.next() {
        Some(unused) if unused != 0 => Err(Error::corrupt("unused shift", 0, unused)),
        _ => Ok(shifts),
    }
}
