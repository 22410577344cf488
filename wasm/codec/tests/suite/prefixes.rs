use kvedge_codec::{
    cut_groups, cut_layers, cut_level, cut_max_bytes, decode_chunk, decode_indices, validate_chunk,
    DecodeOptions, ErrorCode, Limits,
};
use proptest::prelude::*;

use crate::case::{Case, ALL};

const PARTIAL: DecodeOptions<'static> = DecodeOptions { level: None, partial: true };

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_level_is_the_same_by_cut_by_option_and_by_budget(seed: u64) {
        let case = Case::random(seed);
        let limits = Limits::default();
        for level in case.header().levels {
            let cut = cut_level(&case.chunk, &level.name).unwrap();
            prop_assert_eq!(cut.len(), level.end_offset as usize);
            let by_cut = decode_chunk(&case.profile, cut, ALL, &limits).unwrap();
            let option = DecodeOptions { level: Some(&level.name), partial: false };
            prop_assert_eq!(&by_cut, &decode_chunk(&case.profile, &case.chunk, option, &limits).unwrap());
            prop_assert_eq!(cut, cut_max_bytes(&case.chunk, u64::from(level.end_offset)).unwrap());
        }
    }

    #[test]
    fn layers_of_a_subset_decode_as_in_the_whole(seed: u64) {
        let case = Case::random(seed);
        let limits = Limits::default();
        let whole = decode_indices(&case.profile, &case.chunk, ALL, &limits).unwrap();
        let last = case.spec.layers - 1;
        for (first, last) in [(0, 0), (last, last), (0, last)] {
            let groups = case.profile.groups_of_layers(first, last);
            let cut = cut_layers(&case.profile, &case.chunk, first, last).unwrap();
            prop_assert_eq!(&cut, &cut_groups(&case.chunk, &groups).unwrap());
            let longer = [case.chunk.as_slice(), &[0]].concat();
            prop_assert_eq!(cut_groups(&longer, &groups).unwrap_err().code(), ErrorCode::Corrupt);
            prop_assert!(validate_chunk(&cut).unwrap().subset);
            let kept: Vec<_> = whole.iter().filter(|band| groups.contains(&band.group)).cloned().collect();
            prop_assert_eq!(&kept, &decode_indices(&case.profile, &cut, ALL, &limits).unwrap());
            // Every level of the subset decodes too.
            for level in validate_chunk(&cut).unwrap().levels {
                let prefix = cut_level(&cut, &level.name).unwrap();
                decode_indices(&case.profile, prefix, ALL, &limits).unwrap();
            }
        }
    }

    #[test]
    fn truncated_input_is_refused_or_decodes_its_whole_segments(seed: u64) {
        let case = Case::with_tokens(seed, 1 + (seed % 5) as usize);
        let header = case.header();
        let limits = Limits::default();
        for length in 0..case.chunk.len() {
            let prefix = &case.chunk[..length];
            let boundary = header.segments_within(length as u32).is_some();
            match decode_indices(&case.profile, prefix, ALL, &limits) {
                Ok(_) => prop_assert!(boundary, "length {length}"),
                Err(error) => {
                    prop_assert!(!boundary, "length {length}: {error}");
                    prop_assert_eq!(error.code(), ErrorCode::Truncated);
                }
            }
            match decode_indices(&case.profile, prefix, PARTIAL, &limits) {
                Ok(bands) => {
                    let whole = cut_max_bytes(&case.chunk, length as u64).unwrap();
                    prop_assert_eq!(bands, decode_indices(&case.profile, whole, ALL, &limits).unwrap());
                }
                Err(error) => {
                    prop_assert!(length < header.prelude_end() as usize);
                    prop_assert_eq!(error.code(), ErrorCode::Truncated);
                }
            }
        }
    }

    #[test]
    fn a_byte_budget_takes_the_longest_prefix_that_fits(seed: u64, share in 0.0f64..1.2) {
        let case = Case::random(seed);
        let header = case.header();
        let budget = (case.chunk.len() as f64 * share) as u64;
        match cut_max_bytes(&case.chunk, budget) {
            Ok(cut) => {
                let held = header.segments_within(cut.len() as u32).expect("a whole number of segments");
                prop_assert!(cut.len() as u64 <= budget);
                prop_assert!(header.segments.get(held).is_none_or(|next| u64::from(next.end()) > budget));
            }
            Err(error) => {
                prop_assert_eq!(error.code(), ErrorCode::BudgetTooSmall);
                prop_assert!(budget < u64::from(header.prelude_end()));
            }
        }
    }
}

#[test]
fn unknown_levels_are_named() {
    let case = Case::random(1);
    let error = cut_level(&case.chunk, "best").unwrap_err();
    assert_eq!(error.code(), ErrorCode::UnknownLevel);
    assert!(error.message().contains("draft") && error.message().contains("best"), "{error}");
    let option = DecodeOptions { level: Some("best"), partial: false };
    let error = decode_chunk(&case.profile, &case.chunk, option, &Limits::default()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::UnknownLevel);
}
