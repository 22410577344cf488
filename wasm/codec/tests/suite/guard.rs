//! A level leaves no more than a quarter over what a uniform quantizer with its step would, whatever the planes are.

use kvedge_codec::{encode_chunk, EncodeRequest, Header, Limits, Profile};
use proptest::prelude::*;

use crate::common::{write_profile, Rng, Spec};

const TOKENS: usize = 128;

/// Values of one scale around the profile's means: at some level many coefficients are near half a step, where bands pay least.
fn even_planes(profile: &Profile, scale: f32, rng: &mut Rng) -> Vec<u16> {
    let mut planes = Vec::new();
    for plane in &profile.planes {
        for mean in plane.mean.iter().cycle().take(plane.mean.len() * TOKENS) {
            planes.push(half::f16::from_f32(mean + rng.normal() * scale).to_bits());
        }
    }
    planes
}

/// Predicted KLD of each level over what its step promises: step^2 / 12 in every coefficient.
fn shares(profile: &Profile, planes: &[u16]) -> Vec<f64> {
    let request = EncodeRequest {
        planes,
        first_position: 512,
        token_count: TOKENS,
        chunk_id: [7; 32],
        exact_first_token: false,
        first_token_id: u32::MAX,
        only_level: None,
    };
    let chunk = encode_chunk(profile, &request, &Limits::default()).unwrap();
    let coefficients: usize = profile.groups.iter().map(|group| group.rank).sum();
    let share = |(level, predicted): (usize, f32)| {
        let step = f64::from(profile.base_step) / 3f64.powi(level as i32);
        let promised = f64::from(profile.kld_per_distortion) * coefficients as f64 * step * step / 12.0;
        f64::from(predicted) / promised
    };
    let header = Header::parse(&chunk).unwrap();
    header.levels.iter().map(|level| level.predicted_kld).enumerate().map(share).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_level_keeps_the_promise_of_its_step(seed: u64) {
        // Unrotated keys, so that means are means.
        let spec = Spec { rope_layout: 0, rope_factors: false, ..Spec::random(seed) };
        let profile = Profile::parse(&write_profile(&spec), &Limits::default()).unwrap();
        let rng = &mut Rng(seed ^ 0x31);
        for scale in [0.05, 0.1, 0.2, 0.4, 0.8, 1.6] {
            for share in shares(&profile, &even_planes(&profile, scale, rng)) {
                prop_assert!(share <= 1.25, "{share} at scale {scale}");
            }
        }
    }
}
