//! f32 matrix product. Native kernels are those of the `gemm` crate, AVX2/FMA, AVX-512 and NEON picked at run time; for
//! WebAssembly there are our own.

#[cfg(any(target_arch = "wasm32", test))]
mod blocked;
#[cfg(target_arch = "wasm32")]
mod simd128;

/// A read-only strided view: element (i, j) is `data[i * row_stride + j * column_stride]`.
#[derive(Clone, Copy)]
pub struct Matrix<'a> {
    pub data: &'a [f32],
    pub rows: usize,
    pub columns: usize,
    pub row_stride: usize,
    pub column_stride: usize,
}

/// A row-major destination whose rows do not overlap.
pub struct MatrixMut<'a> {
    pub data: &'a mut [f32],
    pub rows: usize,
    pub columns: usize,
    pub row_stride: usize,
}

/// `target = left * right`, on the calling thread; `left` has a column.
///
/// # Panics
/// As all products: when shapes do not match or a view reaches outside its slice: the caller's bug, never a property of
/// input data.
pub fn matmul(target: MatrixMut<'_>, left: Matrix<'_>, right: Matrix<'_>) {
    assert!(left.columns > 0, "an empty product");
    product(target, left, right, false, 1.0);
}

/// `target += left * right`.
pub fn matmul_add(target: MatrixMut<'_>, left: Matrix<'_>, right: Matrix<'_>) {
    product(target, left, right, true, 1.0);
}

/// `target -= left * right`.
pub fn matmul_subtract(target: MatrixMut<'_>, left: Matrix<'_>, right: Matrix<'_>) {
    product(target, left, right, true, -1.0);
}

/// `target = target + factor * left * right`, without the old target unless `adds`.
fn product(target: MatrixMut<'_>, left: Matrix<'_>, right: Matrix<'_>, adds: bool, factor: f32) {
    let (m, n, k) = (target.rows, target.columns, left.columns);
    assert!(left.rows == m && right.columns == n && right.rows == k, "matrix shapes do not match");
    if m == 0 || n == 0 || k == 0 {
        return;
    }
    assert!(target.row_stride >= n, "rows of the target overlap");
    assert!(reach(m, n, target.row_stride, 1) < target.data.len(), "target is too short");
    assert!(reach(m, k, left.row_stride, left.column_stride) < left.data.len(), "left is too short");
    assert!(reach(k, n, right.row_stride, right.column_stride) < right.data.len(), "right is too short");
    checked_product(target, left, right, adds, factor);
}

#[cfg(target_arch = "wasm32")]
fn checked_product(target: MatrixMut<'_>, left: Matrix<'_>, right: Matrix<'_>, adds: bool, factor: f32) {
    blocked::product::<std::arch::wasm32::v128>(target, left, right, adds, factor);
}

#[cfg(not(target_arch = "wasm32"))]
fn checked_product(target: MatrixMut<'_>, left: Matrix<'_>, right: Matrix<'_>, adds: bool, factor: f32) {
    use gemm::{gemm, Parallelism};

    let (m, n, k) = (target.rows, target.columns, left.columns);
    // SAFETY: `reach` is the largest index that each view touches and lies inside its slice (the caller asserted it, all three
    // dimensions positive); the target is borrowed exclusively, so it overlaps neither source; its rows are disjoint.
    unsafe {
        gemm(
            m,
            n,
            k,
            target.data.as_mut_ptr(),
            1,
            target.row_stride as isize,
            adds,
            left.data.as_ptr(),
            left.column_stride as isize,
            left.row_stride as isize,
            right.data.as_ptr(),
            right.column_stride as isize,
            right.row_stride as isize,
            1.0,
            factor,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

/// Largest index of a view with positive dimensions; saturates instead of wrapping.
fn reach(rows: usize, columns: usize, row_stride: usize, column_stride: usize) -> usize {
    (rows - 1).saturating_mul(row_stride).saturating_add((columns - 1).saturating_mul(column_stride))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sizes on both sides of every edge of tiles and blocks.
    const SIZES: [(usize, usize, usize); 6] =
        [(1, 1, 1), (3, 5, 2), (33, 17, 40), (1, 64, 9), (259, 12, 253), (7, 517, 506)];

    /// Small whole numbers, so that sums are exact in any order.
    fn numbers(count: usize, factor: usize, modulus: usize) -> Vec<f32> {
        (0..count).map(|i| (i * factor % modulus) as f32 - (modulus / 2) as f32).collect()
    }

    fn check(multiply: fn(MatrixMut<'_>, Matrix<'_>, Matrix<'_>), (m, n, k): (usize, usize, usize)) {
        let (left, right) = (numbers(m * k, 37, 101), numbers(n * k, 53, 97));
        let lefts = [(1, m), (k, 1)];
        let rights = [(n, 1), (1, k)];
        for ((left_row, left_column), (right_row, right_column)) in
            lefts.into_iter().flat_map(|left| rights.map(|right| (left, right)))
        {
            let mut product = vec![1.0f32; m * (n + 3)];
            multiply(
                MatrixMut { data: &mut product, rows: m, columns: n, row_stride: n + 3 },
                Matrix { data: &left, rows: m, columns: k, row_stride: left_row, column_stride: left_column },
                Matrix {
                    data: &right,
                    rows: k,
                    columns: n,
                    row_stride: right_row,
                    column_stride: right_column,
                },
            );
            for (i, row) in product.chunks_exact(n + 3).enumerate() {
                for (j, &found) in row.iter().enumerate() {
                    let term =
                        |x| left[x * left_column + i * left_row] * right[x * right_row + j * right_column];
                    let exact = 1.0 + if j < n { (0..k).map(term).sum::<f32>() } else { 0.0 };
                    assert_eq!(found, exact, "{m} x {n} x {k}, ({i}, {j})");
                }
            }
        }
    }

    #[test]
    fn agrees_with_the_definition_for_any_strides() {
        SIZES.into_iter().for_each(|sizes| check(matmul_add, sizes));
    }

    #[test]
    fn blocks_of_vectors_agree_as_well() {
        SIZES
            .into_iter()
            .for_each(|sizes| check(|t, l, r| blocked::product::<[f32; 4]>(t, l, r, true, 1.0), sizes));
    }

    #[test]
    fn replaces_adds_and_subtracts() {
        let (left, right) = ([1.0f32, 2.0, 3.0, 4.0], [5.0f32, 6.0, 7.0, 8.0]);
        let square = |data| Matrix { data, rows: 2, columns: 2, row_stride: 2, column_stride: 1 };
        let mut found = [f32::NAN; 4];
        let steps = [(false, 1.0, 1.0), (true, 1.0, 2.0), (true, 1.0, 3.0), (true, -1.0, 2.0)];
        for multiply in [product, blocked::product::<[f32; 4]>] {
            for (adds, factor, times) in steps {
                let target = MatrixMut { data: &mut found, rows: 2, columns: 2, row_stride: 2 };
                multiply(target, square(&left), square(&right), adds, factor);
                assert_eq!(found, [19.0, 22.0, 43.0, 50.0].map(|value| value * times));
            }
        }
    }

    #[test]
    #[should_panic(expected = "right is too short")]
    fn refuses_a_view_outside_its_slice() {
        let mut product = [0.0; 4];
        matmul_add(
            MatrixMut { data: &mut product, rows: 2, columns: 2, row_stride: 2 },
            Matrix { data: &[0.0; 4], rows: 2, columns: 2, row_stride: 2, column_stride: 1 },
            Matrix { data: &[0.0; 3], rows: 2, columns: 2, row_stride: 2, column_stride: 1 },
        );
    }
}
