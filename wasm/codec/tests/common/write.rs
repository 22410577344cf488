//! Writes profile files field by field from docs/format.md section 4, and planes to encode with them.

use super::spec::{GroupSpec, Rng, Spec};

pub const BASE_STEP: f32 = 0.5;
pub const LEVEL_NAMES: [&str; 6] = ["draft", "standard", "high", "near-lossless", "level-5", "level-6"];
const CLASSES: usize = 72;
/// Scale of class 0 relative to the step.
const FIRST_SCALE: f32 = 0.02;

/// The file, and U of each group as the decoder sees it (column after column).
pub fn write_profile(spec: &Spec) -> Vec<u8> {
    let rng = &mut Rng(spec.seed ^ 0xabcd);
    let mut out = Vec::new();
    out.extend(*b"KVEP");
    out.extend([1, 0, 0, 0, 0, 0, 0, 0]);
    out.extend([0x5a; 32]);
    for field in [spec.layers, spec.kv_heads, spec.key_head_dim, spec.value_head_dim] {
        out.extend(field.to_le_bytes());
    }
    write_rope(spec, &mut out);
    out.extend(BASE_STEP.to_le_bytes());
    out.push(spec.levels);
    for name in &LEVEL_NAMES[..usize::from(spec.levels)] {
        let mut padded = [0u8; 16];
        padded[..name.len()].copy_from_slice(name.as_bytes());
        out.extend(padded);
    }
    out.extend(0.01f32.to_le_bytes());
    for plane in 0..2 * usize::from(spec.layers) {
        (0..spec.plane_dim(plane)).for_each(|_| out.extend((rng.normal() * 0.3).to_le_bytes()));
        (0..spec.plane_dim(plane)).for_each(|_| out.extend((0.5 + rng.unit()).to_le_bytes()));
    }
    out.push(CLASSES as u8);
    (0..CLASSES).for_each(|class| write_class(class, &mut out));
    out.push(spec.groups.len() as u8);
    spec.groups.iter().for_each(|group| write_group(spec, group, rng, &mut out));
    out.push(spec.first_tokens.len() as u8);
    for &id in &spec.first_tokens {
        out.extend(id.to_le_bytes());
        out.extend(first_token_planes(spec, id).iter().flat_map(|value| value.to_le_bytes()));
    }
    write_predictor(spec, rng, &mut out);
    finish(out)
}

/// Sets fileBytes and appends the CRC.
pub fn finish(mut out: Vec<u8>) -> Vec<u8> {
    let size = out.len() as u32 + 4;
    out[8..12].copy_from_slice(&size.to_le_bytes());
    let crc = crc32c::crc32c(&out);
    out.extend(crc.to_le_bytes());
    out
}

fn write_rope(spec: &Spec, out: &mut Vec<u8>) {
    let dims = spec.rope_dims();
    let factors = if spec.rope_factors { dims / 2 } else { 0 };
    out.push(spec.rope_layout);
    out.extend(factors.to_le_bytes());
    out.extend(dims.to_le_bytes());
    out.extend(10000.0f32.to_le_bytes());
    out.extend(0.5f32.to_le_bytes());
    (0..factors).for_each(|pair| out.extend((1.0 + f32::from(pair)).to_le_bytes()));
}

fn class_scale(class: usize) -> f32 {
    FIRST_SCALE * 3f32.powf(class as f32 / 8.0)
}

/// Frequencies of at least 1 that sum to 4096, in proportion to the weights.
pub fn frequencies(weights: &[f32]) -> Vec<u16> {
    let total: f32 = weights.iter().sum();
    let room = 4096 - weights.len();
    let mut counts: Vec<u16> =
        weights.iter().map(|weight| 1 + (weight / total * room as f32) as u16).collect();
    let missing = 4096 - counts.iter().sum::<u16>();
    let largest = (0..counts.len()).max_by_key(|&i| counts[i]).unwrap();
    counts[largest] += missing;
    counts
}

fn write_class(class: usize, out: &mut Vec<u8>) {
    let scale = class_scale(class);
    let alphabet = (scale * 3.0).ceil().clamp(1.0, 15.0) as i32;
    let laplace = |value: f32| (-value.abs() / (0.7 * scale + 0.05)).exp();
    let mut weights: Vec<f32> = (-alphabet..=alphabet).map(|value| laplace(value as f32)).collect();
    weights.push(laplace(alphabet as f32 + 1.0));
    out.push(alphabet as u8);
    out.push((scale / 4.0).max(1.0).log2().min(15.0) as u8);
    for table in [frequencies(&weights), frequencies(&[0.2, 0.6, 0.2]), frequencies(&[0.4, 0.35, 0.25])] {
        out.extend(table.iter().flat_map(|count| count.to_le_bytes()));
    }
}

