//! Planes to coefficients (section 10): keys rotated back, e = weight * (x - mean), y = U' e group by group.

use std::ops::Range;

use half::slice::{HalfBitsSliceExt, HalfFloatSliceExt};
use kvedge_codec_simd::{matmul, matmul_add, matmul_subtract, Matrix, MatrixMut};

use super::Rotation;
use crate::geometry::Geometry;
use crate::par;
use crate::profile::{Group, Profile};
use crate::scratch::Buffer;

/// Columns of U whose coefficients are one job.
const JOB_COLUMNS: usize = 768;

/// Coefficients of every group: rank rows of one value per coded token, in token order.
pub(crate) struct Coefficients<'a> {
    values: Buffer<'a>,
    /// Of each group.
    spans: Vec<Range<usize>>,
}

impl Coefficients<'_> {
    pub fn group(&self, group: usize) -> &[f32] {
        &self.values[self.spans[group].clone()]
    }
}

/// fp16 planes of a chunk.
pub(crate) struct Planes<'a> {
    pub values: &'a [u16],
    pub tokens: usize,
    pub first_position: u32,
    /// The tokens before are left out.
    pub first_coded: usize,
}

pub(crate) fn analyze<'p>(profile: &'p Profile, planes: &Planes<'_>) -> Coefficients<'p> {
    let rotation = Rotation::new(&profile.rope, u64::from(planes.first_position), planes.tokens);
    let tokens = planes.tokens - planes.first_coded;
    let mut spans: Vec<Range<usize>> = Vec::with_capacity(profile.groups.len());
    for group in &profile.groups {
        let start = spans.last().map_or(0, |span| span.end);
        spans.push(start..start + group.rank * tokens);
    }
    let mut values = profile.scratch.take(spans.last().map_or(0, |span| span.end));
    for wave in waves(profile) {
        let (done, mut rest) = values.split_at_mut(spans[wave.start].start);
        let rows = par::map(wave.clone().collect(), |number: usize| {
            let group = &profile.groups[number];
            group.refined.get_or_init(|| refined_basis(group));
            let mut rows = weighted_rows(profile, group, planes, &rotation);
            for (earlier, span) in profile.groups[..wave.start].iter().zip(&spans) {
                subtract(earlier, &done[span.clone()], group, tokens, &mut rows);
            }
            rows
        });
        let mut jobs = Vec::new();
        for (group, rows) in profile.groups[wave].iter().zip(&rows) {
            for first in (0..group.rank).step_by(JOB_COLUMNS) {
                let columns = first..group.rank.min(first + JOB_COLUMNS);
                let (target, after) = rest.split_at_mut(columns.len() * tokens);
                jobs.push((group, rows, columns, target));
                rest = after;
            }
        }
        par::map(jobs, |(group, rows, columns, target)| project(group, rows, columns, tokens, target));
    }
    Coefficients { values, spans }
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

/// weight * (x - mean) of the coded tokens, keys rotated back: one row of d values per token.
fn weighted_rows<'p>(
    profile: &'p Profile,
    group: &Group,
    planes: &Planes<'_>,
    rotation: &Rotation,
) -> Buffer<'p> {
    let coded = planes.tokens - planes.first_coded;
    let mut rows = profile.scratch.take(coded * group.dim);
    for member in &group.members {
        let start = profile.geometry.plane_offset(member.plane) * planes.tokens;
        let halves = &planes.values[start..start + planes.tokens * member.dim];
        let statistics = &profile.planes[member.plane];
        let head_dim = profile.geometry.head_dim(member.plane);
        let halves = halves.chunks_exact(member.dim).enumerate().skip(planes.first_coded);
        for ((token, halves), row) in halves.zip(rows.chunks_exact_mut(group.dim)) {
            let row = &mut row[member.row..member.row + member.dim];
            halves.reinterpret_cast::<half::f16>().convert_to_f32_slice(row);
            if Geometry::is_key(member.plane) {
                rotation.undo(token, row, head_dim);
            }
            for ((value, mean), weight) in row.iter_mut().zip(&statistics.mean).zip(&statistics.weight) {
                *value = (*value - mean) * weight;
            }
        }
    }
    rows
}

