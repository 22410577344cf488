//! Changes to finished files that keep their CRCs right, so that what lies behind the CRC is tested.

use kvedge_codec::Header;

/// Recomputes the CRC in the last four bytes.
pub fn fix_tail_crc(bytes: &mut [u8]) {
    let body = bytes.len() - 4;
    let crc = crc32c::crc32c(&bytes[..body]);
    bytes[body..].copy_from_slice(&crc.to_le_bytes());
}

/// Recomputes the CRCs of header, prelude and segments, which lie where `layout` says.
pub fn fix_chunk_crcs(chunk: &mut [u8], layout: &Header) {
    let (header, prelude) = (layout.header_bytes as usize, layout.prelude_end() as usize);
    fix_tail_crc(&mut chunk[..header]);
    fix_tail_crc(&mut chunk[header..prelude]);
    for segment in &layout.segments {
        let bytes = &mut chunk[segment.offset as usize..segment.end() as usize];
        let crc = crc32c::crc32c(&bytes[4..]);
        bytes[..4].copy_from_slice(&crc.to_le_bytes());
    }
}

/// Makes a chunk claim another profile.
pub fn set_profile_id(chunk: &mut [u8], layout: &Header, id: &[u8; 32]) {
    chunk[44..76].copy_from_slice(id);
    fix_tail_crc(&mut chunk[..layout.header_bytes as usize]);
}
