//! Prelude of codec 2 (section 12.1): steps, means, gains and distributions of this chunk.

use super::layout::TokenSpans;
use crate::bytes::{checked_crc, in_range, is_finite_f16, positive, u16_words, Reader};
use crate::container::header::Header;
use crate::error::{Error, ErrorCode, Result};
use crate::profile::{parse_classes, Class};

/// A channel's byte holds its class below and its gain above.
pub const CLASS_BITS: u32 = 6;
pub const MAX_CLASS: u8 = (1 << CLASS_BITS) - 1;
/// The scale of a class is 3^(1/4) times that of the one before it.
pub const CLASSES_PER_PASS: i32 = 4;
/// Gains are 0, 1/3, 2/3 and 1.
pub const GAINS: usize = 4;

#[derive(Debug, Clone)]
pub struct PlaneTables {
    /// Quantization step at pass 0.
    pub step: f32,
    /// Unit of `means`; 0: there are none.
    pub mean_step: f32,
    /// class + 64 * gain of every channel.
    pub channels: Vec<u8>,
    pub means: Vec<i8>,
}

impl PlaneTables {
    pub fn mean(&self, channel: usize) -> f32 {
        self.means.get(channel).map_or(0.0, |&mean| f32::from(mean) * self.mean_step)
    }

    pub fn gain(&self, channel: usize) -> usize {
        usize::from(self.channels[channel] >> CLASS_BITS)
    }
}

#[derive(Debug, Clone)]
pub struct Tables {
    /// fp16 planes of a first token that is not coded.
    pub first_token: Option<Vec<u16>>,
    pub spans: TokenSpans,
    /// Class of a channel's anchors minus that of its other tokens, by gain.
    pub anchor_shifts: [i8; GAINS],
    pub planes: Vec<PlaneTables>,
    pub classes: Vec<Class>,
}

impl Tables {
    /// Reads the prelude of an object, or of a prefix that holds it.
    pub fn parse(chunk: &[u8], header: &Header) -> Result<Self> {
        let Some(bytes) = chunk.get(header.header_bytes as usize..header.prelude_end() as usize) else {
            return Err(Error::truncated("chunk prelude", header.prelude_end(), chunk.len()));
        };
        if bytes.len() < 4 {
            return Err(Error::corrupt("preludeBytes", "at least 4", bytes.len()));
        }
        let mut reader = Reader::new(checked_crc(bytes, "prelude CRC")?);
        let tables = Self::parse_fields(&mut reader, header).map_err(|error| match error.code() {
            // The prelude is complete: fields that do not fit mean that its size is wrong.
            ErrorCode::Truncated => Error::new(ErrorCode::Corrupt, error.message()),
            _ => error,
        })?;
        reader.finish("prelude")?;
        if tables.spans.tokens == 0 && !header.segments.is_empty() {
            return Err(Error::corrupt("segments of a chunk without coded tokens", 0, header.segments.len()));
        }
        Ok(tables)
    }

    fn parse_fields(reader: &mut Reader<'_>, header: &Header) -> Result<Self> {
        let geometry = &header.geometry;
        let first_token = match reader.u8("firstTokenMode")? {
            0 => None,
            1 => {
                let bytes = reader.take_items(geometry.values_per_token(), 2, "first token planes")?;
                match u16_words(bytes).position(|bits| !is_finite_f16(bits)) {
                    Some(at) => return Err(Error::corrupt("first token plane value", "a finite number", at)),
                    None => Some(u16_words(bytes).collect()),
                }
            }
            other => return Err(Error::unsupported("firstTokenMode of codec 2", "0 or 1", other)),
        };
        let span = usize::from(in_range(reader.u8("anchorSpan")?, 1, u8::MAX, "anchorSpan")?);
        let mut anchor_shifts = [0; GAINS];
        for shift in &mut anchor_shifts {
            *shift = reader.i8("anchorShift")?;
        }
        let planes = (0..geometry.planes())
            .map(|plane| parse_plane(reader, geometry.plane_dim(plane)))
            .collect::<Result<_>>()?;
        let classes = parse_classes(reader)?;
        let tokens = usize::from(header.token_count) - usize::from(first_token.is_some());
        let spans = TokenSpans { tokens, span };
        Ok(Self { first_token, spans, anchor_shifts, planes, classes })
    }

    /// Lanes of every segment.
    pub fn lanes(&self) -> usize {
        self.spans.lanes()
    }

    /// Class of a channel at a pass, of its anchors or its other tokens (section 12.4).
    pub fn class(&self, channel: u8, anchor: bool, pass: u8, class_shift: i8) -> &Class {
        &self.classes
            [class_index(channel, anchor, pass, class_shift, &self.anchor_shifts, self.classes.len())]
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match &self.first_token {
            None => out.push(0),
            Some(planes) => {
                out.push(1);
                out.extend(planes.iter().flat_map(|value| value.to_le_bytes()));
            }
        }
        out.push(self.spans.span as u8);
        out.extend(self.anchor_shifts.iter().flat_map(|shift| shift.to_le_bytes()));
        for plane in &self.planes {
            out.extend(plane.step.to_le_bytes());
            out.extend(plane.mean_step.to_le_bytes());
            out.extend(&plane.channels);
            out.extend(plane.means.iter().flat_map(|mean| mean.to_le_bytes()));
        }
        out.push(self.classes.len() as u8);
        self.classes.iter().for_each(|class| class.write(&mut out));
        let crc = crc32c::crc32c(&out);
        out.extend(crc.to_le_bytes());
        out
    }
}

pub fn class_index(
    channel: u8,
    anchor: bool,
    pass: u8,
    class_shift: i8,
    anchor_shifts: &[i8; GAINS],
    count: usize,
) -> usize {
    let shift = if anchor { anchor_shifts[usize::from(channel >> CLASS_BITS)] } else { 0 };
    let class = i32::from(channel & MAX_CLASS)
        + CLASSES_PER_PASS * i32::from(pass)
        + i32::from(shift)
        + i32::from(class_shift);
    class.clamp(0, count as i32 - 1) as usize
}

fn parse_plane(reader: &mut Reader<'_>, dim: usize) -> Result<PlaneTables> {
    let step = reader.positive_f32("step")?;
    let mean_step = reader.f32("meanStep")?;
    let channels = reader.take(dim, "channel codes")?.to_vec();
    let means = if mean_step == 0.0 {
        Vec::new()
    } else {
        positive(mean_step, "meanStep")?;
        reader.take(dim, "means")?.iter().map(|&byte| byte as i8).collect()
    };
    Ok(PlaneTables { step, mean_step, channels, means })
}
