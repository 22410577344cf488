//! The product over vectors of four, for targets without a kernel in the `gemm` crate that is as fast.
//!
//! ```text
//! for each block of DEPTH terms, for each block of COLUMNS columns:  pack the block of `right`
//!     for each block of ROWS rows:                                   pack the block of `left`
//!         for each panel of 4 * VECTORS columns, for each panel of HEIGHT rows:
//!             sums[i][j] = sum over the terms: left[i] (broadcast) * right[j] (vector)      <- all sums in registers
//!             target += factor * sums
//! ```
//!
//! A packed panel has its values in the order in which the innermost loop reads them.

use std::cell::RefCell;

use super::{Matrix, MatrixMut};

/// Four f32.
pub(super) trait Quad: Copy {
    fn zero() -> Self;
    fn splat(value: f32) -> Self;
    fn load(values: &[f32; 4]) -> Self;
    fn store(self) -> [f32; 4];
    /// `self + left * right`, rounded once or twice.
    fn plus_product(self, left: Self, right: Self) -> Self;
}

/// Rows and vectors of columns whose sums are in registers at once: V8 has 15 for the sums, their operands and products.
const HEIGHT: usize = 4;
const VECTORS: usize = 2;
const WIDTH: usize = 4 * VECTORS;
/// A panel of each side fits the first-level cache, a block of each side the second; not a power of two, or the panels of a
/// block would share few sets of the cache while they are packed.
const DEPTH: usize = 252;
const ROWS: usize = 64 * HEIGHT;
const COLUMNS: usize = 512;

/// Packed blocks, kept for the next product.
#[derive(Default)]
struct Blocks {
    left: Vec<[f32; HEIGHT]>,
    right: Vec<[f32; WIDTH]>,
}

thread_local! {
    static BLOCKS: RefCell<Blocks> = RefCell::default();
}

/// `target = target + factor * left * right`, without the old target unless `adds`; shapes and reach were checked.
pub(super) fn product<Q: Quad>(
    target: MatrixMut<'_>,
    left: Matrix<'_>,
    right: Matrix<'_>,
    adds: bool,
    factor: f32,
) {
    let MatrixMut { data, rows, columns, row_stride } = target;
    if !adds {
        data.chunks_mut(row_stride).take(rows).for_each(|row| row[..columns].fill(0.0));
    }
    BLOCKS.with_borrow_mut(|blocks| {
        for first_term in (0..left.columns).step_by(DEPTH) {
            let depth = DEPTH.min(left.columns - first_term);
            for first_column in (0..columns).step_by(COLUMNS) {
                let width = COLUMNS.min(columns - first_column);
                let of_right = View {
                    data: &right.data[first_term * right.row_stride + first_column * right.column_stride..],
                    term_stride: right.row_stride,
                    place_stride: right.column_stride,
                };
                pack(&of_right, depth, width, &mut blocks.right);
                for first_row in (0..rows).step_by(ROWS) {
                    let height = ROWS.min(rows - first_row);
                    let of_left = View {
                        data: &left.data[first_row * left.row_stride + first_term * left.column_stride..],
                        term_stride: left.column_stride,
                        place_stride: left.row_stride,
                    };
                    pack(&of_left, depth, height, &mut blocks.left);
                    for (panel, right) in blocks.right.chunks_exact(depth).enumerate() {
                        let column = first_column + panel * WIDTH;
                        let width = WIDTH.min(columns - column);
                        for (panel, left) in blocks.left.chunks_exact(depth).enumerate() {
                            let row = first_row + panel * HEIGHT;
                            let sums = sums::<Q>(left, right);
                            for (sums, row) in sums.iter().zip(row..rows) {
                                add::<Q>(sums, factor, &mut data[row * row_stride + column..][..width]);
                            }
                        }
                    }
                }
            }
        }
    });
}

/// One side of a product: element (term, place) is `data[term * term_stride + place * place_stride]`.
struct View<'a> {
    data: &'a [f32],
    term_stride: usize,
    place_stride: usize,
}

/// Fills `block` with panels of `PLACES` rows or columns, term after term. What an edge lacks is left as it was: its sums
/// are never read.
fn pack<const PLACES: usize>(view: &View<'_>, terms: usize, places: usize, block: &mut Vec<[f32; PLACES]>) {
    let panels = places.div_ceil(PLACES);
    block.resize(panels * terms, [0.0; PLACES]);
    if view.place_stride == 1 {
        // Along the source, which is larger than the caches.
        for term in 0..terms {
            let row = &view.data[term * view.term_stride..][..places];
            let (whole, edge) = row.as_chunks::<PLACES>();
            for (panel, values) in whole.iter().enumerate() {
                block[panel * terms + term] = *values;
            }
            if !edge.is_empty() {
                block[whole.len() * terms + term][..edge.len()].copy_from_slice(edge);
            }
        }
        return;
    }
    for (panel, packed) in block.chunks_exact_mut(terms).enumerate() {
        for place in 0..PLACES.min(places - panel * PLACES) {
            let start = (panel * PLACES + place) * view.place_stride;
            for (term, values) in packed.iter_mut().enumerate() {
                values[place] = view.data[start + term * view.term_stride];
            }
        }
    }
}

/// Loops over constants, which the compiler unrolls; closures over arrays would go through memory.
#[inline(always)]
fn sums<Q: Quad>(left: &[[f32; HEIGHT]], right: &[[f32; WIDTH]]) -> [[Q; VECTORS]; HEIGHT] {
    let mut sums = [[Q::zero(); VECTORS]; HEIGHT];
    for (left, right) in left.iter().zip(right) {
        let (vectors, _) = right.as_chunks::<4>();
        let mut right = [Q::zero(); VECTORS];
        for j in 0..VECTORS {
            right[j] = Q::load(&vectors[j]);
        }
        for i in 0..HEIGHT {
            let left = Q::splat(left[i]);
            for j in 0..VECTORS {
                sums[i][j] = sums[i][j].plus_product(left, right[j]);
            }
        }
    }
    sums
}

/// Adds `factor` times the sums of one row to the target, of which there may be fewer at the edge.
#[inline(always)]
fn add<Q: Quad>(sums: &[Q; VECTORS], factor: f32, target: &mut [f32]) {
    for (sum, values) in sums.iter().zip(target.chunks_mut(4)) {
        for (value, sum) in values.iter_mut().zip(sum.store()) {
            *value += factor * sum;
        }
    }
}

#[cfg(test)]
impl Quad for [f32; 4] {
    fn zero() -> Self {
        [0.0; 4]
    }
    fn splat(value: f32) -> Self {
        [value; 4]
    }
    fn load(values: &[f32; 4]) -> Self {
        *values
    }
    fn store(self) -> [f32; 4] {
        self
    }
    fn plus_product(self, left: Self, right: Self) -> Self {
        std::array::from_fn(|lane| self[lane] + left[lane] * right[lane])
    }
}
