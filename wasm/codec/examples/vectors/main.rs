//! `vectors <folder>`: writes the test vectors that are not there yet. Old ones are never regenerated: a decoder of this
//! version reads them for ever, whatever encoders do later.

#[path = "../../tests/common/mod.rs"]
mod common;

mod cachegen;

use std::fs;
use std::path::{Path, PathBuf};

use common::patch::{fix_chunk_crcs, fix_tail_crc};
use common::write::first_token_planes;
use common::{write_planes, write_profile, GroupSpec, Spec};
use kvedge_codec::{
    cut_layers, cut_level, decode_chunk, encode_chunk, DecodeOptions, EncodeRequest, Header, Limits, Profile,
};

type Error = Box<dyn std::error::Error>;

/// How the first token is stored.
#[derive(Clone, Copy, PartialEq)]
enum First {
    Coded,
    Exact,
    Table,
}

struct Vector {
    spec: Spec,
    tokens: usize,
    first_position: u32,
    first: First,
    name: String,
}

fn group(members: &[u16], rank: usize, band_ends: &[u16], blocks: &[(u16, u8)]) -> GroupSpec {
    GroupSpec {
        members: members.to_vec(),
        rank,
        band_ends: band_ends.to_vec(),
        blocks: blocks.to_vec(),
        parts: Vec::new(),
    }
}

fn spec(rope_layout: u8, rope_factors: bool, levels: u8, predictor_rows: u8, groups: Vec<GroupSpec>) -> Spec {
    Spec {
        layers: 2,
        kv_heads: 2,
        key_head_dim: 6,
        value_head_dim: 3,
        rope_layout,
        rope_factors,
        levels,
        groups,
        predictor_rows,
        first_tokens: vec![1, 9],
        seed: 2026,
    }
}

/// Plane dims: 12, 6, 12, 6.
fn vectors() -> Vec<Vector> {
    let joint = || vec![group(&[0, 1, 2, 3], 36, &[4, 12, 36], &[(12, 1), (24, 2)])];
    let layers =
        || vec![group(&[0, 1], 18, &[6, 18], &[(18, 1)]), group(&[2, 3], 10, &[10], &[(4, 1), (6, 2)])];
    let overlapping = || {
        vec![
            group(&[0, 1], 8, &[8], &[(8, 1)]),
            group(&[2, 3], 8, &[3, 8], &[(8, 2)]),
            group(&[0, 2, 3], 12, &[5, 12], &[(5, 1), (7, 2)]),
        ]
    };
    let keys_only = || vec![group(&[0, 2], 24, &[2, 24], &[(24, 2)])];
    let nibbles = || {
        vec![
            group(&[0, 1, 2, 3], 10, &[4, 10], &[(3, 1), (7, 3)]),
            group(&[0, 1], 18, &[6, 18], &[(4, 2), (14, 3)]),
            group(&[2, 3], 18, &[18], &[(18, 3)]),
        ]
    };
    let product = || {
        let parts = vec![(2, vec![(2, 1), (4, 2)]), (1, vec![(3, 2)]), (1, vec![(3, 1)])];
        let mut lead = group(&[0, 1, 2, 3], 11, &[4, 11], &[(2, 1), (9, 2)]);
        lead.parts = parts;
        vec![lead, group(&[0, 1], 12, &[12], &[(6, 2), (6, 3)]), group(&[2, 3], 12, &[5, 12], &[(12, 2)])]
    };
    let make = |what: &str, spec: Spec, tokens: usize, first_position: u32, first: First| {
        let first_name = ["coded", "exact", "table"][first as usize];
        let shifts = ["flat", "shifts", "rows"][usize::from(spec.predictor_rows.min(2))];
        let name = format!(
            "{what}-rope{}{}-levels{}-{shifts}-first-{first_name}-position{first_position}-tokens{tokens}",
            spec.rope_layout,
            if spec.rope_factors { "f" } else { "" },
            spec.levels,
        );
        Vector { spec, tokens, first_position, first, name }
    };
    vec![
        make("joint", spec(1, false, 4, 1, joint()), 33, 0, First::Table),
        make("joint", spec(2, true, 6, 1, joint()), 64, 256, First::Coded),
        make("joint", spec(0, false, 1, 0, joint()), 5, 0, First::Coded),
        make("joint", spec(2, false, 4, 1, joint()), 1, 0, First::Exact),
        make("joint", spec(1, true, 2, 0, joint()), 1, 0, First::Coded),
        make("layers", spec(2, true, 4, 0, layers()), 100, 0, First::Exact),
        make("layers", spec(1, true, 3, 1, layers()), 31, 70_000, First::Coded),
        make("overlapping", spec(2, false, 4, 1, overlapping()), 47, 0, First::Exact),
        make("overlapping", spec(1, false, 5, 0, overlapping()), 32, 512, First::Coded),
        make("keys-only", spec(2, false, 4, 1, keys_only()), 256, 0, First::Table),
        make("layers", spec(1, false, 4, 2, layers()), 70, 0, First::Exact),
        make("overlapping", spec(2, true, 3, 3, overlapping()), 45, 0, First::Table),
        make("product", spec(1, false, 4, 1, product()), 65, 256, First::Coded),
        make("i4-blocks", spec(2, false, 4, 1, nibbles()), 65, 0, First::Exact),
    ]
}

