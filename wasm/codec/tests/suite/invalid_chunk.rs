//! Hand-made faults, each with its exact error. CRCs are right unless the fault is a CRC.

use kvedge_codec::{cut_max_bytes, decode_chunk, validate_chunk, ErrorCode, Header, Limits};

use crate::case::{Case, ALL};
use crate::common::patch::{fix_chunk_crcs, fix_tail_crc};

/// A chunk with segments whose first token is coded and whose tokens have shifts.
fn chunk_with_shifts() -> Case {
    let wanted = |case: &Case| {
        let prelude = &case.chunk[case.header().header_bytes as usize..];
        prelude[0] == 0 && prelude[1] == 1 && case.header().segments.len() > 2 && case.spec.levels > 1
    };
    (0..500).map(|seed| Case::with_tokens(seed, 5)).find(wanted).expect("one of many cases")
}

fn check(expected: ErrorCode, change: impl Fn(&mut Vec<u8>, &Header)) {
    let case = chunk_with_shifts();
    let layout = case.header();
    let mut chunk = case.chunk.clone();
    change(&mut chunk, &layout);
    fix_chunk_crcs(&mut chunk, &layout);
    let validated = validate_chunk(&chunk).expect_err("validate");
    assert_eq!(validated.code(), expected, "{validated}");
    let decoded = decode_chunk(&case.profile, &chunk, ALL, &Limits::default()).expect_err("decode");
    assert_eq!(decoded.code(), expected, "{decoded}");
}

/// First byte of entry `number` of the directory.
fn entry(layout: &Header, number: usize) -> usize {
    129 + 24 * layout.levels.len() + 8 * number
}

#[test]
fn header_fields() {
    check(ErrorCode::BadMagic, |chunk, _| chunk[0] = b'k');
    check(ErrorCode::Unsupported, |chunk, _| chunk[4] = 2);
    check(ErrorCode::Unsupported, |chunk, _| chunk[6] = 2);
    check(ErrorCode::Unsupported, |chunk, _| chunk[7] = 2);
    check(ErrorCode::Limit, |chunk, _| chunk[8..12].copy_from_slice(&65537u32.to_le_bytes()));
    check(ErrorCode::Corrupt, |chunk, _| chunk[8..12].copy_from_slice(&132u32.to_le_bytes()));
    check(ErrorCode::Corrupt, |chunk, _| chunk[112..114].copy_from_slice(&257u16.to_le_bytes()));
    check(ErrorCode::Corrupt, |chunk, _| chunk[112..114].copy_from_slice(&0u16.to_le_bytes()));
    check(ErrorCode::Corrupt, |chunk, _| chunk[114..116].copy_from_slice(&0u16.to_le_bytes()));
    check(ErrorCode::Limit, |chunk, _| chunk[114..116].copy_from_slice(&513u16.to_le_bytes()));
    check(ErrorCode::Limit, |chunk, _| chunk[118..120].copy_from_slice(&1025u16.to_le_bytes()));
    check(ErrorCode::Corrupt, |chunk, _| chunk[122] = 7);
    check(ErrorCode::Corrupt, |chunk, _| chunk[123..125].copy_from_slice(&4097u16.to_le_bytes()));
    check(ErrorCode::Corrupt, |chunk, layout| {
        let more = layout.segments.len() as u16 + 1;
        chunk[123..125].copy_from_slice(&more.to_le_bytes());
    });
}

#[test]
fn levels() {
    check(ErrorCode::Corrupt, |chunk, _| chunk[129] = b'D');
    check(ErrorCode::Corrupt, |chunk, _| chunk[144] = b'x');
    check(ErrorCode::Corrupt, |chunk, _| chunk.copy_within(129..145, 153));
    check(ErrorCode::Corrupt, |chunk, _| chunk[145..149].copy_from_slice(&1u32.to_le_bytes()));
    check(ErrorCode::Corrupt, |chunk, layout| {
        let inside = layout.levels[0].end_offset + 1;
        chunk[145..149].copy_from_slice(&inside.to_le_bytes());
    });
    check(ErrorCode::Corrupt, |chunk, _| chunk[149..153].copy_from_slice(&(-1.0f32).to_le_bytes()));
    check(ErrorCode::Corrupt, |chunk, _| chunk[149..153].copy_from_slice(&f32::INFINITY.to_le_bytes()));
}

