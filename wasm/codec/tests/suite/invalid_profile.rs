//! Hand-made faults of profile files, each with its exact error. The CRC is right unless it is the fault.

use kvedge_codec::{ErrorCode, Limits, Profile};

use crate::common::patch::fix_tail_crc;
use crate::common::write::finish;
use crate::common::{write_profile, GroupSpec, Spec};

/// Two layers, one head, keys of 4 values rotated in interleaved pairs, values of 3.
fn spec() -> Spec {
    Spec {
        layers: 2,
        kv_heads: 1,
        key_head_dim: 4,
        value_head_dim: 3,
        rope_layout: 1,
        rope_factors: true,
        levels: 2,
        groups: vec![GroupSpec {
            members: vec![0, 1, 2],
            rank: 5,
            band_ends: vec![2, 5],
            blocks: vec![(2, 1), (3, 2)],
            parts: Vec::new(),
        }],
        predictor_rows: 2,
        first_tokens: vec![1, 5],
        seed: 11,
    }
}

const ROPE: usize = 12 + 32 + 8;
const BASE_STEP: usize = ROPE + 1 + 2 + 2 + 4 + 4 + 2 * 4;
const LEVELS: usize = BASE_STEP + 4;
const KLD: usize = LEVELS + 1 + 2 * 16;
const PLANES: usize = KLD + 4;
const CLASSES: usize = PLANES + 2 * 14 * 4;

/// Where the groups start: the classes' sizes vary.
fn groups_at(file: &[u8]) -> usize {
    let mut at = CLASSES + 1;
    for _ in 0..file[CLASSES] {
        at += 2 + 2 * (2 * usize::from(file[at]) + 2) + 12;
    }
    at
}

fn check(expected: ErrorCode, change: impl Fn(&mut Vec<u8>)) {
    let mut file = write_profile(&spec());
    assert!(Profile::parse(&file, &Limits::default()).is_ok());
    change(&mut file);
    fix_tail_crc(&mut file);
    let error = Profile::parse(&file, &Limits::default()).expect_err("a fault");
    assert_eq!(error.code(), expected, "{error}");
}

