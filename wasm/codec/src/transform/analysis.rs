//! Planes to coefficients (section 10): keys rotated back, e = weight * (x - mean), y = U' e group by group.

use std::ops::Range;

use half::slice::{HalfBitsSliceExt, HalfFloatSliceExt};
use kvedge_codec_simd::{matmul_add, Matrix, MatrixMut};

use super::Rotation;
use crate::geometry::Geometry;
use crate::par;
use crate::profile::{Group, Member, Profile};

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
    let mut found = Vec::with_capacity(profile.groups.len());
    for wave in waves(profile) {
        let groups = &profile.groups[wave.clone()];
        let coefficients = par::map(groups.iter().collect(), |group| {
            project(group, &gather(group, &errors, tokens), tokens)
        });
        if wave.end < profile.groups.len() {
            subtract(groups, &coefficients, &mut errors, tokens);
        }
        found.extend(coefficients);
    }
    found
}

/// The groups in their order, in runs whose groups have no plane in common: those of a run do not wait for each other.
fn waves(profile: &Profile) -> Vec<Range<usize>> {
    let mut waves = Vec::new();
    let mut used = vec![false; profile.geometry.planes()];
    let mut start = 0;
    for (number, group) in profile.groups.iter().enumerate() {
        if group.members.iter().any(|member| used[member.plane]) {
            waves.push(start..number);
            start = number;
            used.fill(false);
        }
        group.members.iter().for_each(|member| used[member.plane] = true);
    }
    waves.push(start..profile.groups.len());
    waves
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

/// The group's coefficients of `rows`, rank rows of one value per token.
///
/// The stored U is not exactly orthonormal (8-bit columns), so U' e alone leaves an error that no finer step removes.
/// One round of refinement, y = y + U' (e - U y), is a fixed matrix: y = (2 I - U' U) U' e.
fn project(group: &Group, rows: &[f32], tokens: usize) -> Vec<f32> {
    let basis = group.refined.get_or_init(|| refined_basis(group));
    let mut coefficients = vec![0.0f32; group.rank * tokens];
    matmul_add(
        MatrixMut { data: &mut coefficients, rows: group.rank, columns: tokens, row_stride: tokens },
        row_major(basis, group.rank, group.dim),
        Matrix { data: rows, rows: group.dim, columns: tokens, row_stride: 1, column_stride: group.dim },
    );
    coefficients
}

/// Rows of U' U that are computed at once; those of later columns are mirrored, which saves up to half of the work.
const GRAM_ROWS: usize = 256;

/// (2 I - U' U) U', laid out like the basis.
fn refined_basis(group: &Group) -> Vec<f32> {
    let (rank, dim) = (group.rank, group.dim);
    // I - U' U
    let mut deviation = vec![0.0f32; rank * rank];
    for first in (0..rank).step_by(GRAM_ROWS) {
        let rows = GRAM_ROWS.min(rank - first);
        let mut products = vec![0.0f32; rows * (first + rows)];
        matmul_add(
            MatrixMut { data: &mut products, rows, columns: first + rows, row_stride: first + rows },
            row_major(&group.basis[first * dim..], rows, dim),
            Matrix {
                data: &group.basis,
                rows: dim,
                columns: first + rows,
                row_stride: 1,
                column_stride: dim,
            },
        );
        for (row, products) in products.chunks_exact(first + rows).enumerate() {
            for (column, &product) in products.iter().enumerate() {
                let value = if column == first + row { 1.0 - product } else { -product };
                deviation[(first + row) * rank + column] = value;
                deviation[column * rank + first + row] = value;
            }
        }
    }
    let mut refined = group.basis.clone();
    matmul_add(
        MatrixMut { data: &mut refined, rows: rank, columns: dim, row_stride: dim },
        row_major(&deviation, rank, rank),
        row_major(&group.basis, rank, dim),
    );
    refined
}

fn row_major(data: &[f32], rows: usize, columns: usize) -> Matrix<'_> {
    Matrix { data, rows, columns, row_stride: columns, column_stride: 1 }
}

/// e = e - U y on the planes of groups that share none, which later groups hold too.
fn subtract(groups: &[Group], coefficients: &[Vec<f32>], errors: &mut [Vec<f32>], tokens: usize) {
    let mut holders = vec![None; errors.len()];
    let negative: Vec<Vec<f32>> =
        coefficients.iter().map(|values| values.iter().map(|value| -value).collect()).collect();
    for (group, negative) in groups.iter().zip(&negative) {
        for member in &group.members {
            holders[member.plane] = Some((group, negative, member));
        }
    }
    let jobs = errors.iter_mut().zip(holders).filter_map(|(error, holder)| Some((error, holder?))).collect();
    par::map(jobs, |(error, (group, negative, member)): (&mut Vec<f32>, (&Group, &Vec<f32>, &Member))| {
        remove(group, negative, member.row, member.dim, tokens, error);
    });
}

/// e = e + U (-y) for `dim` rows of U from `first_row`; `rows` holds `dim` values per token.
fn remove(group: &Group, negative: &[f32], first_row: usize, dim: usize, tokens: usize, rows: &mut [f32]) {
    matmul_add(
        MatrixMut { data: rows, rows: tokens, columns: dim, row_stride: dim },
        Matrix { data: negative, rows: tokens, columns: group.rank, row_stride: 1, column_stride: tokens },
        Matrix {
            data: &group.basis[first_row..],
            rows: group.rank,
            columns: dim,
            row_stride: group.dim,
            column_stride: 1,
        },
    );
}
