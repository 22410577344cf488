//! Cuts of section 8. The first two are prefixes; all work without the profile.

use std::cmp::Ordering;

use super::header::Header;
use crate::error::{Error, ErrorCode, Result};
use crate::profile::Profile;

/// The prefix that is this level.
pub fn cut_level<'a>(chunk: &'a [u8], level: &str) -> Result<&'a [u8]> {
    let header = Header::parse(chunk)?;
    let end = header.level(level)?.end_offset as usize;
    chunk.get(..end).ok_or_else(|| Error::truncated("chunk", end, chunk.len()))
}

/// The longest prefix that ends with the prelude or with a segment and has at most `max_bytes`.
pub fn cut_max_bytes(chunk: &[u8], max_bytes: u64) -> Result<&[u8]> {
    let header = Header::parse(chunk)?;
    if max_bytes < u64::from(header.prelude_end()) {
        return Err(Error::expected(
            ErrorCode::BudgetTooSmall,
            "byte budget",
            format_args!("at least {}", header.prelude_end()),
            max_bytes,
        ));
    }
    let room = max_bytes.min(chunk.len() as u64);
    if room < u64::from(header.prelude_end()) {
        return Err(Error::truncated("chunk", header.prelude_end(), chunk.len()));
    }
    let count = header.segments.partition_point(|segment| u64::from(segment.end()) <= room);
    let end = count.checked_sub(1).map_or(header.prelude_end(), |last| header.segments[last].end());
    Ok(&chunk[..end as usize])
}

/// `cut_groups` for the groups that hold layers `first ..= last`, counted from 0.
pub fn cut_layers(profile: &Profile, chunk: &[u8], first: u16, last: u16) -> Result<Vec<u8>> {
    let header = Header::parse(chunk)?;
    if header.profile_id != profile.id {
        return Err(Error::new(ErrorCode::WrongProfile, "the chunk was made with another profile"));
    }
    if first > last || last >= header.geometry.layers {
        return Err(Error::invalid_argument(format!(
            "layers: expected a range within 0 to {}, got {first} to {last}",
            header.geometry.layers - 1
        )));
    }
    cut_groups(chunk, &profile.groups_of_layers(first, last))
}

/// A new *subset* object with the segments of these groups (those that hold the wanted layers, which only the profile
/// knows: `Profile::groups_of_layers`). Needs the whole object.
pub fn cut_groups(chunk: &[u8], groups: &[u8]) -> Result<Vec<u8>> {
    let header = Header::parse(chunk)?;
    let whole = header.object_bytes() as usize;
    match chunk.len().cmp(&whole) {
        Ordering::Less => return Err(Error::truncated("chunk object", whole, chunk.len())),
        Ordering::Greater => return Err(Error::corrupt("chunk size", whole, chunk.len())),
        Ordering::Equal => {}
    }
    let mut wanted = [false; 256];
    groups.iter().for_each(|&group| wanted[usize::from(group)] = true);
    let kept = |end: u32| {
        let inside = header.segments.iter().take_while(|segment| segment.end() <= end);
        inside.filter(|segment| wanted[usize::from(segment.group)]).count()
    };
    let level_segments: Vec<usize> = header.levels.iter().map(|level| kept(level.end_offset)).collect();

    let mut subset = Header { subset: true, ..header.clone() };
    subset.segments.retain(|segment| wanted[usize::from(segment.group)]);
    let mut out = subset.write(&level_segments)?;
    out.extend(&chunk[header.header_bytes as usize..header.prelude_end() as usize]);
    for segment in header.segments.iter().filter(|segment| wanted[usize::from(segment.group)]) {
        out.extend(&chunk[segment.offset as usize..segment.end() as usize]);
    }
    Ok(out)
}
