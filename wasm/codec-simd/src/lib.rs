//! The only unsafe code of the codec. Every public function is safe: it checks its arguments, then calls a kernel.

#![deny(unsafe_op_in_unsafe_fn)]
#![deny(clippy::undocumented_unsafe_blocks)]

mod matmul;

pub use matmul::{matmul_add, Matrix, MatrixMut};
