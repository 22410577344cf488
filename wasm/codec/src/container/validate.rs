use super::header::{Header, CACHEGEN};
use super::prelude::Prelude;
use super::segment::{refinements, SegmentParts};
use crate::cachegen::Tables;
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
    let lanes = match header.codec {
        CACHEGEN => Tables::parse(chunk, &header)?.lanes(),
        _ => Prelude::parse(chunk, &header)?.lanes(),
    };
    for (segment, refinement) in refinements(&header) {
        SegmentParts::parse(chunk, segment, refinement, lanes)?;
    }
    Ok(header)
}
