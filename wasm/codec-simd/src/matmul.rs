//! f32 matrix product. The kernels are those of the `gemm` crate: AVX2/FMA, AVX-512 and NEON picked at run time, and
//! wasm SIMD128.
//!
//! Why `gemm` (2026-11-23, one core of an AVX2 EPYC, 256 x 1536 x 1536, G multiply-adds/s): gemm 0.19 32 to 37,
//! matrixmultiply 0.3.11 36 to 38; wasm SIMD128 under Node 24: gemm 10.4, while matrixmultiply panics there.

use gemm::{gemm, Parallelism};

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
    // SAFETY: `reach` is the largest index that each view touches and lies inside its slice (asserted above, all three
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

    #[test]
    fn agrees_with_the_definition_for_any_strides() {
        for (m, n, k) in [(1, 1, 1), (3, 5, 2), (33, 17, 40), (1, 64, 9)] {
            let left: Vec<f32> = (0..m * k).map(|i| (i * 37 % 101) as f32 - 50.0).collect();
            let right: Vec<f32> = (0..n * k).map(|i| (i * 53 % 97) as f32 - 48.0).collect();
            let mut product = vec![1.0f32; m * (n + 3)];
            matmul_add(
                MatrixMut { data: &mut product, rows: m, columns: n, row_stride: n + 3 },
                Matrix { data: &left, rows: m, columns: k, row_stride: 1, column_stride: m },
                Matrix { data: &right, rows: k, columns: n, row_stride: n, column_stride: 1 },
            );
            for i in 0..m {
                for j in 0..n {
                    let exact: f32 = 1.0 + (0..k).map(|x| left[x * m + i] * right[x * n + j]).sum::<f32>();
                    assert_eq!(product[i * (n + 3) + j], exact);
                }
            }
        }
    }

    #[test]
    fn replaces_adds_and_subtracts() {
        let (left, right) = ([1.0f32, 2.0, 3.0, 4.0], [5.0f32, 6.0, 7.0, 8.0]);
        let square = |data| Matrix { data, rows: 2, columns: 2, row_stride: 2, column_stride: 1 };
        let mut found = [f32::NAN; 4];
        let products = [matmul, matmul_add, matmul_add, matmul_subtract];
        for (product, times) in products.into_iter().zip([1.0, 2.0, 3.0, 2.0]) {
            let target = MatrixMut { data: &mut found, rows: 2, columns: 2, row_stride: 2 };
            product(target, square(&left), square(&right));
            assert_eq!(found, [19.0, 22.0, 43.0, 50.0].map(|value| value * times));
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
