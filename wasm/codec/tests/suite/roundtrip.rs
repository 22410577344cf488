use kvedge_codec::container::prelude::FirstTokenSource;
use kvedge_codec::{decode_chunk, decode_indices, validate_chunk, Limits};
use proptest::prelude::*;

use crate::case::{Case, ALL};
use crate::common::naive;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn every_coefficient_is_within_half_a_step_of_its_last_pass(seed: u64) {
        let case = Case::random(seed);
        let shifts = case.prelude().shifts;
        let exact = naive::coefficients(
            &case.profile, &case.planes, case.tokens, u64::from(case.first_position), case.copied());
        for band in decode_indices(&case.profile, &case.chunk, ALL, &Limits::default()).unwrap() {
            let order = naive::sorted(&shifts.rows[shifts.row(usize::from(band.group))]);
            let columns = case.profile.groups[usize::from(band.group)].band(usize::from(band.band));
            for (number, column) in columns.enumerate() {
                for (place, &(shift, token)) in order.iter().enumerate() {
                    let y = exact[usize::from(band.group)][column][token];
                    let step = naive::step(&case.profile, shift, band.pass);
                    let decoded = f64::from(band.indices[number * order.len() + place]) * step;
                    // f32 arithmetic of the encoder: relative to the sums that make a coefficient.
                    let slack = 1e-4 * (1.0 + y.abs()) + 1e-3 * step + 0.02;
                    prop_assert!((y - decoded).abs() <= step / 2.0 + slack, "{y} {decoded} {step}");
                }
            }
        }
    }

    #[test]
    fn planes_are_what_the_formula_makes_of_the_decoded_integers(seed: u64) {
        let case = Case::random(seed);
        let (skip, shifts) = (case.copied(), case.prelude().shifts);
        let bands = decode_indices(&case.profile, &case.chunk, ALL, &Limits::default()).unwrap();
        let decoded = decode_chunk(&case.profile, &case.chunk, ALL, &Limits::default()).unwrap();
        prop_assert_eq!(decoded.len(), case.planes.len());
        let exact = naive::reconstruct(&case.profile, &bands, &shifts, u64::from(case.first_position), skip);
        let geometry = case.profile.geometry;
        for (plane, rows) in exact.iter().enumerate() {
            let (dim, start) = (geometry.plane_dim(plane), geometry.plane_offset(plane) * case.tokens);
            if skip == 1 {
                prop_assert_eq!(&decoded[start..start + dim], &case.planes[start..start + dim]);
            }
            let scale = rows.iter().flatten().fold(1.0f64, |most, value| most.max(value.abs()));
            for (token, row) in rows.iter().enumerate() {
                for (index, value) in row.iter().enumerate() {
                    let got = half::f16::from_bits(decoded[start + (token + skip) * dim + index]).to_f64();
                    let expected = value.clamp(-65504.0, 65504.0);
                    let tolerance = expected.abs() / 1024.0 + scale * 1e-4;
                    prop_assert!((got - expected).abs() <= tolerance, "plane {plane}: {got} for {expected}");
                }
            }
        }
    }

    #[test]
    fn the_encoder_writes_what_the_format_asks_for(seed: u64) {
        let case = Case::random(seed);
        let header = validate_chunk(&case.chunk).unwrap();
        prop_assert_eq!(header.object_bytes() as usize, case.chunk.len());
        prop_assert_eq!(usize::from(header.token_count), case.tokens);
        let names: Vec<_> = header.levels.iter().map(|level| level.name.clone()).collect();
        prop_assert_eq!(&names, &case.profile.level_names);
        let kld: Vec<_> = header.levels.iter().map(|level| level.predicted_kld).collect();
        prop_assert!(kld.is_sorted_by(|a, b| a >= b), "{kld:?}");
        let source = case.prelude().first_token;
        if case.first_position > 0 {
            prop_assert!(!matches!(source, FirstTokenSource::Profile(_)));
        }
    }
}

#[test]
fn groups_of_different_rows_have_shifts_of_their_own() {
    let several = (0..60).map(|seed| Case::with_tokens(seed, 40)).filter(|case| {
        let shifts = case.prelude().shifts;
        case.profile.groups.len() > 1 && shifts.rows.len() > 1 && shifts.rows[0] != shifts.rows[1]
    });
    assert!(several.count() > 5);
}

#[test]
fn first_tokens_of_the_table_cost_one_byte() {
    let seeds = (0..200).map(|seed| Case::with_tokens(seed, 5));
    let from_table = seeds.filter(|case| matches!(case.prelude().first_token, FirstTokenSource::Profile(_)));
    let mut found = 0;
    for case in from_table {
        found += 1;
        let shifts = case.prelude().shifts;
        let rows = if shifts.row_of_group.is_empty() { 0 } else { 2 + shifts.row_of_group.len() };
        let most = 1 + 1 + 1 + rows + 2 * shifts.rows.len() + 4;
        assert!(case.header().prelude_bytes as usize <= most);
        let decoded = decode_chunk(&case.profile, &case.chunk, ALL, &Limits::default()).unwrap();
        let dim = case.profile.geometry.plane_dim(0);
        assert_eq!(decoded[..dim], case.planes[..dim]);
    }
    assert!(found > 10, "{found}");
}

#[test]
fn a_chunk_of_one_exact_token_has_no_segments() {
    let single = (0..50).map(|seed| Case::with_tokens(seed, 1)).find(|case| case.copied() == 1).unwrap();
    assert_eq!(single.header().segments.len(), 0);
    assert_eq!(decode_chunk(&single.profile, &single.chunk, ALL, &Limits::default()).unwrap(), single.planes);
}
