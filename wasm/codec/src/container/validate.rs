use super::header::Header;
use super::prelude::Prelude;
use super::segment::{refinements, SegmentParts};
use crate::error::{Error, Result};

/// Checks a whole object without its profile: header, directory, prelude, and the CRC and parts of every segment.
pub fn validate_chunk(chunk: &[u8]) -> Result<Header> {
    let header = Header::parse(chunk)?;
    let (expected, got) = (header.object_bytes() as usize, chunk.len());
    if got < expected {
        return Err(Error::truncated("chunk object", expected, got));
    }
    if got > expected {
        return Err(Error::corrupt("chunk size", expected, got));
    }
    let prelude = Prelude::parse(chunk, &header)?;
    for (segment, refinement) in refinements(&header) {
        SegmentParts::parse(chunk, segment, refinement, prelude.lanes())?;
    }
    Ok(header)
}
