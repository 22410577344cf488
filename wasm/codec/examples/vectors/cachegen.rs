//! Vectors of codec 2, in a folder of their own: they have no profile.

use std::fs;
use std::path::Path;

use kvedge_codec::cachegen::CachegenRequest;
use kvedge_codec::{cut_groups, cut_level, Cachegen, DecodeOptions, Header, Limits};

use crate::common::patch::{fix_chunk_crcs, fix_tail_crc};
use crate::common::Rng;
use crate::{write_new, Error};

/// Two layers of two KV heads, keys of 6 and values of 3; the fingerprint is 0x2a 32 times.
fn codec() -> Result<Cachegen, Error> {
    Ok(Cachegen::new(&[0x2a; 32], &[2, 2, 6, 3])?)
}

/// Channels of several scales and means, one constant and one with outliers.
fn planes(codec: &Cachegen, tokens: usize) -> Vec<u16> {
    let mut rng = Rng(2026);
    let mut planes = Vec::new();
    for plane in 0..codec.geometry.planes() {
        let dim = codec.geometry.plane_dim(plane);
        let mut last = vec![0.0f32; dim];
        for token in 0..tokens {
            for (channel, last) in last.iter_mut().enumerate() {
                let scale = if channel == 0 { 0.0 } else { 0.1 * 1.7f32.powi(channel as i32) };
                *last = 0.2 * channel.min(4) as f32 * *last + rng.normal() * scale;
                let outlier = if channel == 1 && token % 17 == 3 { 300.0 } else { 0.0 };
                planes.push(half::f16::from_f32(channel as f32 - 2.0 + *last + outlier).to_bits());
            }
        }
    }
    planes
}

fn encode(tokens: usize, first_position: u32, exact: bool) -> Result<Vec<u8>, Error> {
    let codec = codec()?;
    let request = CachegenRequest {
        planes: &planes(&codec, tokens),
        first_position,
        token_count: tokens,
        chunk_id: [0xc2; 32],
        exact_first_token: exact,
        only_level: None,
    };
    Ok(codec.encode_chunk(&request, &Limits::default())?)
}

fn write_decoded(folder: &Path, name: &str, chunk: &[u8]) -> Result<(), Error> {
    let planes = codec()?.decode_chunk(chunk, DecodeOptions::default(), &Limits::default())?;
    let bytes: Vec<u8> = planes.iter().flat_map(|value| value.to_le_bytes()).collect();
    write_new(folder.join(format!("{name}.kvl")), chunk)?;
    write_new(folder.join(format!("{name}.planes")), &bytes)
}

pub fn write(folder: &Path) -> Result<(), Error> {
    fs::create_dir_all(folder)?;
    for (tokens, position, exact) in
        [(33, 0, true), (256, 256, false), (1, 0, true), (1, 0, false), (5, 0, false), (100, 70_000, false)]
    {
        let first = if exact { "exact" } else { "coded" };
        let name = format!("first-{first}-position{position}-tokens{tokens}");
        if folder.join(format!("{name}.kvl")).exists() {
            continue;
        }
        let chunk = encode(tokens, position, exact)?;
        write_decoded(folder, &name, &chunk)?;
        if tokens == 33 {
            write_decoded(folder, &format!("{name}.level-standard"), cut_level(&chunk, "standard")?)?;
            write_decoded(folder, &format!("{name}.layers-1-1"), &cut_groups(&chunk, &[1])?)?;
        }
    }
    write_invalid(&folder.join("invalid"))
}

/// Changes of a valid chunk; its CRCs are made right again.
#[allow(clippy::type_complexity)]
fn faults() -> Vec<(&'static str, fn(&mut Vec<u8>, &Header))> {
    fn entry(layout: &Header) -> usize {
        129 + 24 * layout.levels.len()
    }
    fn prelude(layout: &Header) -> usize {
        layout.header_bytes as usize
    }
    vec![
        ("unsupported--profile-id", |chunk, _| chunk[44] = 1),
        ("unsupported--first-token-mode", |chunk, layout| chunk[prelude(layout)] = 2),
        ("corrupt--group", |chunk, layout| chunk[entry(layout)] = 2),
        ("corrupt--band", |chunk, layout| chunk[entry(layout) + 1] = 2),
        ("corrupt--first-pass", |chunk, layout| chunk[entry(layout) + 1] |= 0x10),
        ("corrupt--anchor-span", |chunk, layout| chunk[prelude(layout) + 1] = 0),
        ("corrupt--step-zero", |chunk, layout| chunk[prelude(layout) + 6..][..4].fill(0)),
        ("corrupt--mean-step-negative", |chunk, layout| chunk[prelude(layout) + 13] |= 0x80),
        ("corrupt--mean-step-infinite", |chunk, layout| {
            chunk[prelude(layout) + 10..][..4].copy_from_slice(&f32::INFINITY.to_le_bytes());
        }),
        ("corrupt--means-missing", |chunk, layout| chunk[prelude(layout) + 10..][..4].fill(0)),
        ("corrupt--state", |chunk, layout| chunk[layout.segments[0].offset as usize + 8..][..4].fill(0)),
        ("corrupt--escape-bytes", |chunk, layout| chunk[layout.segments[0].offset as usize + 6] = 0xff),
    ]
}

fn write_invalid(folder: &Path) -> Result<(), Error> {
    fs::create_dir_all(folder)?;
    let chunk = encode(20, 256, false)?;
    let layout = Header::parse(&chunk)?;
    write_new(folder.join("valid.kvl"), &chunk)?;
    for (name, change) in faults() {
        let mut changed = chunk.clone();
        change(&mut changed, &layout);
        fix_chunk_crcs(&mut changed, &layout);
        write_new(folder.join(format!("{name}.kvl")), &changed)?;
    }
    let mut other = chunk.clone();
    other[12] ^= 1;
    fix_tail_crc(&mut other[..layout.header_bytes as usize]);
    write_new(folder.join("wrong-profile--fingerprint.kvl"), &other)?;
    let mut flipped = chunk.clone();
    flipped[layout.prelude_end() as usize - 9] ^= 1;
    write_new(folder.join("corrupt--prelude-crc.kvl"), &flipped)?;
    let inside = layout.segments[1].end() as usize - 1;
    write_new(folder.join("truncated--in-segment.kvl"), &chunk[..inside])
}
