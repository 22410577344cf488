//! From planes to coefficients and back (section 6.1): rotary embedding, mean, weights, and the product with U.

pub(crate) mod analysis;
mod rope;
mod round;
pub(crate) mod synthesis;

pub(crate) use rope::Rotation;
pub(crate) use round::within_f16;