/// Standard deviation of a coefficient in the planes that `write_planes` makes.
fn deviation(index: usize) -> f32 {
    6.0 * 0.8f32.powi(index as i32) + 0.02
}

fn write_group(spec: &Spec, group: &GroupSpec, rng: &mut Rng, out: &mut Vec<u8>) {
    out.extend((group.members.len() as u16).to_le_bytes());
    group.members.iter().for_each(|member| out.extend(member.to_le_bytes()));
    out.extend((group.rank as u16).to_le_bytes());
    out.push(group.band_ends.len() as u8);
    group.band_ends.iter().for_each(|end| out.extend(end.to_le_bytes()));
    for index in 0..group.rank {
        let class = 8.0 * (deviation(index) / BASE_STEP / FIRST_SCALE).ln() / 3f32.ln();
        out.push((class.round() as i8) as u8);
    }
    out.push(group.blocks.len() as u8);
    for (columns, kind) in &group.blocks {
        out.extend(columns.to_le_bytes());
        out.push(*kind);
    }
    let dim: usize = group.members.iter().map(|&plane| spec.plane_dim(usize::from(plane))).sum();
    for &(columns, kind) in &group.blocks {
        let scale = 1.0 / (dim as f32).sqrt();
        let count = usize::from(columns) * dim;
        if kind == 1 {
            (0..count).for_each(|_| out.extend(half::f16::from_f32(rng.normal() * scale).to_le_bytes()));
        } else {
            (0..columns).for_each(|_| out.extend((scale / 40.0).to_le_bytes()));
            (0..count).for_each(|_| out.push((rng.normal() * 40.0).clamp(-127.0, 127.0) as i8 as u8));
        }
    }
}

fn write_predictor(spec: &Spec, rng: &mut Rng, out: &mut Vec<u8>) {
    out.push(u8::from(spec.predictor));
    if !spec.predictor {
        return;
    }
    let lead = 3usize;
    out.extend(0.8f32.to_le_bytes());
    out.extend((lead as u16).to_le_bytes());
    out.extend(4u16.to_le_bytes());
    out.extend(1.5f32.to_le_bytes());
    out.extend(0.1f32.to_le_bytes());
    for group in &spec.groups {
        for _ in 0..=lead.min(group.rank) {
            for value in [rng.normal() * 0.1, 0.3, rng.normal()] {
                out.extend(value.to_le_bytes());
            }
        }
    }
}

/// fp16 planes of the table's token.
pub fn first_token_planes(spec: &Spec, id: u32) -> Vec<u16> {
    let rng = &mut Rng(u64::from(id) << 8);
    (0..spec.values_per_token()).map(|_| half::f16::from_f32(rng.normal() * 20.0).to_bits()).collect()
}

/// fp16 planes of `tokens` tokens: a few strong directions, so that bands differ, noise, and now and then an outlier.
/// `first_token`: planes that the first token gets.
pub fn write_planes(spec: &Spec, tokens: usize, first_token: Option<&[u16]>) -> Vec<u16> {
    let rng = &mut Rng(spec.seed ^ 0x1234_5678);
    let strengths: Vec<f32> = (0..tokens).map(|_| 2f32.powf(rng.normal() * 0.7)).collect();
    let mut planes = Vec::new();
    let mut offset = 0;
    for plane in 0..2 * usize::from(spec.layers) {
        let dim = spec.plane_dim(plane);
        let direction: Vec<f32> = (0..dim).map(|_| rng.normal()).collect();
        for (token, strength) in strengths.iter().enumerate() {
            let along = rng.normal() * strength;
            for (index, part) in direction.iter().enumerate() {
                let outlier = if rng.below(400) == 0 { rng.normal() * 900.0 } else { 0.0 };
                let value = along * part + rng.normal() * 0.2 * strength + outlier;
                planes.push(match first_token {
                    Some(first) if token == 0 => first[offset + index],
                    _ => half::f16::from_f32(value).to_bits(),
                });
            }
        }
        offset += dim;
    }
    planes
}
