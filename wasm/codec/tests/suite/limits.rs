//! Hostile sizes are refused before anything is allocated for them.

use kvedge_codec::{decode_chunk, encode_chunk, EncodeRequest, ErrorCode, Limits, Profile};

use crate::case::{Case, ALL};

const NONE: Limits = Limits { max_memory_bytes: 0 };

#[test]
fn parsing_a_profile_stays_within_its_budget() {
    let case = Case::random(3);
    assert_eq!(Profile::parse(&case.file, &NONE).unwrap_err().code(), ErrorCode::Limit);
    let enough = Limits { max_memory_bytes: 8 * case.file.len() as u64 };
    assert!(Profile::parse(&case.file, &enough).is_ok());
}

#[test]
fn encoding_and_decoding_stay_within_their_budget() {
    let case = Case::with_tokens(3, 40);
    assert_eq!(decode_chunk(&case.profile, &case.chunk, ALL, &NONE).unwrap_err().code(), ErrorCode::Limit);
    let request = EncodeRequest {
        planes: &case.planes,
        first_position: 0,
        token_count: case.tokens,
        chunk_id: [0; 32],
        exact_first_token: false,
        first_token_id: 0,
        only_level: None,
    };
    assert_eq!(encode_chunk(&case.profile, &request, &NONE).unwrap_err().code(), ErrorCode::Limit);
}

#[test]
fn wrong_arguments_are_named() {
    let case = Case::with_tokens(3, 4);
    let request = |planes, token_count| EncodeRequest {
        planes,
        first_position: 0,
        token_count,
        chunk_id: [0; 32],
        exact_first_token: false,
        first_token_id: 0,
        only_level: None,
    };
    let mut infinite = case.planes.clone();
    infinite[1] = 0x7c00;
    for (planes, tokens) in [(&case.planes, 0), (&case.planes, 257), (&case.planes, 5), (&infinite, 4)] {
        let error = encode_chunk(&case.profile, &request(planes, tokens), &Limits::default()).unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidArgument, "{error}");
    }
}