#[test]
fn directory() {
    check(ErrorCode::Corrupt, |chunk, layout| chunk[entry(layout, 0) + 1] |= 6 * 16);
    check(ErrorCode::Corrupt, |chunk, layout| chunk[entry(layout, 0) + 3] = 0x80 | 0x3f);
    check(ErrorCode::Corrupt, |chunk, layout| {
        chunk[entry(layout, 0) + 2..][..2].copy_from_slice(&[0x80, 0x7f])
    });
    check(ErrorCode::Corrupt, |chunk, layout| {
        chunk[entry(layout, 0) + 4..][..4].copy_from_slice(&[4, 0, 0, 0])
    });
    check(ErrorCode::Limit, |chunk, layout| {
        chunk[entry(layout, 0) + 4..][..4].copy_from_slice(&[0, 0, 0, 4])
    });
    // The same (group, band, pass) twice.
    check(ErrorCode::Corrupt, |chunk, layout| {
        let (from, to) = (entry(layout, 0), entry(layout, 1));
        chunk.copy_within(from..from + 2, to);
    });
}

#[test]
fn prelude() {
    let at = |layout: &Header| layout.header_bytes as usize;
    check(ErrorCode::Unsupported, |chunk, layout| chunk[at(layout)] = 3);
    check(ErrorCode::Unsupported, |chunk, layout| chunk[at(layout) + 1] = 3);
    // Rows of shifts: what are shifts of one row is no valid table of rows.
    check(ErrorCode::Corrupt, |chunk, layout| chunk[at(layout) + 1] = 2);
    // Five tokens: the last half byte is unused.
    check(ErrorCode::Corrupt, |chunk, layout| chunk[at(layout) + 4] |= 0x10);
    // Bytes left over: no shifts follow.
    check(ErrorCode::Corrupt, |chunk, layout| chunk[at(layout) + 1] = 0);
    // Exact planes do not fit in.
    check(ErrorCode::Corrupt, |chunk, layout| chunk[at(layout)] = 1);
}

#[test]
fn segment_parts() {
    let at = |layout: &Header| layout.segments[0].offset as usize;
    check(ErrorCode::Corrupt, |chunk, layout| chunk[at(layout) + 6] = 1);
    check(ErrorCode::Corrupt, |chunk, layout| chunk[at(layout) + 7] = 64);
    check(ErrorCode::Corrupt, |chunk, layout| chunk[at(layout) + 7] = 191);
    check(ErrorCode::Corrupt, |chunk, layout| {
        chunk[at(layout) + 8..][..4].copy_from_slice(&[255, 255, 0, 0])
    });
}

#[test]
fn crcs() {
    let case = chunk_with_shifts();
    let layout = case.header();
    let prelude = layout.header_bytes as usize;
    for at in [20, prelude + 2, case.chunk.len() - 1] {
        let mut chunk = case.chunk.clone();
        chunk[at] ^= 1;
        let error = validate_chunk(&chunk).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Corrupt);
        assert!(error.message().contains("CRC32C"), "{error}");
    }
}

#[test]
fn bytes_after_the_end() {
    let case = chunk_with_shifts();
    let mut chunk = case.chunk.clone();
    chunk.push(0);
    assert_eq!(validate_chunk(&chunk).unwrap_err().code(), ErrorCode::Corrupt);
    assert_eq!(
        decode_chunk(&case.profile, &chunk, ALL, &Limits::default()).unwrap_err().code(),
        ErrorCode::Corrupt
    );
}

#[test]
fn another_profile() {
    let case = chunk_with_shifts();
    let layout = case.header();
    for (at, value) in [(12, 0), (44, 0), (76, 0)] {
        let mut chunk = case.chunk.clone();
        chunk[at] = value;
        fix_tail_crc(&mut chunk[..layout.header_bytes as usize]);
        let decoded = decode_chunk(&case.profile, &chunk, ALL, &Limits::default());
        match at {
            76 => assert!(decoded.is_ok(), "the chunk id is the cache's business"),
            _ => assert_eq!(decoded.unwrap_err().code(), ErrorCode::WrongProfile),
        }
    }
    // A group that the profile lacks.
    let mut chunk = case.chunk.clone();
    let first = layout.segments[0];
    for number in (0..layout.segments.len()).filter(|&number| layout.segments[number].group == first.group) {
        chunk[entry(&layout, number)] = 200;
    }
    fix_tail_crc(&mut chunk[..layout.header_bytes as usize]);
    assert!(validate_chunk(&chunk).is_ok());
    let error = decode_chunk(&case.profile, &chunk, ALL, &Limits::default()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::WrongProfile);
}

#[test]
fn a_budget_below_the_prelude() {
    let case = chunk_with_shifts();
    let least = u64::from(case.header().prelude_end());
    assert_eq!(cut_max_bytes(&case.chunk, least - 1).unwrap_err().code(), ErrorCode::BudgetTooSmall);
    assert_eq!(cut_max_bytes(&case.chunk, least).unwrap().len() as u64, least);
}
