//! The only unsafe code of the codec. Every public function is safe: it checks its arguments, then calls a kernel.

#![deny(unsafe_op_in_unsafe_fn)]
#![deny(clippy::undocumented_unsafe_blocks)]

mod backend;
mod ladder;
mod matmul;
mod rans;

pub use backend::Backend;
pub use ladder::{add_squared_errors, coarser, count_refinements, dequantize, parent_of, quantize};
pub use matmul::{matmul, matmul_add, matmul_subtract, Matrix, MatrixMut};
pub use rans::{
    refinement_symbol, OutOfWords, RefinementTables, RowDecoder, RowEncoder, Table, LANES, LOW, SCALE,
    SCALE_BITS,
};
