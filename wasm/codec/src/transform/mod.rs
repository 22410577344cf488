//! From planes to coefficients and back (section 6.1): rotary embedding, mean, weights, and the product with U.

pub(crate) mod analysis;
mod rope;
pub(crate) mod synthesis;

pub(crate) use rope::Rotation;
