//! Header and directory of a chunk object (section 5).

use crate::bytes::{checked_crc, finite, in_range, Reader};
use crate::error::{Error, ErrorCode, Result};
use crate::geometry::Geometry;
use crate::limits::{
    MAX_CHUNK_BYTES, MAX_CHUNK_TOKENS, MAX_HEADER_BYTES, MAX_LEVELS, MAX_PASS, MAX_SEGMENTS,
};

/// Bytes of the header without levels, directory and CRC.
const FIXED_BYTES: usize = 129;
const LEVEL_BYTES: usize = 24;
const ENTRY_BYTES: usize = 8;
/// CRC, escapeBytes, classShift and one lane.
const MIN_SEGMENT_BYTES: u32 = 12;
const SUBSET_FLAG: u8 = 1;
/// Codec ids (section 5).
pub const LADDER: u8 = 1;
pub const CACHEGEN: u8 = 2;

#[derive(Debug, Clone, PartialEq)]
pub struct Level {
    pub name: String,
    /// Size of the object prefix that holds this level.
    pub end_offset: u32,
    /// Nats per token.
    pub predicted_kld: f32,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Segment {
    pub group: u8,
    pub band: u8,
    pub pass: u8,
    /// Upper half of the f32 of distortion removed (in squared base steps) per byte.
    pub slope_bits: u16,
    pub bytes: u32,
    /// Where it starts in the object.
    pub offset: u32,
}

impl Segment {
    pub fn slope(&self) -> f32 {
        f32::from_bits(u32::from(self.slope_bits) << 16)
    }

    pub fn end(&self) -> u32 {
        self.offset + self.bytes
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    /// `LADDER` or `CACHEGEN`.
    pub codec: u8,
    pub subset: bool,
    pub header_bytes: u32,
    pub prelude_bytes: u32,
    pub model_fingerprint: [u8; 32],
    pub profile_id: [u8; 32],
    pub chunk_id: [u8; 32],
    pub first_position: u32,
    pub token_count: u16,
    pub geometry: Geometry,
    pub levels: Vec<Level>,
    pub segments: Vec<Segment>,
}

impl Header {
    /// Reads the header of an object, or of a prefix that holds it.
    pub fn parse(chunk: &[u8]) -> Result<Self> {
        let mut prefix = Reader::new(chunk);
        if prefix.array::<4>("chunk magic")? != *b"KVLC" {
            return Err(Error::new(ErrorCode::BadMagic, "not a kvedge chunk: it does not start with KVLC"));
        }
        match prefix.u16("chunk version")? {
            1 => {}
            other => return Err(Error::unsupported("chunk version", 1, other)),
        }
        let codec = prefix.u8("chunk codec")?;
        let flags = prefix.u8("chunk flags")?;
        let header_bytes = prefix.u32("headerBytes")?;
        if u64::from(header_bytes) > MAX_HEADER_BYTES {
            return Err(Error::limit("headerBytes", MAX_HEADER_BYTES, header_bytes));
        }
        let Some(header) = chunk.get(..header_bytes as usize) else {
            return Err(Error::truncated("chunk header", header_bytes, chunk.len()));
        };
        in_range(header_bytes as usize, FIXED_BYTES + 4, MAX_HEADER_BYTES as usize, "headerBytes")?;
        let mut reader = Reader::new(checked_crc(header, "header CRC")?);
        reader.take(12, "chunk prefix")?;
        if codec != LADDER && codec != CACHEGEN {
            return Err(Error::unsupported("chunk codec", "1 or 2", codec));
        }
        if flags & !SUBSET_FLAG != 0 {
            return Err(Error::unsupported("chunk flags", "0 or 1", flags));
        }
        Self::parse_fields(reader, codec, flags & SUBSET_FLAG != 0, header_bytes)
    }

