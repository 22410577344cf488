//! One pass over the fields of section 4, in their order.

use sha2::{Digest, Sha256};

use super::class::parse_classes;
use super::group::parse_groups;
use super::predictor::Predictor;
use super::{FirstToken, PlaneStatistics, Profile, Rope, RopeLayout};
use crate::bytes::{checked_crc, f32_values, finite, in_range, is_finite_f16, positive, u16_words, Reader};
use crate::error::{Error, ErrorCode, Result};
use crate::geometry::Geometry;
use crate::limits::{Budget, Limits, MAX_FIRST_TOKENS, MAX_LEVELS, MAX_PROFILE_BYTES};

pub(super) fn parse(file: &[u8], limits: &Limits) -> Result<Profile> {
    let budget = &mut Budget::new(limits);
    let mut prefix = Reader::new(file);
    if prefix.array::<4>("profile magic")? != *b"KVEP" {
        return Err(Error::new(ErrorCode::BadMagic, "not a kvedge profile: it does not start with KVEP"));
    }
    check_version(prefix.u16("profile version")?)?;
    let reserved = prefix.u16("profile reserved")?;
    let file_bytes = prefix.u32("profile fileBytes")?;
    check_size(file, file_bytes)?;
    let mut reader = Reader::new(checked_crc(file, "profile CRC")?);
    reader.take(12, "profile prefix")?;
    if reserved != 0 {
        return Err(Error::unsupported("profile reserved field", 0, reserved));
    }

    let model_fingerprint = reader.array("modelFingerprint")?;
    let geometry = Geometry::parse(&mut reader)?;
    let rope = parse_rope(&mut reader, &geometry)?;
    let base_step = reader.positive_f32("baseStep")?;
    let level_names = parse_level_names(&mut reader)?;
    let kld_per_distortion = reader.f32("kldPerDistortion")?;
    if kld_per_distortion < 0.0 {
        return Err(Error::corrupt("kldPerDistortion", "at least 0", kld_per_distortion));
    }
    let planes = parse_planes(&mut reader, &geometry, budget)?;
    let classes = parse_classes(&mut reader)?;
    let groups = parse_groups(&mut reader, &geometry, budget)?;
    let first_tokens = parse_first_tokens(&mut reader, &geometry, budget)?;
    let predictor = Predictor::parse(&mut reader, &groups)?;
    reader.finish("profile")?;

    Ok(Profile {
        id: digest(file),
        file_bytes,
        model_fingerprint,
        geometry,
        rope,
        base_step,
        level_names,
        kld_per_distortion,
        planes,
        classes,
        groups,
        first_tokens,
        predictor,
        scratch: Default::default(),
    })
}

/// SHA-256, a piece at a time: an engine that compiles in tiers (wasm) cannot replace code while one call runs, and hashing
/// 18 MB in a single call would stay in its slow first tier.
fn digest(file: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    file.chunks(1 << 16).for_each(|piece| hash.update(piece));
    hash.finalize().into()
}

fn check_version(version: u16) -> Result<()> {
    match version {
        1 => Ok(()),
        other => Err(Error::unsupported("profile version", 1, other)),
    }
}

fn check_size(file: &[u8], file_bytes: u32) -> Result<()> {
    let (said, got) = (u64::from(file_bytes), file.len() as u64);
    if said > MAX_PROFILE_BYTES {
        return Err(Error::limit("profile fileBytes", MAX_PROFILE_BYTES, said));
    }
    if got < said {
        return Err(Error::truncated("profile", said, got));
    }
    if got > said {
        return Err(Error::corrupt("profile size", said, got));
    }
    Ok(())
}

fn parse_rope(reader: &mut Reader<'_>, geometry: &Geometry) -> Result<Rope> {
    let layout = match reader.u8("ropeLayout")? {
        0 => RopeLayout::None,
        1 => RopeLayout::Interleaved,
        2 => RopeLayout::Halves,
        other => return Err(Error::unsupported("ropeLayout", "0 to 2", other)),
    };
    let factor_count = reader.u16("ropeFactorCount")?;
    let dims = reader.u16("ropeDims")?;
    let most = if layout == RopeLayout::None { 0 } else { geometry.key_head_dim };
    in_range(dims, 0, most, "ropeDims")?;
    if dims % 2 != 0 {
        return Err(Error::corrupt("ropeDims", "an even number", dims));
    }
    if factor_count != 0 && factor_count != dims / 2 {
        return Err(Error::corrupt("ropeFactorCount", format_args!("0 or {}", dims / 2), factor_count));
    }
    let freq_base = reader.f32("ropeFreqBase")?;
    if layout != RopeLayout::None {
        positive(freq_base, "ropeFreqBase")?;
    }
    let freq_scale = reader.positive_f32("ropeFreqScale")?;
    let factors: Result<_> = (0..factor_count).map(|_| reader.positive_f32("ropeFactors")).collect();
    Ok(Rope { layout, dims, freq_base, freq_scale, factors: factors? })
}

fn parse_level_names(reader: &mut Reader<'_>) -> Result<Vec<String>> {
    let count = in_range(reader.u8("levelCount")?, 1, MAX_LEVELS, "levelCount")?;
    let mut names: Vec<String> = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        let name = reader.name("level name")?;
        if names.contains(&name) {
            return Err(Error::corrupt("level names", "distinct names", name));
        }
        names.push(name);
    }
    Ok(names)
}

fn parse_planes(
    reader: &mut Reader<'_>,
    geometry: &Geometry,
    budget: &mut Budget,
) -> Result<Vec<PlaneStatistics>> {
    let mut planes = Vec::with_capacity(geometry.planes());
    for plane in 0..geometry.planes() {
        let dim = geometry.plane_dim(plane);
        let means = reader.take_items(dim, 4, "plane means")?;
        let weights = reader.take_items(dim, 4, "plane weights")?;
        budget.draw("plane statistics", dim, 8)?;
        let mean: Result<_> = f32_values(means).map(|value| finite(value, "plane mean")).collect();
        let weight: Result<_> = f32_values(weights)
            .map(|value| positive(finite(value, "plane weight")?, "plane weight"))
            .collect();
        planes.push(PlaneStatistics { mean: mean?, weight: weight? });
    }
    Ok(planes)
}

fn parse_first_tokens(
    reader: &mut Reader<'_>,
    geometry: &Geometry,
    budget: &mut Budget,
) -> Result<Vec<FirstToken>> {
    let count = in_range(reader.u8("firstTokenCount")?, 0, MAX_FIRST_TOKENS, "firstTokenCount")?;
    let mut tokens: Vec<FirstToken> = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        let token_id = reader.u32("first token id")?;
        if tokens.last().is_some_and(|last| last.token_id >= token_id) {
            return Err(Error::corrupt("first token ids", "rising ids", token_id));
        }
        let values = geometry.values_per_token();
        let bytes = reader.take_items(values, 2, "first token planes")?;
        budget.draw("first token planes", values, 2)?;
        let planes: Vec<u16> = u16_words(bytes).collect();
        if !planes.iter().copied().all(is_finite_f16) {
            return Err(Error::corrupt("first token planes", "finite numbers", "another"));
        }
        tokens.push(FirstToken { token_id, planes });
    }
    Ok(tokens)
}
