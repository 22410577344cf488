//! Oracles in f64, straight from the formulas of docs/format.md; they share nothing with the crate but parsed tables.

use kvedge_codec::container::prelude::StepShifts;
use kvedge_codec::profile::RopeLayout;
use kvedge_codec::{GroupIndices, Profile};

/// [token][value] of every plane.
type Rows = Vec<Vec<f64>>;

fn rotate(profile: &Profile, position: u64, keys: &mut [f64], direction: f64) {
    let rope = &profile.rope;
    let pairs = usize::from(rope.dims) / 2;
    let ratio = f64::from(rope.freq_base).powf(-2.0 / f64::from(rope.dims.max(1))) as f32;
    for head in keys.chunks_mut(usize::from(profile.geometry.key_head_dim)) {
        let mut theta = position as f32;
        for pair in 0..pairs {
            let factor = rope.factors.get(pair).copied().unwrap_or(1.0);
            let angle = f64::from(rope.freq_scale * (theta / factor)) * direction;
            theta *= ratio;
            let (i, j) = match rope.layout {
                RopeLayout::None => continue,
                RopeLayout::Interleaved => (2 * pair, 2 * pair + 1),
                RopeLayout::Halves => (pair, pair + pairs),
            };
            let (a, b) = (head[i], head[j]);
            (head[i], head[j]) = (a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos());
        }
    }
}

fn column(profile: &Profile, group: usize, index: usize) -> &[f32] {
    let group = &profile.groups[group];
    &group.basis[index * group.dim..(index + 1) * group.dim]
}

/// Section 10: y of every group, `[group][coefficient][coded token]`.
pub fn coefficients(
    profile: &Profile,
    planes: &[u16],
    tokens: usize,
    first: u64,
    skip: usize,
) -> Vec<Vec<Vec<f64>>> {
    let geometry = &profile.geometry;
    let mut errors: Vec<Rows> = Vec::new();
    for plane in 0..geometry.planes() {
        let dim = geometry.plane_dim(plane);
        let start = geometry.plane_offset(plane) * tokens;
        let rows = (skip..tokens).map(|token| {
            let bits = &planes[start + token * dim..start + (token + 1) * dim];
            let mut row: Vec<f64> = bits.iter().map(|&bits| half::f16::from_bits(bits).to_f64()).collect();
            if plane % 2 == 0 {
                rotate(profile, first + token as u64, &mut row, -1.0);
            }
            let statistics = &profile.planes[plane];
            for ((value, &mean), &weight) in row.iter_mut().zip(&statistics.mean).zip(&statistics.weight) {
                *value = f64::from(weight) * (*value - f64::from(mean));
            }
            row
        });
        errors.push(rows.collect());
    }
    let mut all = Vec::new();
    for (number, group) in profile.groups.iter().enumerate() {
        let mut of_group = vec![vec![0.0f64; tokens - skip]; group.rank];
        // y = U' e, then the same of what is left: once, three times where columns have 4 bits.
        let refinements = if group.coarse { 3 } else { 1 };
        for _ in 0..1 + refinements {
            let mut found: Rows = Vec::new();
            for index in 0..group.rank {
                let column = column(profile, number, index);
                let of_token = |token: usize| {
                    let parts = group.members.iter().map(|member| {
                        let rows = &column[member.row..member.row + member.dim];
                        errors[member.plane][token]
                            .iter()
                            .zip(rows)
                            .map(|(e, &u)| e * f64::from(u))
                            .sum::<f64>()
                    });
                    parts.sum()
                };
                found.push((0..tokens - skip).map(of_token).collect());
            }
            for (index, of_index) in found.iter().enumerate() {
                let column = column(profile, number, index);
                for member in &group.members {
                    for (row, y) in errors[member.plane].iter_mut().zip(of_index) {
                        for (e, &u) in row.iter_mut().zip(&column[member.row..]) {
                            *e -= y * f64::from(u);
                        }
                    }
                }
                of_group[index].iter_mut().zip(of_index).for_each(|(sum, y)| *sum += y);
            }
        }
        all.push(of_group);
    }
    all
}

