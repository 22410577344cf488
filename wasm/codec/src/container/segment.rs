//! Parts of a segment (section 6.7).

use super::header::{Header, Segment};
use crate::bytes::{check_crc, in_range, Reader};
use crate::error::{Error, Result};
use crate::rans::RowEncoder;

pub(crate) const MAX_ESCAPE_BYTES: usize = (1 << 24) - 1;

/// A segment whose CRC and sizes are checked.
pub struct SegmentParts<'a> {
    pub class_shift: i8,
    /// One u32 per lane.
    pub states: &'a [u8],
    pub words: &'a [u8],
    pub escapes: &'a [u8],
}

impl<'a> SegmentParts<'a> {
    /// `refinement`: true for every segment of a (group, band) but its first. `lanes`: min(32, n).
    pub fn parse(chunk: &'a [u8], segment: &Segment, refinement: bool, lanes: usize) -> Result<Self> {
        let Some(bytes) = chunk.get(segment.offset as usize..segment.end() as usize) else {
            return Err(Error::truncated("segment", segment.end(), chunk.len()));
        };
        let least = 8 + 4 * lanes;
        if lanes == 0 || bytes.len() < least {
            return Err(Error::corrupt("segment bytes", format_args!("at least {least}"), bytes.len()));
        }
        let mut reader = Reader::new(bytes);
        let crc = reader.u32("segment crc")?;
        check_crc(&bytes[4..], crc, "segment CRC")?;
        let escape_bytes = reader.u24("escapeBytes")? as usize;
        let class_shift = in_range(reader.i8("classShift")?, -64, 63, "classShift")?;
        let states = reader.take(4 * lanes, "states")?;
        for state in states.as_chunks::<4>().0 {
            let state = u32::from_le_bytes(*state);
            in_range(state, crate::rans::LOW, u32::MAX, "rANS state")?;
        }
        let Some(word_bytes) = reader.remaining().checked_sub(escape_bytes).filter(|n| n % 2 == 0) else {
            return Err(Error::corrupt("escapeBytes", "what leaves whole words", escape_bytes));
        };
        if refinement && escape_bytes != 0 {
            return Err(Error::corrupt("escapeBytes of a refinement", 0, escape_bytes));
        }
        let words = reader.take(word_bytes, "words")?;
        let escapes = reader.take(escape_bytes, "escapes")?;
        Ok(Self { class_shift, states, words, escapes })
    }
}

/// For each of the segments: is it a refinement, that is, not the first of its (group, band)?
pub fn refinements<'a>(header: &'a Header) -> impl Iterator<Item = (&'a Segment, bool)> + 'a {
    let mut seen = vec![false; 256 * 16];
    header.segments.iter().map(move |segment| {
        let slot = usize::from(segment.group) * 16 + usize::from(segment.band);
        let refinement = seen.get(slot).copied().unwrap_or(false);
        if let Some(mark) = seen.get_mut(slot) {
            *mark = true;
        }
        (segment, refinement)
    })
}

/// Puts a segment together. `lanes`: how many of the rows' states it holds.
pub(crate) fn write_segment(
    class_shift: i8,
    lanes: usize,
    rows: &RowEncoder,
    escapes: &[u8],
) -> Result<Vec<u8>> {
    if escapes.len() > MAX_ESCAPE_BYTES {
        return Err(Error::limit("escapeBytes", MAX_ESCAPE_BYTES, escapes.len()));
    }
    let mut out = Vec::with_capacity(8 + 4 * lanes + 2 * rows.words().len() + escapes.len());
    out.extend([0; 4]);
    out.extend(&(escapes.len() as u32).to_le_bytes()[..3]);
    out.extend(class_shift.to_le_bytes());
    out.extend(rows.states()[..lanes].iter().flat_map(|state| state.to_le_bytes()));
    out.extend(rows.words().flat_map(u16::to_le_bytes));
    out.extend(escapes);
    let crc = crc32c::crc32c(&out[4..]);
    out[..4].copy_from_slice(&crc.to_le_bytes());
    Ok(out)
}
