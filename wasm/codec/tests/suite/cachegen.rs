//! Codec 2: round trip, prefixes, mutations, limits.

use kvedge_codec::cachegen::{CachegenRequest, Tables};
use kvedge_codec::container::header::CACHEGEN;
use kvedge_codec::{
    cut_groups, cut_level, cut_max_bytes, validate_chunk, Cachegen, DecodeOptions, ErrorCode, Header, Limits,
};
use proptest::prelude::*;

use crate::case::{token_count, ALL};
use crate::common::naive::cachegen_values;
use crate::common::patch::fix_chunk_crcs;
use crate::common::Rng;

const PARTIAL: DecodeOptions<'static> = DecodeOptions { level: None, partial: true };

struct Case {
    codec: Cachegen,
    planes: Vec<u16>,
    tokens: usize,
    exact: bool,
    chunk: Vec<u8>,
}

impl Case {
    fn random(seed: u64) -> Self {
        let mut rng = Rng(seed ^ 0x55);
        let tokens = token_count(&mut rng);
        Self::with_tokens(seed, tokens)
    }

    fn with_tokens(seed: u64, tokens: usize) -> Self {
        let mut rng = Rng(seed ^ 0x44);
        let shape =
            [1 + rng.below(4), 1 + rng.below(2), 1 + rng.below(6), 1 + rng.below(5)].map(|n| n as u16);
        let codec = Cachegen::new(&[3; 32], &shape).unwrap();
        let exact = rng.flip();
        let planes = write(&codec, tokens, &mut rng);
        let chunk = codec.encode_chunk(&request(&planes, tokens, exact, None), &Limits::default()).unwrap();
        Self { codec, planes, tokens, exact, chunk }
    }

    fn header(&self) -> Header {
        Header::parse(&self.chunk).unwrap()
    }
}

fn request<'a>(planes: &'a [u16], tokens: usize, exact: bool, only: Option<&'a str>) -> CachegenRequest<'a> {
    CachegenRequest {
        planes,
        first_position: if exact { 0 } else { 512 },
        token_count: tokens,
        chunk_id: [9; 32],
        exact_first_token: exact,
        only_level: only,
    }
}

/// Channels of many scales and means, some constant, with outliers; tokens that resemble the one before.
fn write(codec: &Cachegen, tokens: usize, rng: &mut Rng) -> Vec<u16> {
    let mut planes = Vec::new();
    for plane in 0..codec.geometry.planes() {
        let dim = codec.geometry.plane_dim(plane);
        let channel = |rng: &mut Rng| {
            (rng.normal() * 3.0, 4f32.powi(rng.below(6) as i32 - 4), rng.below(4) as f32 / 3.0)
        };
        let channels: Vec<(f32, f32, f32)> = (0..dim).map(|_| channel(rng)).collect();
        let mut last = vec![0.0f32; dim];
        for _ in 0..tokens {
            for (last, &(mean, scale, memory)) in last.iter_mut().zip(&channels) {
                *last = *last * memory + rng.normal() * scale;
                let outlier = if rng.below(200) == 0 { 60.0 } else { 1.0 };
                let value = if scale < 0.01 { mean } else { mean + *last * outlier };
                planes.push(half::f16::from_f32(value.clamp(-65504.0, 65504.0)).to_bits());
            }
        }
    }
    planes
}

