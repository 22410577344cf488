//! Coefficients to planes. A plane is the unit of work: it is the sum over its groups of (coefficients x rows of U).

use kvedge_codec_simd::{matmul_add, Matrix, MatrixMut};

use super::round::round_to_f16;
use super::Rotation;
use crate::geometry::Geometry;
use crate::ladder::TokenOrder;
use crate::profile::Profile;

/// Dequantized coefficients of a run of neighbouring columns of U, n per column in sorted token order.
pub(crate) struct CoefficientRun {
    pub group: usize,
    pub first_column: usize,
    pub values: Vec<f32>,
}

/// Which rows of a group's U make a plane.
struct Contribution {
    group: usize,
    first_row: usize,
}

/// What all planes of a chunk share.
pub(crate) struct Synthesis<'a> {
    profile: &'a Profile,
    order: &'a TokenOrder,
    runs: &'a [CoefficientRun],
    rotation: Rotation,
    /// 1 where the chunk's first token is not coded.
    first_coded: usize,
    contributions: Vec<Vec<Contribution>>,
}

impl<'a> Synthesis<'a> {
    pub fn new(
        profile: &'a Profile,
        order: &'a TokenOrder,
        runs: &'a [CoefficientRun],
        first_position: u32,
        first_coded: usize,
    ) -> Self {
        let rotation = Rotation::new(&profile.rope, u64::from(first_position), order.len() + first_coded);
        let mut contributions: Vec<Vec<Contribution>> = Vec::new();
        contributions.resize_with(profile.geometry.planes(), Vec::new);
        for (group, of_group) in profile.groups.iter().enumerate() {
            for member in &of_group.members {
                contributions[member.plane].push(Contribution { group, first_row: member.row });
            }
        }
        Self { profile, order, runs, rotation, first_coded, contributions }
    }

    /// Fills the coded tokens of one plane: `out` is its fp16 values, token after token.
    pub fn plane(&self, plane: usize, out: &mut [u16]) {
        let dim = self.profile.geometry.plane_dim(plane);
        let tokens = self.order.len();
        if tokens == 0 {
            return;
        }
        let mut sums = vec![0.0f32; tokens * dim];
        for contribution in &self.contributions[plane] {
            self.add_group(contribution, dim, &mut sums);
        }
        let statistics = &self.profile.planes[plane];
        for (sorted, row) in sums.chunks_exact_mut(dim).enumerate() {
            for ((value, mean), weight) in row.iter_mut().zip(&statistics.mean).zip(&statistics.weight) {
                *value = mean + *value / weight;
            }
            let token = self.order.tokens[sorted] + self.first_coded;
            if Geometry::is_key(plane) {
                self.rotation.apply(token, row, self.profile.geometry.head_dim(plane));
            }
            round_to_f16(row, &mut out[token * dim..(token + 1) * dim]);
        }
    }

    /// `sums += coefficients (tokens x columns) * U' (columns x dim)` for each run of the group.
    fn add_group(&self, contribution: &Contribution, dim: usize, sums: &mut [f32]) {
        let tokens = self.order.len();
        let group = &self.profile.groups[contribution.group];
        for run in self.runs.iter().filter(|run| run.group == contribution.group) {
            let columns = run.values.len() / tokens;
            matmul_add(
                MatrixMut { data: sums, rows: tokens, columns: dim, row_stride: dim },
                Matrix { data: &run.values, rows: tokens, columns, row_stride: 1, column_stride: tokens },
                Matrix {
                    data: &group.basis[run.first_column * group.dim + contribution.first_row..],
                    rows: columns,
                    columns: dim,
                    row_stride: group.dim,
                    column_stride: 1,
                },
            );
        }
    }
}