/// Step of section 6.1.
pub fn step(profile: &Profile, shift: i8, pass: u8) -> f64 {
    f64::from(profile.base_step) * 3f64.powf(f64::from(shift) / 4.0) / 3f64.powi(i32::from(pass))
}

/// (shift, token) in the order of section 6.4.
pub fn sorted(shifts: &[i8]) -> Vec<(i8, usize)> {
    let mut order: Vec<(i8, usize)> = shifts.iter().copied().zip(0..).collect();
    order.sort_unstable();
    order
}

/// Section 6.1: `[plane][coded token][value]`, keys rotated.
pub fn reconstruct(
    profile: &Profile,
    bands: &[GroupIndices],
    shifts: &StepShifts,
    first: u64,
    skip: usize,
) -> Vec<Rows> {
    let geometry = &profile.geometry;
    let coded = shifts.rows[0].len();
    let mut planes: Vec<Rows> =
        (0..geometry.planes()).map(|plane| vec![vec![0.0; geometry.plane_dim(plane)]; coded]).collect();
    for band in bands {
        let group = &profile.groups[usize::from(band.group)];
        let order = sorted(&shifts.rows[shifts.row(usize::from(band.group))]);
        for (number, index) in group.band(usize::from(band.band)).enumerate() {
            let column = column(profile, usize::from(band.group), index);
            for (place, &(shift, token)) in order.iter().enumerate() {
                let y = f64::from(band.indices[number * coded + place]) * step(profile, shift, band.pass);
                for member in &group.members {
                    for (value, &u) in planes[member.plane][token].iter_mut().zip(&column[member.row..]) {
                        *value += f64::from(u) * y;
                    }
                }
            }
        }
    }
    for (plane, rows) in planes.iter_mut().enumerate() {
        let statistics = &profile.planes[plane];
        for (token, row) in rows.iter_mut().enumerate() {
            for ((value, &mean), &weight) in row.iter_mut().zip(&statistics.mean).zip(&statistics.weight) {
                *value = f64::from(mean) + *value / f64::from(weight);
            }
            if plane % 2 == 0 {
                rotate(profile, first + (token + skip) as u64, row, 1.0);
            }
        }
    }
    planes
}

/// Section 12.2, value by value: where in the planes, and what.
pub fn cachegen_values(
    codec: &kvedge_codec::Cachegen,
    tables: &kvedge_codec::cachegen::Tables,
    bands: &[kvedge_codec::cachegen::CachegenIndices],
    tokens: usize,
) -> Vec<(usize, f64)> {
    let (n, span) = (tables.spans.tokens, tables.spans.span);
    let copied = tokens - n;
    let mut values = Vec::new();
    for band in bands {
        let mut channel_of_band = 0;
        for layer in kvedge_codec::cachegen::layers_of_group(codec.geometry.layers, band.group) {
            let plane = 2 * usize::from(layer) + usize::from(band.band);
            let (dim, own) = (codec.geometry.plane_dim(plane), &tables.planes[plane]);
            for channel in 0..dim {
                let row = &band.indices[channel_of_band * n..(channel_of_band + 1) * n];
                channel_of_band += 1;
                let mean = own.means.get(channel).map_or(0.0, |&m| f64::from(m) * f64::from(own.mean_step));
                let gain = f64::from(own.channels[channel] / 64) / 3.0;
                let step = f64::from(own.step);
                let (mut anchors, mut others) =
                    (row[..n.div_ceil(span)].iter(), row[n.div_ceil(span)..].iter());
                let mut predicted = 0.0;
                for token in 0..n {
                    let q = if token % span == 0 { anchors.next() } else { others.next() };
                    let q = f64::from(*q.unwrap());
                    let fine = step / 3f64.powi(i32::from(band.pass));
                    let value = if token % span == 0 {
                        let mut base = q;
                        (0..band.pass).for_each(|_| base = (base / 3.0).round());
                        predicted = gain * base * step;
                        mean + q * fine
                    } else {
                        mean + predicted + q * fine
                    };
                    let at = codec.geometry.plane_offset(plane) * tokens + (token + copied) * dim + channel;
                    values.push((at, value.clamp(-65504.0, 65504.0)));
                }
            }
        }
    }
    values
}
