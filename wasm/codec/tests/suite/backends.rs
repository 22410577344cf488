//! Every instruction set that runs here decodes every chunk to the same integers and gives the same errors.

use kvedge_codec::{decode_indices, Backend, DecodeOptions, ErrorCode, GroupIndices, Limits, Profile};
use proptest::prelude::*;

use crate::case::{Case, ALL};
use crate::common::patch::fix_chunk_crcs;
use crate::common::Rng;

type Answer = Result<Vec<GroupIndices>, ErrorCode>;

/// What each backend makes of a chunk. Forcing is process-wide, and harmless to tests that run meanwhile: answers do not
/// depend on it.
fn answers(profile: &Profile, chunk: &[u8], options: DecodeOptions<'_>) -> Vec<(&'static str, Answer)> {
    let answer = |backend: Backend| {
        backend.force();
        let decoded = decode_indices(profile, chunk, options, &Limits::default());
        (backend.name(), decoded.map_err(|error| error.code()))
    };
    Backend::available().map(answer).collect()
}

fn assert_alike(profile: &Profile, chunk: &[u8], options: DecodeOptions<'_>) -> Answer {
    let mut all = answers(profile, chunk, options);
    let (_, expected) = all.remove(0);
    for (name, answer) in all {
        assert_eq!(answer, expected, "{name}");
    }
    expected
}

#[test]
fn names_lead_back_to_their_backends() {
    for backend in Backend::available() {
        assert_eq!(Backend::named(backend.name()), Some(backend));
    }
    assert_eq!(Backend::available().next(), Backend::named("scalar"));
    assert_eq!(Backend::named("mmx"), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn agree_on_whole_chunks_and_on_every_level(seed: u64) {
        let case = Case::random(seed);
        prop_assert!(assert_alike(&case.profile, &case.chunk, ALL).is_ok());
        for level in case.header().levels {
            let options = DecodeOptions { level: Some(&level.name), partial: false };
            prop_assert!(assert_alike(&case.profile, &case.chunk, options).is_ok());
        }
    }

    #[test]
    fn agree_on_chunks_altered_behind_their_crcs(seed: u64) {
        let case = Case::random(seed);
        let layout = case.header();
        let mut rng = Rng(seed);
        for _ in 0..60 {
            let mut chunk = case.chunk.clone();
            let at = rng.below(chunk.len());
            chunk[at] = rng.next() as u8;
            fix_chunk_crcs(&mut chunk, &layout);
            let _ = assert_alike(&case.profile, &chunk, ALL);
            let _ = assert_alike(&case.profile, &chunk, DecodeOptions { level: None, partial: true });
        }
    }
}
