//! Keeps a level's promise for chunks unlike those that the profile was fitted on (section 10, not normative).
//!
//! A level's step promises about what a uniform quantizer leaves in every coefficient, step^2 / 12 for each. Bands that do
//! not pay at the level's slope leave half of that in real text, and in random tokens too. Where they leave clearly more,
//! segments are bought at a lower slope until they do not.

use std::ops::Range;

use crate::encode::PlannedBand;
use crate::error::Result;
use crate::ladder::step_size;
use crate::profile::Profile;

/// Each round asks a quarter of the slope of the round before it: after the last one 1/256, at which all that helps pays.
const ROUNDS: usize = 4;
const ROUND_FACTOR: f64 = 0.25;
/// Coefficients whose deviation is near half a step leave up to a fifth more than step^2 / 12, whatever is bought.
const MOST_OVER_UNIFORM: f64 = 1.25;

/// The bands as `plan` makes them, which takes the slope of every level of the profile over the usual one.
pub(crate) fn plan_within(
    profile: &Profile,
    levels: &Range<usize>,
    tokens: usize,
    plan: impl Fn(&[f64]) -> Result<Vec<PlannedBand>>,
) -> Result<Vec<PlannedBand>> {
    let mut slopes = vec![1.0; profile.level_names.len()];
    let mut bands = plan(&slopes)?;
    for _ in 0..ROUNDS {
        let left = |number: usize| bands.iter().map(|band| band.plan.distortions[number]).sum::<f64>();
        let over: Vec<usize> = levels
            .clone()
            .enumerate()
            .filter(|&(number, level)| left(number) > promise(profile, level) * tokens as f64)
            .map(|(_, level)| level)
            .collect();
        if over.is_empty() {
            break;
        }
        over.iter().for_each(|&level| slopes[level] *= ROUND_FACTOR);
        bands = plan(&slopes)?;
    }
    Ok(bands)
}

/// Weighted squared error of a token that a level leaves at most, where segments can help.
fn promise(profile: &Profile, level: usize) -> f64 {
    let step = f64::from(step_size(profile.base_step, 0, level as u8));
    let coefficients: usize = profile.groups.iter().map(|group| group.rank).sum();
    MOST_OVER_UNIFORM * coefficients as f64 * step * step / 12.0
}