fn write_new(path: PathBuf, bytes: &[u8]) -> Result<(), Error> {
    if path.exists() {
        return Ok(());
    }
    println!("{} {}", path.display(), bytes.len());
    Ok(fs::write(path, bytes)?)
}

fn encode(vector: &Vector) -> Result<(Vec<u8>, Profile, Vec<u8>), Error> {
    let Vector { spec, tokens, first_position, first, .. } = vector;
    let file = write_profile(spec);
    let profile = Profile::parse(&file, &Limits::default())?;
    let known = (*first == First::Table).then(|| spec.first_tokens[1]);
    let first_planes = known.map(|id| first_token_planes(spec, id));
    let planes = write_planes(spec, *tokens, first_planes.as_deref());
    let request = EncodeRequest {
        planes: &planes,
        first_position: *first_position,
        token_count: *tokens,
        chunk_id: [0xc1; 32],
        exact_first_token: *first != First::Coded,
        first_token_id: known.unwrap_or(0),
        only_level: None,
    };
    let chunk = encode_chunk(&profile, &request, &Limits::default())?;
    Ok((file, profile, chunk))
}

fn write_decoded(folder: &Path, name: &str, profile: &Profile, chunk: &[u8]) -> Result<(), Error> {
    let planes = decode_chunk(profile, chunk, DecodeOptions::default(), &Limits::default())?;
    let bytes: Vec<u8> = planes.iter().flat_map(|value| value.to_le_bytes()).collect();
    write_new(folder.join(format!("{name}.kvl")), chunk)?;
    write_new(folder.join(format!("{name}.planes")), &bytes)
}

fn write_vector(folder: &Path, vector: &Vector) -> Result<(), Error> {
    let (file, profile, chunk) = encode(vector)?;
    let name = &vector.name;
    if folder.join(format!("{name}.kvl")).exists() {
        return Ok(());
    }
    write_new(folder.join(format!("{name}.kvp")), &file)?;
    write_decoded(folder, name, &profile, &chunk)?;
    if vector.name.starts_with("joint-rope1-levels4") {
        write_decoded(folder, &format!("{name}.level-standard"), &profile, cut_level(&chunk, "standard")?)?;
    }
    if vector.name.starts_with("layers-rope2") {
        write_decoded(folder, &format!("{name}.layers-1-1"), &profile, &cut_layers(&profile, &chunk, 1, 1)?)?;
    }
    Ok(())
}

/// Changes of a valid chunk; its CRCs are made right again.
#[allow(clippy::type_complexity)]
fn chunk_faults() -> Vec<(&'static str, fn(&mut Vec<u8>, &Header))> {
    vec![
        ("bad-magic--magic", |chunk, _| chunk[0] = b'X'),
        ("unsupported--version", |chunk, _| chunk[4] = 2),
        ("unsupported--codec", |chunk, _| chunk[6] = 2),
        ("unsupported--flag", |chunk, _| chunk[7] = 0x80),
        ("unsupported--first-token-mode", |chunk, layout| chunk[layout.header_bytes as usize] = 3),
        ("unsupported--shift-mode", |chunk, layout| chunk[layout.header_bytes as usize + 1] = 3),
        ("limit--header-bytes", |chunk, _| chunk[8..12].copy_from_slice(&65_537u32.to_le_bytes())),
        ("limit--layers", |chunk, _| chunk[114..116].copy_from_slice(&513u16.to_le_bytes())),
        ("limit--object-bytes", |chunk, layout| {
            let at = 129 + 24 * layout.levels.len() + 4;
            chunk[at..at + 4].copy_from_slice(&(65u32 << 20).to_le_bytes());
        }),
        ("corrupt--token-count", |chunk, _| chunk[112..114].copy_from_slice(&257u16.to_le_bytes())),
        ("corrupt--level-name", |chunk, _| chunk[129] = b'_'),
        ("corrupt--level-names-equal", |chunk, _| chunk.copy_within(129..145, 153)),
        ("corrupt--end-offset", |chunk, layout| {
            let inside = layout.levels[0].end_offset + 1;
            chunk[145..149].copy_from_slice(&inside.to_le_bytes());
        }),
        ("corrupt--predicted-kld", |chunk, _| chunk[149..153].copy_from_slice(&f32::NAN.to_le_bytes())),
        ("corrupt--pass", |chunk, layout| chunk[129 + 24 * layout.levels.len() + 1] |= 0x60),
        ("corrupt--slope", |chunk, layout| chunk[129 + 24 * layout.levels.len() + 3] = 0xbf),
        ("corrupt--class-shift", |chunk, layout| chunk[layout.segments[0].offset as usize + 7] = 64),
        ("corrupt--state", |chunk, layout| {
            let at = layout.segments[0].offset as usize + 8;
            chunk[at..at + 4].copy_from_slice(&0xffffu32.to_le_bytes());
        }),
        ("corrupt--escape-bytes", |chunk, layout| chunk[layout.segments[0].offset as usize + 6] = 0xff),
    ]
}

