//! A random profile with a chunk made from it.

use kvedge_codec::container::prelude::Prelude;
use kvedge_codec::{encode_chunk, DecodeOptions, EncodeRequest, Header, Limits, Profile};

use crate::common::write::first_token_planes;
use crate::common::{write_planes, write_profile, Rng, Spec};

pub const ALL: DecodeOptions<'static> = DecodeOptions { level: None, partial: false };

pub struct Case {
    pub spec: Spec,
    pub file: Vec<u8>,
    pub profile: Profile,
    pub planes: Vec<u16>,
    pub tokens: usize,
    pub first_position: u32,
    pub chunk: Vec<u8>,
}

/// Token counts around the edges of rows.
pub fn token_count(rng: &mut Rng) -> usize {
    match rng.below(4) {
        0 => [1, 2, 3, 31, 32, 33, 34, 64, 65, 255, 256][rng.below(11)],
        _ => 1 + rng.below(80),
    }
}

impl Case {
    pub fn random(seed: u64) -> Self {
        let mut rng = Rng(seed ^ 0x77);
        let tokens = token_count(&mut rng);
        Self::with_tokens(seed, tokens)
    }

    /// The way in which the first token is stored depends on the seed too.
    pub fn with_tokens(seed: u64, tokens: usize) -> Self {
        let spec = Spec::random(seed);
        let rng = &mut Rng(seed ^ 0x99);
        let known = spec.first_tokens.first().copied().filter(|_| rng.flip());
        let first_position = if known.is_some() || rng.flip() { 0 } else { rng.below(100_000) as u32 };
        let first_planes = known.map(|id| first_token_planes(&spec, id));
        let planes = write_planes(&spec, tokens, first_planes.as_deref());
        let file = write_profile(&spec);
        let profile = Profile::parse(&file, &Limits::default()).expect("the generator writes valid profiles");
        let request = EncodeRequest {
            planes: &planes,
            first_position,
            token_count: tokens,
            chunk_id: [7; 32],
            exact_first_token: known.is_some() || rng.flip(),
            first_token_id: known.unwrap_or(u32::MAX),
            only_level: None,
        };
        let chunk = encode_chunk(&profile, &request, &Limits::default()).expect("valid planes encode");
        Self { spec, file, profile, planes, tokens, first_position, chunk }
    }

    pub fn header(&self) -> Header {
        Header::parse(&self.chunk).expect("the encoder writes valid headers")
    }

    pub fn prelude(&self) -> Prelude {
        Prelude::parse(&self.chunk, &self.header()).expect("the encoder writes valid preludes")
    }

    /// Tokens that are copied, not coded: 0 or 1.
    pub fn copied(&self) -> usize {
        self.tokens - self.prelude().coded_tokens()
    }
}