fn to_f32(bits: u16) -> f32 {
    half::f16::from_bits(bits).to_f32()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_value_is_within_half_a_step_of_its_level(seed: u64) {
        let case = Case::random(seed);
        let header = validate_chunk(&case.chunk).unwrap();
        prop_assert_eq!(header.codec, CACHEGEN);
        prop_assert_eq!(header.object_bytes() as usize, case.chunk.len());
        let tables = Tables::parse(&case.chunk, &header).unwrap();
        for (pass, level) in header.levels.iter().enumerate() {
            let option = DecodeOptions { level: Some(&level.name), partial: false };
            let decoded = case.codec.decode_chunk(&case.chunk, option, &Limits::default()).unwrap();
            prop_assert_eq!(decoded.len(), case.planes.len());
            for plane in 0..case.codec.geometry.planes() {
                let dim = case.codec.geometry.plane_dim(plane);
                let start = case.codec.geometry.plane_offset(plane) * case.tokens;
                let step = tables.planes[plane].step / 3f32.powi(pass as i32);
                for at in 0..dim * case.tokens {
                    let (got, exact) = (to_f32(decoded[start + at]), to_f32(case.planes[start + at]));
                    if case.exact && at < dim {
                        prop_assert_eq!(got, exact);
                    }
                    let slack = exact.abs() / 512.0 + step * 1e-3 + 1e-4;
                    prop_assert!((got - exact).abs() <= step / 2.0 + slack, "{got} {exact} {step}");
                }
            }
        }
        let kld: Vec<f32> = header.levels.iter().map(|level| level.predicted_kld).collect();
        prop_assert!(kld.is_sorted_by(|a, b| a >= b), "{kld:?}");
    }

    #[test]
    fn planes_are_what_the_formula_makes_of_the_decoded_integers(seed: u64) {
        let case = Case::random(seed);
        for level in ["draft", "high"] {
            let option = DecodeOptions { level: Some(level), partial: false };
            let bands = case.codec.decode_indices(&case.chunk, option, &Limits::default()).unwrap();
            let decoded = case.codec.decode_chunk(&case.chunk, option, &Limits::default()).unwrap();
            let tables = Tables::parse(&case.chunk, &case.header()).unwrap();
            for (at, expected) in cachegen_values(&case.codec, &tables, &bands, case.tokens) {
                let got = f64::from(to_f32(decoded[at]));
                prop_assert!((got - expected).abs() <= expected.abs() / 1000.0 + 1e-4, "{at}: {got} {expected}");
            }
        }
    }

    #[test]
    fn a_level_is_the_same_by_cut_by_option_and_by_budget(seed: u64) {
        let case = Case::random(seed);
        for level in case.header().levels {
            let cut = cut_level(&case.chunk, &level.name).unwrap();
            prop_assert_eq!(cut, cut_max_bytes(&case.chunk, u64::from(level.end_offset)).unwrap());
            let by_cut = case.codec.decode_chunk(cut, ALL, &Limits::default()).unwrap();
            let option = DecodeOptions { level: Some(&level.name), partial: false };
            prop_assert_eq!(by_cut, case.codec.decode_chunk(&case.chunk, option, &Limits::default()).unwrap());
        }
    }

    #[test]
    fn layers_of_a_subset_decode_as_in_the_whole(seed: u64) {
        let case = Case::random(seed);
        let whole = case.codec.decode_indices(&case.chunk, ALL, &Limits::default()).unwrap();
        let last = case.codec.geometry.layers as u8 - 1;
        let cut = cut_groups(&case.chunk, &[last]).unwrap();
        prop_assert!(validate_chunk(&cut).unwrap().subset);
        let kept: Vec<_> = whole.into_iter().filter(|band| band.group == last).collect();
        prop_assert_eq!(kept, case.codec.decode_indices(&cut, ALL, &Limits::default()).unwrap());
    }

    #[test]
    fn a_level_alone_is_as_exact_as_in_the_whole(seed: u64) {
        let case = Case::random(seed);
        let alone = request(&case.planes, case.tokens, case.exact, Some("high"));
        let chunk = case.codec.encode_chunk(&alone, &Limits::default()).unwrap();
        let header = validate_chunk(&chunk).unwrap();
        prop_assert_eq!(header.levels.len(), 1);
        let (one, all) = (Tables::parse(&chunk, &header).unwrap(), Tables::parse(&case.chunk, &case.header()).unwrap());
        for (one, all) in one.planes.iter().zip(&all.planes) {
            prop_assert!(one.step <= all.step / 8.9 || all.step < 0.01);
        }
        case.codec.decode_chunk(&chunk, ALL, &Limits::default()).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10))]

    #[test]
    fn truncated_input_is_refused_or_decodes_its_whole_segments(seed: u64) {
        let case = Case::with_tokens(seed, 1 + (seed % 13) as usize);
        let header = case.header();
        for length in 0..case.chunk.len() {
            let prefix = &case.chunk[..length];
            let boundary = header.segments_within(length as u32).is_some();
            match case.codec.decode_indices(prefix, ALL, &Limits::default()) {
                Ok(_) => prop_assert!(boundary, "length {length}"),
                Err(error) => {
                    prop_assert!(!boundary, "length {length}: {error}");
                    prop_assert_eq!(error.code(), ErrorCode::Truncated);
                }
            }
            match case.codec.decode_indices(prefix, PARTIAL, &Limits::default()) {
                Ok(bands) => {
                    let whole = cut_max_bytes(&case.chunk, length as u64).unwrap();
                    prop_assert_eq!(bands, case.codec.decode_indices(whole, ALL, &Limits::default()).unwrap());
                }
                Err(error) => prop_assert_eq!(error.code(), ErrorCode::Truncated),
            }
        }
    }

    #[test]
    fn any_altered_byte_is_refused(seed: u64) {
        let case = Case::with_tokens(seed, 1 + (seed % 25) as usize);
        let mut rng = Rng(seed);
        let mut chunk = case.chunk.clone();
        for at in 0..chunk.len() {
            let flip = 1 + rng.below(255) as u8;
            chunk[at] ^= flip;
            prop_assert!(validate_chunk(&chunk).is_err(), "byte {at} is under a CRC");
            prop_assert!(case.codec.decode_chunk(&chunk, ALL, &Limits::default()).is_err());
            chunk[at] ^= flip;
        }
    }

    #[test]
    fn an_altered_byte_behind_the_crcs_never_panics(seed: u64) {
        let case = Case::with_tokens(seed, 1 + (seed % 45) as usize);
        let layout = case.header();
        let mut rng = Rng(seed);
        for at in 0..case.chunk.len() {
            let mut chunk = case.chunk.clone();
            chunk[at] = rng.next() as u8;
            fix_chunk_crcs(&mut chunk, &layout);
            let _ = validate_chunk(&chunk);
            for options in [ALL, PARTIAL] {
                if let Ok(planes) = case.codec.decode_chunk(&chunk, options, &Limits::default()) {
                    prop_assert!(planes.iter().all(|bits| bits & 0x7c00 != 0x7c00), "byte {at}");
                }
            }
        }
    }
}