/// Faults that a CRC shows, and sizes.
#[allow(clippy::type_complexity)]
fn raw_faults() -> Vec<(&'static str, fn(&mut Vec<u8>, &Header))> {
    vec![
        ("corrupt--header-crc", |chunk, _| chunk[50] ^= 1),
        ("corrupt--prelude-crc", |chunk, layout| chunk[layout.prelude_end() as usize - 1] ^= 1),
        ("corrupt--segment-crc", |chunk, layout| chunk[layout.segments[0].end() as usize - 1] ^= 1),
        ("corrupt--trailing-byte", |chunk, _| chunk.push(0)),
        ("truncated--in-header", |chunk, _| chunk.truncate(100)),
        ("truncated--in-prelude", |chunk, layout| chunk.truncate(layout.prelude_end() as usize - 1)),
        ("truncated--in-segment", |chunk, layout| chunk.truncate(layout.segments[1].end() as usize - 1)),
        ("truncated--empty", |chunk, _| chunk.clear()),
        ("wrong-profile--profile-id", |chunk, layout| {
            chunk[44] ^= 1;
            fix_tail_crc(&mut chunk[..layout.header_bytes as usize]);
        }),
        ("wrong-profile--fingerprint", |chunk, layout| {
            chunk[12] ^= 1;
            fix_tail_crc(&mut chunk[..layout.header_bytes as usize]);
        }),
    ]
}

#[allow(clippy::type_complexity)]
fn profile_faults() -> Vec<(&'static str, fn(&mut Vec<u8>))> {
    const ROPE: usize = 52;
    vec![
        ("bad-magic--magic", |file| file[0] = b'X'),
        ("unsupported--version", |file| file[4] = 2),
        ("unsupported--reserved", |file| file[6] = 1),
        ("unsupported--rope-layout", |file| file[ROPE] = 3),
        ("limit--kv-heads", |file| file[46..48].copy_from_slice(&513u16.to_le_bytes())),
        ("limit--file-bytes", |file| file[8..12].copy_from_slice(&(1u32 << 30).to_le_bytes())),
        ("corrupt--layers-zero", |file| file[44..46].fill(0)),
        ("corrupt--rope-dims-odd", |file| file[ROPE + 3] = 3),
        ("corrupt--rope-factor-count", |file| file[ROPE + 1] = 1),
        ("corrupt--freq-scale", |file| file[ROPE + 9..ROPE + 13].copy_from_slice(&0f32.to_le_bytes())),
        ("corrupt--base-step", |file| file[ROPE + 13..ROPE + 17].copy_from_slice(&(-1f32).to_le_bytes())),
        ("corrupt--level-count", |file| file[ROPE + 17] = 7),
        ("truncated--end", |file| file.truncate(file.len() - 1)),
        ("corrupt--trailing-byte", |file| file.push(0)),
    ]
}

fn write_invalid(folder: &Path) -> Result<(), Error> {
    fs::create_dir_all(folder)?;
    let groups = vec![group(&[0, 1, 2, 3], 36, &[4, 12, 36], &[(36, 2)])];
    let vector = Vector {
        spec: Spec { rope_factors: false, ..spec(1, false, 3, 1, groups) },
        tokens: 5,
        first_position: 256,
        first: First::Coded,
        name: String::new(),
    };
    let (file, _, chunk) = encode(&vector)?;
    let layout = Header::parse(&chunk)?;
    write_new(folder.join("valid.kvp"), &file)?;
    write_new(folder.join("valid.kvl"), &chunk)?;
    for (name, change) in chunk_faults() {
        let mut changed = chunk.clone();
        change(&mut changed, &layout);
        fix_chunk_crcs(&mut changed, &layout);
        write_new(folder.join(format!("{name}.kvl")), &changed)?;
    }
    for (name, change) in raw_faults() {
        let mut changed = chunk.clone();
        change(&mut changed, &layout);
        write_new(folder.join(format!("{name}.kvl")), &changed)?;
    }
    for (name, change) in profile_faults() {
        let mut changed = file.clone();
        change(&mut changed);
        if changed.len() == file.len() {
            fix_tail_crc(&mut changed);
        }
        write_new(folder.join(format!("{name}.kvp")), &changed)?;
    }
    Ok(())
}

fn main() -> Result<(), Error> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("usage: vectors <folder>")?);
    fs::create_dir_all(&folder)?;
    for vector in vectors() {
        write_vector(&folder, &vector)?;
    }
    write_invalid(&folder.join("invalid"))?;
    cachegen::write(&folder.join("cachegen"))
}
