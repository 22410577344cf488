//! Chunk objects (docs/format.md sections 5, 6.2, 6.7 and 8): header, prelude, segments, cuts. Needs no profile.

pub mod cut;
pub mod header;
pub mod prelude;
pub mod segment;
pub mod validate;