    fn parse_fields(mut reader: Reader<'_>, codec: u8, subset: bool, header_bytes: u32) -> Result<Self> {
        let mut header = Self {
            codec,
            subset,
            header_bytes,
            model_fingerprint: reader.array("modelFingerprint")?,
            profile_id: parse_profile_id(&mut reader, codec)?,
            chunk_id: reader.array("chunkId")?,
            first_position: reader.u32("firstPosition")?,
            token_count: in_range(reader.u16("tokenCount")?, 1, MAX_CHUNK_TOKENS as u16, "tokenCount")?,
            geometry: Geometry::parse(&mut reader)?,
            prelude_bytes: 0,
            levels: Vec::new(),
            segments: Vec::new(),
        };
        let level_count = in_range(reader.u8("levelCount")?, 1, MAX_LEVELS, "levelCount")?;
        let segment_count = in_range(reader.u16("segmentCount")?, 0, MAX_SEGMENTS, "segmentCount")?;
        header.prelude_bytes = reader.u32("preludeBytes")?;
        let expected = header_size(usize::from(level_count), usize::from(segment_count));
        if header_bytes as usize != expected {
            return Err(Error::corrupt("headerBytes", expected, header_bytes));
        }
        header.parse_levels(&mut reader, level_count)?;
        header.parse_directory(&mut reader, segment_count)?;
        reader.finish("chunk header")?;
        header.check_level_ends()?;
        if codec == CACHEGEN {
            crate::cachegen::check_directory(&header)?;
        }
        Ok(header)
    }

    fn parse_levels(&mut self, reader: &mut Reader<'_>, count: u8) -> Result<()> {
        for _ in 0..count {
            let name = reader.name("level name")?;
            if self.levels.iter().any(|level| level.name == name) {
                return Err(Error::corrupt("level names", "distinct names", name));
            }
            let end_offset = reader.u32("endOffset")?;
            let predicted_kld = reader.f32("predictedKld")?;
            if predicted_kld < 0.0 {
                return Err(Error::corrupt("predictedKld", "at least 0", predicted_kld));
            }
            self.levels.push(Level { name, end_offset, predicted_kld });
        }
        Ok(())
    }

    fn parse_directory(&mut self, reader: &mut Reader<'_>, count: u16) -> Result<()> {
        let mut end = u64::from(self.header_bytes) + u64::from(self.prelude_bytes);
        check_object_size(end)?;
        let mut next_pass = [None; 256 * 16];
        self.segments.reserve_exact(usize::from(count));
        for _ in 0..count {
            let group = reader.u8("segment group")?;
            let band_and_pass = reader.u8("segment band and pass")?;
            let slope_bits = reader.u16("segment slope")?;
            let bytes = reader.u32("segment bytes")?;
            let (band, pass) = (band_and_pass % 16, band_and_pass / 16);
            let segment = Segment { group, band, pass, slope_bits, bytes, offset: end as u32 };
            in_range(pass, 0, MAX_PASS, "segment pass")?;
            if finite(segment.slope(), "segment slope")? < 0.0 {
                return Err(Error::corrupt("segment slope", "at least 0", segment.slope()));
            }
            let next = &mut next_pass[usize::from(group) * 16 + usize::from(band)];
            match *next {
                Some(expected) if expected != pass => {
                    return Err(Error::corrupt("order of passes in the directory", expected, pass));
                }
                _ => *next = Some(pass + 1),
            }
            end += u64::from(bytes);
            check_object_size(end)?;
            in_range(bytes, MIN_SEGMENT_BYTES, u32::MAX, "segment bytes")?;
            self.segments.push(segment);
        }
        Ok(())
    }

    fn check_level_ends(&self) -> Result<()> {
        let mut previous = 0;
        for level in &self.levels {
            if level.end_offset < previous {
                return Err(Error::corrupt(
                    "endOffset",
                    format_args!("at least {previous}"),
                    level.end_offset,
                ));
            }
            previous = level.end_offset;
            if self.segments_within(level.end_offset).is_none() {
                return Err(Error::corrupt("endOffset", "the end of a segment", level.end_offset));
            }
        }
        if previous != self.object_bytes() {
            return Err(Error::corrupt("endOffset of the last level", self.object_bytes(), previous));
        }
        Ok(())
    }

