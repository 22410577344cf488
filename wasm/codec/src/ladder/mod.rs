//! Codec 1, the ternary ladder of section 6: order of tokens, step sizes, and the symbols of segments.

mod code;
mod cost;
mod decode;
mod order;
mod plan;
mod step;

pub use decode::{decode_segment, SegmentSource};
pub use order::TokenOrder;
pub use step::{error_weight, step_size, MAX_SHIFT, MIN_SHIFT};

pub(crate) use plan::{plan_band, BandPlan};
