//! Coefficients to planes. A plane is the sum over its groups of (coefficients x rows of U).

use std::borrow::Cow;
use std::ops::Range;

use kvedge_codec_simd::{matmul, matmul_add, Matrix, MatrixMut};

use super::round::round_to_f16;
use super::Rotation;
use crate::geometry::Geometry;
use crate::ladder::TokenOrder;
use crate::par;
use crate::profile::Profile;

/// Neighbouring planes are made together, at most this many: more would leave threads without work.
const BLOCK_PLANES: usize = 2;

/// Dequantized coefficients of a run of neighbouring columns of U, n per column in sorted token order.
pub(crate) struct CoefficientRun {
    pub group: usize,
    pub first_column: usize,
    /// Where among all coefficients.
    pub values: Range<usize>,
}

/// Which rows of a group's U make a block.
#[derive(Clone, Copy)]
struct Contribution {
    group: usize,
    first_row: usize,
}

/// Planes whose rows of U are neighbours in every group that holds one of them: one product for all of them.
struct Block {
    planes: Range<usize>,
    /// Values per token.
    dim: usize,
    contributions: Vec<Contribution>,
}

/// What all planes of a chunk share.
pub(crate) struct Synthesis<'a> {
    pub profile: &'a Profile,
    /// By group.
    pub orders: Vec<&'a TokenOrder>,
    pub runs: &'a [CoefficientRun],
    pub coefficients: &'a [f32],
    /// Coded tokens.
    pub coded: usize,
    /// 1 where the chunk's first token is not coded.
    pub first_coded: usize,
}

impl Synthesis<'_> {
    /// Fills the coded tokens of all planes, which are in the order of section 2.
    pub fn fill(&self, first_position: u32, planes: &mut [u16]) {
        if self.coded == 0 {
            return;
        }
        let tokens = self.coded + self.first_coded;
        let rotation = Rotation::new(&self.profile.rope, u64::from(first_position), tokens);
        let mut rest = planes;
        let mut jobs = Vec::new();
        for block in blocks(self.profile) {
            let (values, after) = rest.split_at_mut(block.dim * tokens);
            jobs.push((block, values));
            rest = after;
        }
        par::map(jobs, |(block, values)| self.block(&block, &rotation, values));
    }

    fn block(&self, block: &Block, rotation: &Rotation, out: &mut [u16]) {
        // Where groups differ in their order, that of the first holds for the sums.
        let order = self.orders[block.contributions.first().map_or(0, |contribution| contribution.group)];
        let mut sums = self.profile.scratch.take(self.coded * block.dim);
        self.sum_groups(block, order, &mut sums);
        let mut rest = out;
        let mut first = 0;
        for plane in block.planes.clone() {
            let dim = self.profile.geometry.plane_dim(plane);
            let (values, after) = rest.split_at_mut(dim * (self.coded + self.first_coded));
            let rows = sums.chunks_exact_mut(block.dim).map(|row| &mut row[first..first + dim]);
            self.plane(plane, rotation, rows.zip(order.tokens.iter().copied()), values);
            rest = after;
            first += dim;
        }
    }

    /// `rows`: the plane's sums, each with its coded token. `out`: its fp16 values, token after token.
    fn plane<'r>(
        &self,
        plane: usize,
        rotation: &Rotation,
        rows: impl Iterator<Item = (&'r mut [f32], usize)>,
        out: &mut [u16],
    ) {
        let (dim, head_dim) = (self.profile.geometry.plane_dim(plane), self.profile.geometry.head_dim(plane));
        let statistics = &self.profile.planes[plane];
        for (row, token) in rows {
            for ((value, mean), weight) in row.iter_mut().zip(&statistics.mean).zip(&statistics.weight) {
                *value = mean + *value / weight;
            }
            let token = token + self.first_coded;
            if Geometry::is_key(plane) {
                rotation.apply(token, row, head_dim);
            }
            round_to_f16(row, &mut out[token * dim..(token + 1) * dim]);
        }
    }

    /// `sums`: over groups and their runs of coefficients (tokens x columns) * U' (columns x dim).
    fn sum_groups(&self, block: &Block, order: &TokenOrder, sums: &mut [f32]) {
        let tokens = self.coded;
        let mut begun = false;
        for contribution in &block.contributions {
            let group = &self.profile.groups[contribution.group];
            let own = self.orders[contribution.group];
            for run in self.runs.iter().filter(|run| run.group == contribution.group) {
                let values = &self.coefficients[run.values.clone()];
                let columns = values.len() / tokens;
                let values = match own.tokens == order.tokens {
                    true => Cow::Borrowed(values),
                    false => Cow::Owned(reordered(values, own, order)),
                };
                let product = if begun { matmul_add } else { matmul };
                product(
                    MatrixMut { data: sums, rows: tokens, columns: block.dim, row_stride: block.dim },
                    Matrix { data: &values, rows: tokens, columns, row_stride: 1, column_stride: tokens },
                    Matrix {
                        data: &group.basis[run.first_column * group.dim + contribution.first_row..],
                        rows: columns,
                        columns: block.dim,
                        row_stride: group.dim,
                        column_stride: 1,
                    },
                );
                begun = true;
            }
        }
        if !begun {
            sums.fill(0.0);
        }
    }
}

/// All planes in their order.
fn blocks(profile: &Profile) -> Vec<Block> {
    let mut contributions: Vec<Vec<Contribution>> = Vec::new();
    contributions.resize_with(profile.geometry.planes(), Vec::new);
    for (group, of_group) in profile.groups.iter().enumerate() {
        for member in &of_group.members {
            contributions[member.plane].push(Contribution { group, first_row: member.row });
        }
    }
    let mut blocks: Vec<Block> = Vec::new();
    for (plane, contributions) in contributions.into_iter().enumerate() {
        let dim = profile.geometry.plane_dim(plane);
        match blocks.last_mut() {
            Some(block) if block.planes.len() < BLOCK_PLANES && block.goes_on(&contributions) => {
                block.planes.end += 1;
                block.dim += dim;
            }
            _ => blocks.push(Block { planes: plane..plane + 1, dim, contributions }),
        }
    }
    blocks
}

impl Block {
    /// Whether the next plane's rows follow those of the block in the same groups.
    fn goes_on(&self, next: &[Contribution]) -> bool {
        let follows = |(own, next): (&Contribution, &Contribution)| {
            own.group == next.group && own.first_row + self.dim == next.first_row
        };
        self.contributions.len() == next.len() && self.contributions.iter().zip(next).all(follows)
    }
}

/// `values`, n per column in the order `from`, in the order `to`.
fn reordered(values: &[f32], from: &TokenOrder, to: &TokenOrder) -> Vec<f32> {
    let mut places = vec![0; from.len()];
    for (place, &token) in from.tokens.iter().enumerate() {
        places[token] = place;
    }
    let columns = values.chunks_exact(from.len());
    columns.flat_map(|column| to.tokens.iter().map(|&token| column[places[token]])).collect()
}