fn put_f32(file: &mut [u8], at: usize, value: f32) {
    file[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

#[test]
fn prefix() {
    check(ErrorCode::BadMagic, |file| file[3] = b'Q');
    check(ErrorCode::Unsupported, |file| file[4] = 2);
    check(ErrorCode::Unsupported, |file| file[6] = 1);
    check(ErrorCode::Truncated, |file| file[8] = file[8].wrapping_add(1));
    check(ErrorCode::Corrupt, |file| file[8] = file[8].wrapping_sub(1));
    check(ErrorCode::Limit, |file| file[8..12].copy_from_slice(&(1u32 << 30).to_le_bytes()));
}

#[test]
fn geometry_and_rope() {
    check(ErrorCode::Corrupt, |file| file[44] = 0);
    check(ErrorCode::Limit, |file| file[45] = 3);
    check(ErrorCode::Unsupported, |file| file[ROPE] = 3);
    check(ErrorCode::Corrupt, |file| file[ROPE] = 0);
    check(ErrorCode::Corrupt, |file| file[ROPE + 1] = 1);
    check(ErrorCode::Corrupt, |file| file[ROPE + 3] = 3);
    check(ErrorCode::Corrupt, |file| file[ROPE + 3] = 6);
    check(ErrorCode::Corrupt, |file| put_f32(file, ROPE + 5, 0.0));
    check(ErrorCode::Corrupt, |file| put_f32(file, ROPE + 9, -1.0));
    check(ErrorCode::Corrupt, |file| put_f32(file, ROPE + 13, 0.0));
}

#[test]
fn levels_and_statistics() {
    check(ErrorCode::Corrupt, |file| put_f32(file, BASE_STEP, 0.0));
    check(ErrorCode::Corrupt, |file| put_f32(file, BASE_STEP, f32::NAN));
    check(ErrorCode::Corrupt, |file| file[LEVELS] = 0);
    check(ErrorCode::Corrupt, |file| file[LEVELS] = 7);
    check(ErrorCode::Corrupt, |file| file.copy_within(LEVELS + 1..LEVELS + 17, LEVELS + 17));
    check(ErrorCode::Corrupt, |file| file[LEVELS + 1..LEVELS + 17].fill(0));
    check(ErrorCode::Corrupt, |file| put_f32(file, KLD, -0.5));
    check(ErrorCode::Corrupt, |file| put_f32(file, PLANES, f32::INFINITY));
    check(ErrorCode::Corrupt, |file| put_f32(file, PLANES + 4 * 4, 0.0));
}

#[test]
fn classes() {
    check(ErrorCode::Corrupt, |file| file[CLASSES] = 0);
    check(ErrorCode::Corrupt, |file| file[CLASSES] = 97);
    check(ErrorCode::Corrupt, |file| file[CLASSES + 1] = 0);
    check(ErrorCode::Corrupt, |file| file[CLASSES + 1] = 16);
    check(ErrorCode::Corrupt, |file| file[CLASSES + 2] = 16);
    check(ErrorCode::Corrupt, |file| file[CLASSES + 3] ^= 1);
    // A frequency of zero that its neighbour makes up for.
    check(ErrorCode::Corrupt, |file| {
        let pair = u16::from_le_bytes([file[CLASSES + 3], file[CLASSES + 4]])
            + u16::from_le_bytes([file[CLASSES + 5], file[CLASSES + 6]]);
        file[CLASSES + 3..CLASSES + 5].fill(0);
        file[CLASSES + 5..CLASSES + 7].copy_from_slice(&pair.to_le_bytes());
    });
}

#[test]
fn groups() {
    let group = |file: &[u8]| groups_at(file) + 1;
    check(ErrorCode::Corrupt, |file| {
        let at = groups_at(file);
        file[at] = 0
    });
    check(ErrorCode::Corrupt, |file| {
        let at = group(file);
        file[at] = 0
    });
    check(ErrorCode::Corrupt, |file| {
        let at = group(file);
        file[at] = 5
    });
    check(ErrorCode::Corrupt, |file| {
        let at = group(file);
        file[at + 4] = 0
    });
    check(ErrorCode::Corrupt, |file| {
        let at = group(file);
        file[at + 6] = 4
    });
    check(ErrorCode::Corrupt, |file| {
        let at = group(file);
        file[at + 8] = 0
    });
    check(ErrorCode::Corrupt, |file| {
        let at = group(file);
        file[at + 8] = 12
    });
    check(ErrorCode::Corrupt, |file| {
        let at = group(file);
        file[at + 10] = 17
    });
    check(ErrorCode::Corrupt, |file| {
        let at = group(file);
        file[at + 11] = 5
    });
    check(ErrorCode::Corrupt, |file| {
        let at = group(file);
        file[at + 13] = 4
    });
    let blocks = |file: &[u8]| group(file) + 15 + 5;
    check(ErrorCode::Corrupt, |file| {
        let at = blocks(file);
        file[at] = 9
    });
    check(ErrorCode::Corrupt, |file| {
        let at = blocks(file);
        file[at + 1] = 3
    });
    check(ErrorCode::Unsupported, |file| {
        let at = blocks(file);
        file[at + 3] = 4
    });
    check(ErrorCode::Corrupt, |file| {
        let at = blocks(file);
        file[at + 8] = 0x7c
    });
}

#[test]
fn predictor_rows() {
    // Behind the kind: gamma, counts and unit, then the rows and that of the only group.
    let size = 1 + 4 + 2 + 2 + 4 + 2 + 2 * 4 + 4 * (2 + 2) * 4 + 4;
    let at = |file: &[u8]| file.len() - size;
    check(ErrorCode::Unsupported, |file| {
        let at = at(file);
        file[at] = 3
    });
    check(ErrorCode::Corrupt, |file| {
        let at = at(file);
        file[at + 13] = 17
    });
    check(ErrorCode::Corrupt, |file| {
        let at = at(file);
        file[at + 14] = 2
    });
}

#[test]
fn tail() {
    // Leftover bytes before the CRC, and a file that ends in the middle of the predictor.
    let file = write_profile(&spec());
    let body = &file[..file.len() - 4];
    let longer = finish([body, &[0]].concat());
    assert_eq!(Profile::parse(&longer, &Limits::default()).unwrap_err().code(), ErrorCode::Corrupt);
    let shorter = finish(body[..body.len() - 1].to_vec());
    assert_eq!(Profile::parse(&shorter, &Limits::default()).unwrap_err().code(), ErrorCode::Truncated);
}
