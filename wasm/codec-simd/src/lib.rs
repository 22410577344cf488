//! The only unsafe code of the codec. Every public function is safe: it checks its arguments, then calls a kernel.

#![deny(unsafe_op_in_unsafe_fn)]
#![deny(clippy::undocumented_unsafe_blocks)]

mod backend;
mod matmul;
mod rans;

pub use backend::Backend;
pub use matmul::{matmul_add, Matrix, MatrixMut};
pub use rans::{Coding, OutOfWords, RefinementTables, RowDecoder, Table, LANES, LOW, SCALE, SCALE_BITS};
