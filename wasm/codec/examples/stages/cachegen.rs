//! Codec 2 on the same planes.

use std::hint::black_box;

use kvedge_codec::cachegen::CachegenRequest;
use kvedge_codec::{cut_level, Cachegen, Error, Header, Limits, Profile};

use crate::{check_planes, Chunk, WHOLE};

pub struct Coded<'a> {
    codec: Cachegen,
    chunks: &'a [Chunk],
    /// Objects up to the measured level; whole ones where codec 2 has no such level.
    cuts: Vec<Vec<u8>>,
}

impl<'a> Coded<'a> {
    /// Encodes all chunks; what they decode to is checked.
    pub fn new(profile: &Profile, chunks: &'a [Chunk], level: &str) -> Result<Self, crate::Error> {
        let geometry = profile.geometry;
        let shape = [geometry.layers, geometry.kv_heads, geometry.key_head_dim, geometry.value_head_dim];
        let codec = Cachegen::new(&profile.model_fingerprint, &shape)?;
        let mut cuts = Vec::new();
        for chunk in chunks {
            let object = encode(&codec, chunk)?;
            let known = Header::parse(&object)?.levels.iter().any(|known| known.name == level);
            let cut = if known { cut_level(&object, level)?.to_vec() } else { object };
            check_planes(chunk, &codec.decode_chunk(&cut, WHOLE, &Limits::default())?)?;
            cuts.push(cut);
        }
        Ok(Self { codec, chunks, cuts })
    }

    pub fn bytes(&self) -> usize {
        self.cuts.iter().map(Vec::len).sum()
    }

    pub fn encode(&self) {
        self.chunks.iter().for_each(|chunk| drop(black_box(encode(&self.codec, chunk))));
    }

    pub fn decode(&self) {
        let limits = Limits::default();
        self.cuts.iter().for_each(|cut| drop(black_box(self.codec.decode_chunk(cut, WHOLE, &limits))));
    }
}

fn encode(codec: &Cachegen, chunk: &Chunk) -> Result<Vec<u8>, Error> {
    let request = CachegenRequest {
        planes: &chunk.planes,
        first_position: chunk.first_position,
        token_count: chunk.planes.len() / codec.geometry.values_per_token(),
        chunk_id: [0; 32],
        exact_first_token: chunk.first_position == 0,
        only_level: None,
    };
    codec.encode_chunk(&request, &Limits::default())
}