/// e = e - U y: what an earlier group codes of the planes that it shares with a group, whose rows hold e.
fn subtract(earlier: &Group, coefficients: &[f32], group: &Group, tokens: usize, rows: &mut [f32]) {
    for shared in shared_rows(earlier, group) {
        matmul_subtract(
            MatrixMut {
                data: &mut rows[shared.row..],
                rows: tokens,
                columns: shared.count,
                row_stride: group.dim,
            },
            Matrix {
                data: coefficients,
                rows: tokens,
                columns: earlier.rank,
                row_stride: 1,
                column_stride: tokens,
            },
            Matrix {
                data: &earlier.basis[shared.earlier_row..],
                rows: earlier.rank,
                columns: shared.count,
                row_stride: earlier.dim,
                column_stride: 1,
            },
        );
    }
}

/// Neighbouring rows of U in two groups, of the same values.
struct SharedRows {
    earlier_row: usize,
    row: usize,
    count: usize,
}

fn shared_rows(earlier: &Group, group: &Group) -> Vec<SharedRows> {
    let mut shared: Vec<SharedRows> = Vec::new();
    for member in &group.members {
        let Some(other) = earlier.members.iter().find(|other| other.plane == member.plane) else { continue };
        match shared.last_mut() {
            Some(last)
                if last.row + last.count == member.row && last.earlier_row + last.count == other.row =>
            {
                last.count += member.dim;
            }
            _ => shared.push(SharedRows { earlier_row: other.row, row: member.row, count: member.dim }),
        }
    }
    shared
}

/// The coefficients of `columns` of U, of `rows`: a row of one value per token for each.
///
/// The stored U is not exactly orthonormal (8-bit columns), so U' e alone leaves an error that no finer step removes.
/// One round of refinement, y = y + U' (e - U y), is a fixed matrix: with B = I - U' U it is y = (I + B) U' e. Three rounds, for
/// columns of 4 bits, are (I + B) (I + B^2) U' e.
fn project(group: &Group, rows: &[f32], columns: Range<usize>, tokens: usize, coefficients: &mut [f32]) {
    let basis = group.refined.get_or_init(|| refined_basis(group));
    matmul(
        MatrixMut { data: coefficients, rows: columns.len(), columns: tokens, row_stride: tokens },
        row_major(&basis[columns.start * group.dim..], columns.len(), group.dim),
        Matrix { data: rows, rows: group.dim, columns: tokens, row_stride: 1, column_stride: group.dim },
    );
}

/// Rows of U' U that are computed at once; those of later columns are mirrored, which saves up to half of the work.
const GRAM_ROWS: usize = 256;

/// (I + B) U', or (I + B) (I + B^2) U' of a coarse basis, laid out like the basis.
fn refined_basis(group: &Group) -> Vec<f32> {
    let (rank, dim) = (group.rank, group.dim);
    // B = I - U' U
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
    if group.coarse {
        let mut square = vec![0.0f32; rank * rank];
        matmul_add(
            MatrixMut { data: &mut square, rows: rank, columns: rank, row_stride: rank },
            row_major(&deviation, rank, rank),
            row_major(&deviation, rank, rank),
        );
        let first = refined.clone();
        matmul_add(
            MatrixMut { data: &mut refined, rows: rank, columns: dim, row_stride: dim },
            row_major(&square, rank, rank),
            row_major(&first, rank, dim),
        );
    }
    refined
}

fn row_major(data: &[f32], rows: usize, columns: usize) -> Matrix<'_> {
    Matrix { data, rows, columns, row_stride: columns, column_stride: 1 }
}
