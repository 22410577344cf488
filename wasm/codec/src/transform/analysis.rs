//! Planes to coefficients (section 10): keys rotated back, e = weight * (x - mean), y = U' e group by group.

use half::slice::{HalfBitsSliceExt, HalfFloatSliceExt};
use kvedge_codec_simd::{matmul_add, Matrix, MatrixMut};

use super::Rotation;
use crate::geometry::Geometry;
use crate::par;
use crate::profile::{Group, Profile};

/// Coefficients of every group: rank rows of one value per coded token, in token order.
///
/// `planes`: fp16 planes of `token_count` tokens; those before `first_coded` are left out.
pub(crate) fn analyze(
    profile: &Profile,
    planes: &[u16],
    token_count: usize,
    first_position: u32,
    first_coded: usize,
) -> Vec<Vec<f32>> {
    let rotation = Rotation::new(&profile.rope, u64::from(first_position), token_count);
    let planes_of = (0..profile.geometry.planes()).collect();
    let mut errors = par::map(planes_of, |plane| {
        weighted_plane(profile, planes, token_count, first_coded, plane, &rotation)
    });
    let tokens = token_count - first_coded;
    if shares_planes(profile) {
        let in_turn = profile.groups.iter().map(|group| {
            let coefficients = project(group, &gather(group, &errors, tokens), tokens);
            subtract(group, &coefficients, &mut errors, tokens);
            coefficients
        });
        return in_turn.collect();
    }
    par::map(profile.groups.iter().collect(), |group| project(group, &gather(group, &errors, tokens), tokens))
}

/// weight * (x - mean) of the coded tokens of a plane, keys rotated back.
fn weighted_plane(
    profile: &Profile,
    planes: &[u16],
    token_count: usize,
    first_coded: usize,
    plane: usize,
    rotation: &Rotation,
) -> Vec<f32> {
    let dim = profile.geometry.plane_dim(plane);
    let start = profile.geometry.plane_offset(plane) * token_count;
    let halves = &planes[start + first_coded * dim..start + token_count * dim];
    let mut values = vec![0.0f32; halves.len()];
    halves.reinterpret_cast::<half::f16>().convert_to_f32_slice(&mut values);
    let statistics = &profile.planes[plane];
    for (token, row) in values.chunks_exact_mut(dim).enumerate() {
        if Geometry::is_key(plane) {
            rotation.undo(token + first_coded, row, profile.geometry.head_dim(plane));
        }
        for ((value, mean), weight) in row.iter_mut().zip(&statistics.mean).zip(&statistics.weight) {
            *value = (*value - mean) * weight;
        }
    }
    values
}

fn shares_planes(profile: &Profile) -> bool {
    let mut used = vec![false; profile.geometry.planes()];
    let members = profile.groups.iter().flat_map(|group| &group.members);
    members.into_iter().any(|member| std::mem::replace(&mut used[member.plane], true))
}

/// The group's planes side by side: one row of d values per token.
fn gather(group: &Group, errors: &[Vec<f32>], tokens: usize) -> Vec<f32> {
    let mut rows = vec![0.0f32; tokens * group.dim];
    for member in &group.members {
        for (row, part) in rows.chunks_exact_mut(group.dim).zip(errors[member.plane].chunks_exact(member.dim))
        {
            row[member.row..member.row + member.dim].copy_from_slice(part);
        }
    }
    rows
}

/// Rounds of refinement. The stored U is not exactly orthonormal (8-bit columns), so U' e alone leaves an error that no
/// finer step removes; each round adds the transform of what is left, a Neumann series towards least squares.
const REFINEMENTS: usize = 1;

/// The group's coefficients of `rows`, rank rows of one value per token.
fn project(group: &Group, rows: &[f32], tokens: usize) -> Vec<f32> {
    let mut coefficients = vec![0.0f32; group.rank * tokens];
    add_projection(group, rows, tokens, &mut coefficients);
    for _ in 0..REFINEMENTS {
        let mut left = rows.to_vec();
        remove(group, &coefficients, 0, group.dim, tokens, &mut left);
        add_projection(group, &left, tokens, &mut coefficients);
    }
    coefficients
}

/// y += U' e
fn add_projection(group: &Group, rows: &[f32], tokens: usize, coefficients: &mut [f32]) {
    matmul_add(
        MatrixMut { data: coefficients, rows: group.rank, columns: tokens, row_stride: tokens },
        Matrix {
            data: &group.basis,
            rows: group.rank,
            columns: group.dim,
            row_stride: group.dim,
            column_stride: 1,
        },
        Matrix { data: rows, rows: group.dim, columns: tokens, row_stride: 1, column_stride: group.dim },
    );
}

/// e = e - U y on the planes of the group, which later groups share.
fn subtract(group: &Group, coefficients: &[f32], errors: &mut [Vec<f32>], tokens: usize) {
    for member in &group.members {
        remove(group, coefficients, member.row, member.dim, tokens, &mut errors[member.plane]);
    }
}

/// e = e - U y for `dim` rows of U from `first_row`; `rows` holds `dim` values per token.
fn remove(
    group: &Group,
    coefficients: &[f32],
    first_row: usize,
    dim: usize,
    tokens: usize,
    rows: &mut [f32],
) {
    let negative: Vec<f32> = coefficients.iter().map(|value| -value).collect();
    matmul_add(
        MatrixMut { data: rows, rows: tokens, columns: dim, row_stride: dim },
        Matrix { data: &negative, rows: tokens, columns: group.rank, row_stride: 1, column_stride: tokens },
        Matrix {
            data: &group.basis[first_row..],
            rows: group.rank,
            columns: dim,
            row_stride: group.dim,
            column_stride: 1,
        },
    );
}
