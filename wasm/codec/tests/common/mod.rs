//! Small random profiles and planes, and slow oracles. Shared by the tests and the examples.
#![allow(dead_code, unused_imports, clippy::needless_range_loop)]

pub mod naive;
pub mod patch;
pub mod spec;
pub mod write;

pub use spec::{GroupSpec, Rng, Spec};
pub use write::{write_planes, write_profile};
