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
    let dim_of = |plane: &u16| spec.plane_dim(usize::from(*plane));
    if group.parts.is_empty() {
        return write_matrix(group.members.iter().map(dim_of).sum(), &group.blocks, rng, out);
    }
    let columns_of = |blocks: &[(u16, u8)]| blocks.iter().map(|block| block.0).sum::<u16>();
    out.extend([0, group.parts.len() as u8]);
    for (members, blocks) in &group.parts {
        out.extend(members.to_le_bytes());
        out.extend(columns_of(blocks).to_le_bytes());
    }
    let mut members = group.members.iter();
    for (count, blocks) in &group.parts {
        let dim = members.by_ref().take(usize::from(*count)).map(dim_of).sum();
        write_matrix(dim, blocks, rng, out);
    }
    let mix_rows = group.parts.iter().map(|(_, blocks)| usize::from(columns_of(blocks))).sum();
    write_matrix(mix_rows, &group.blocks, rng, out);
}

fn write_matrix(dim: usize, blocks: &[(u16, u8)], rng: &mut Rng, out: &mut Vec<u8>) {
    out.push(blocks.len() as u8);
    for (columns, kind) in blocks {
        out.extend(columns.to_le_bytes());
        out.push(*kind);
    }
    let columns = orthonormal(dim, blocks.iter().map(|block| usize::from(block.0)).sum(), rng);
    let mut rest = &columns[..];
    for &(count, kind) in blocks {
        let (own, after) = rest.split_at(usize::from(count));
        write_block(own, kind, out);
        rest = after;
    }
}

/// Random columns of `dim` values; encoders count on bases that are nearly orthonormal.
fn orthonormal(dim: usize, count: usize, rng: &mut Rng) -> Vec<Vec<f32>> {
    let mut columns: Vec<Vec<f32>> = Vec::new();
    while columns.len() < count {
        let mut column: Vec<f32> = (0..dim).map(|_| rng.normal()).collect();
        // Twice, as rounding leaves something after the first time.
        for other in columns.iter().chain(&columns) {
            let shared: f32 = column.iter().zip(other).map(|(a, b)| a * b).sum();
            column.iter_mut().zip(other).for_each(|(value, other)| *value -= shared * other);
        }
        let norm = column.iter().map(|value| value * value).sum::<f32>().sqrt();
        if norm > 1e-2 {
            column.iter_mut().for_each(|value| *value /= norm);
            columns.push(column);
        }
    }
    columns
}

fn write_block(columns: &[Vec<f32>], kind: u8, out: &mut Vec<u8>) {
    if kind == 1 {
        let halves = columns.iter().flatten().map(|&value| half::f16::from_f32(value));
        return halves.for_each(|half| out.extend(half.to_le_bytes()));
    }
    let most = if kind == 3 { 7.0 } else { 127.0 };
    let largest = |column: &[f32]| column.iter().fold(0.0f32, |most, value| most.max(value.abs()));
    columns.iter().for_each(|column| out.extend((largest(column) / most).to_le_bytes()));
    for column in columns {
        let scale = largest(column) / most;
        let integers: Vec<u8> =
            column.iter().map(|value| (value / scale).round().clamp(-most, most) as i8 as u8).collect();
        if kind == 3 {
            let pairs = integers.chunks(2);
            out.extend(pairs.map(|pair| pair[0] & 15 | pair.get(1).copied().unwrap_or(0) << 4));
        } else {
            out.extend(integers);
        }
    }
}

fn write_predictor(spec: &Spec, rng: &mut Rng, out: &mut Vec<u8>) {
    out.push(spec.predictor_rows.min(2));
    if spec.predictor_rows == 0 {
        return;
    }
    let lead = 3usize;
    out.extend(0.8f32.to_le_bytes());
    out.extend((lead as u16).to_le_bytes());
    out.extend(4u16.to_le_bytes());
    out.extend(1.5f32.to_le_bytes());
    if spec.predictor_rows > 1 {
        out.push(spec.predictor_rows);
        out.extend((0..spec.groups.len()).map(|group| group as u8 % spec.predictor_rows));
    }
    (0..spec.predictor_rows).for_each(|_| out.extend(0.1f32.to_le_bytes()));
    for group in &spec.groups {
        for _ in 0..=lead.min(group.rank) {
            for value in [rng.normal() * 0.1, 0.3] {
                out.extend(value.to_le_bytes());
            }
            (0..spec.predictor_rows).for_each(|_| out.extend(rng.normal().to_le_bytes()));
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