    /// Number of segments in a prefix of this size; `None` unless it ends with the prelude or with a segment.
    pub fn segments_within(&self, bytes: u32) -> Option<usize> {
        if bytes == self.prelude_end() {
            return Some(0);
        }
        let count = self.segments.partition_point(|segment| segment.end() <= bytes);
        let last = self.segments.get(count.checked_sub(1)?)?;
        (last.end() == bytes).then_some(count)
    }

    pub fn prelude_end(&self) -> u32 {
        self.header_bytes + self.prelude_bytes
    }

    /// Size of the whole object.
    pub fn object_bytes(&self) -> u32 {
        self.segments.last().map_or(self.prelude_end(), Segment::end)
    }

    pub fn level(&self, name: &str) -> Result<&Level> {
        self.levels.iter().find(|level| level.name == name).ok_or_else(|| {
            let known: Vec<&str> = self.levels.iter().map(|level| level.name.as_str()).collect();
            Error::expected(ErrorCode::UnknownLevel, "level", known.join(", "), name)
        })
    }

    /// The header's bytes; sets `header_bytes` and, from the segments' sizes, their offsets.
    /// `level_segments[i]` is how many segments level i holds.
    pub(crate) fn write(&mut self, level_segments: &[usize]) -> Result<Vec<u8>> {
        self.header_bytes = header_size(self.levels.len(), self.segments.len()) as u32;
        let mut end = u64::from(self.prelude_end());
        for segment in &mut self.segments {
            segment.offset = end as u32;
            end += u64::from(segment.bytes);
            check_object_size(end)?;
        }
        for (index, &count) in level_segments.iter().enumerate() {
            let end_offset = match count.checked_sub(1) {
                Some(last) => self.segments[last].end(),
                None => self.prelude_end(),
            };
            self.levels[index].end_offset = end_offset;
        }
        Ok(self.to_bytes())
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.header_bytes as usize);
        out.extend(*b"KVLC");
        out.extend(1u16.to_le_bytes());
        out.extend([self.codec, if self.subset { SUBSET_FLAG } else { 0 }]);
        out.extend(self.header_bytes.to_le_bytes());
        for id in [&self.model_fingerprint, &self.profile_id, &self.chunk_id] {
            out.extend(id);
        }
        out.extend(self.first_position.to_le_bytes());
        out.extend(self.token_count.to_le_bytes());
        self.geometry.write(&mut out);
        out.push(self.levels.len() as u8);
        out.extend((self.segments.len() as u16).to_le_bytes());
        out.extend(self.prelude_bytes.to_le_bytes());
        for level in &self.levels {
            let mut name = [0u8; 16];
            name.iter_mut().zip(level.name.bytes()).for_each(|(to, from)| *to = from);
            out.extend(name);
            out.extend(level.end_offset.to_le_bytes());
            out.extend(level.predicted_kld.to_le_bytes());
        }
        for segment in &self.segments {
            out.extend([segment.group, segment.band + 16 * segment.pass]);
            out.extend(segment.slope_bits.to_le_bytes());
            out.extend(segment.bytes.to_le_bytes());
        }
        let crc = crc32c::crc32c(&out);
        out.extend(crc.to_le_bytes());
        out
    }
}

/// Reserved in codecs that need no profile.
fn parse_profile_id(reader: &mut Reader<'_>, codec: u8) -> Result<[u8; 32]> {
    let id = reader.array("profileId")?;
    if codec == CACHEGEN && id != [0; 32] {
        return Err(Error::unsupported("profileId of codec 2", "zero", "another"));
    }
    Ok(id)
}

fn header_size(levels: usize, segments: usize) -> usize {
    FIXED_BYTES + LEVEL_BYTES * levels + ENTRY_BYTES * segments + 4
}

fn check_object_size(bytes: u64) -> Result<()> {
    if bytes > MAX_CHUNK_BYTES {
        return Err(Error::limit("chunk object", MAX_CHUNK_BYTES, bytes));
    }
    Ok(())
}