#[test]
fn work_stays_within_its_budget() {
    let case = Case::with_tokens(5, 40);
    let none = Limits { max_memory_bytes: 0 };
    let decoded = case.codec.decode_chunk(&case.chunk, ALL, &none).unwrap_err();
    assert_eq!(decoded.code(), ErrorCode::Limit);
    let encoded = case.codec.encode_chunk(&request(&case.planes, 40, false, None), &none).unwrap_err();
    assert_eq!(encoded.code(), ErrorCode::Limit);
}

#[test]
fn another_model_or_codec_is_refused() {
    let case = Case::with_tokens(5, 4);
    let other = Cachegen { model_fingerprint: [4; 32], ..case.codec };
    let error = other.decode_chunk(&case.chunk, ALL, &Limits::default()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::WrongProfile);
    let ladder = crate::case::Case::with_tokens(5, 4);
    let error = case.codec.decode_chunk(&ladder.chunk, ALL, &Limits::default()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::WrongProfile);
    let error =
        kvedge_codec::decode_chunk(&ladder.profile, &case.chunk, ALL, &Limits::default()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::WrongProfile);
}

#[test]
fn wrong_arguments_are_named() {
    let case = Case::with_tokens(5, 4);
    let mut infinite = case.planes.clone();
    infinite[1] = 0x7c00;
    for (planes, tokens) in [(&case.planes, 0), (&case.planes, 257), (&case.planes, 5), (&infinite, 4)] {
        let error =
            case.codec.encode_chunk(&request(planes, tokens, false, None), &Limits::default()).unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidArgument, "{error}");
    }
    let unknown = request(&case.planes, 4, false, Some("best"));
    assert_eq!(
        case.codec.encode_chunk(&unknown, &Limits::default()).unwrap_err().code(),
        ErrorCode::UnknownLevel
    );
    assert_eq!(Cachegen::new(&[0; 31], &[1, 1, 1, 1]).unwrap_err().code(), ErrorCode::InvalidArgument);
    assert_eq!(Cachegen::new(&[0; 32], &[0, 1, 1, 1]).unwrap_err().code(), ErrorCode::InvalidArgument);
}

#[test]
fn more_than_256_layers_share_groups() {
    let codec = Cachegen::new(&[1; 32], &[300, 1, 1, 1]).unwrap();
    let planes: Vec<u16> =
        (0..600 * 12).map(|i| half::f16::from_f32((i % 37) as f32 - 18.0).to_bits()).collect();
    let chunk = codec.encode_chunk(&request(&planes, 12, false, None), &Limits::default()).unwrap();
    let header = validate_chunk(&chunk).unwrap();
    assert_eq!(header.segments.iter().map(|segment| segment.group).max(), Some(149));
    codec.decode_chunk(&chunk, ALL, &Limits::default()).unwrap();
}
