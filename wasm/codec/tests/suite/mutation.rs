//! Any altered byte gives an error or the same result, never a panic; with CRCs made right again, anything but a panic.

use kvedge_codec::{decode_chunk, decode_indices, validate_chunk, DecodeOptions, Header, Limits, Profile};
use proptest::prelude::*;

use crate::case::{Case, ALL};
use crate::common::patch::{fix_chunk_crcs, fix_tail_crc, set_profile_id};
use crate::common::Rng;

fn small(seed: u64) -> Case {
    Case::with_tokens(seed, 2 + (seed % 40) as usize)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn of_a_chunk_gives_an_error_or_the_same_symbols(seed: u64) {
        let case = small(seed);
        let limits = Limits::default();
        let expected = decode_indices(&case.profile, &case.chunk, ALL, &limits).unwrap();
        let mut rng = Rng(seed);
        let mut chunk = case.chunk.clone();
        for at in 0..chunk.len() {
            let flip = 1 + rng.below(255) as u8;
            chunk[at] ^= flip;
            if let Ok(bands) = decode_indices(&case.profile, &chunk, ALL, &limits) {
                prop_assert_eq!(&bands, &expected);
            }
            prop_assert!(validate_chunk(&chunk).is_err(), "byte {at} is under a CRC");
            chunk[at] ^= flip;
        }
    }

    #[test]
    fn of_a_profile_is_refused(seed: u64) {
        let mut file = small(seed).file;
        let mut rng = Rng(seed);
        for at in 0..file.len() {
            let flip = 1 + rng.below(255) as u8;
            file[at] ^= flip;
            prop_assert!(Profile::parse(&file, &Limits::default()).is_err());
            file[at] ^= flip;
            prop_assert!(Profile::parse(&file[..at], &Limits::default()).is_err());
        }
    }

    #[test]
    fn behind_the_crcs_of_a_chunk_never_panics(seed: u64) {
        let case = small(seed);
        let layout = case.header();
        let mut rng = Rng(seed);
        for at in 0..case.chunk.len() {
            let mut chunk = case.chunk.clone();
            chunk[at] = rng.next() as u8;
            fix_chunk_crcs(&mut chunk, &layout);
            let _ = validate_chunk(&chunk);
            for partial in [false, true] {
                let options = DecodeOptions { level: None, partial };
                let _ = decode_chunk(&case.profile, &chunk, options, &Limits::default());
            }
        }
    }

    #[test]
    fn behind_the_crc_of_a_profile_never_panics(seed: u64) {
        let case = small(seed);
        let layout: Header = case.header();
        let mut rng = Rng(seed);
        for _ in 0..2000 {
            let mut file = case.file.clone();
            let at = if rng.flip() { rng.below(file.len()) } else { rng.below(file.len().min(400)) };
            file[at] = rng.next() as u8;
            fix_tail_crc(&mut file);
            if let Ok(profile) = Profile::parse(&file, &Limits::default()) {
                let mut chunk = case.chunk.clone();
                set_profile_id(&mut chunk, &layout, &profile.id);
                let _ = decode_chunk(&profile, &chunk, ALL, &Limits::default());
                let request = kvedge_codec::EncodeRequest {
                    planes: &case.planes,
                    first_position: case.first_position,
                    token_count: case.tokens,
                    chunk_id: [0; 32],
                    exact_first_token: false,
                    first_token_id: 0, only_level: None };
                if let Ok(chunk) = kvedge_codec::encode_chunk(&profile, &request, &Limits::default()) {
                    decode_chunk(&profile, &chunk, ALL, &Limits::default()).unwrap();
                }
            }
        }
    }
}
