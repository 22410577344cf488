//! Predictor of a token's sensitivity (section 4.3), used by encoders.

use super::group::Group;
use crate::bytes::Reader;
use crate::error::{Error, Result};
use crate::ladder::{MAX_SHIFT, MIN_SHIFT};

/// log2(3) / 4: what one unit of step shift is worth.
const LOG2_OF_SHIFT: f32 = 0.396_240_63;

#[derive(Debug, Clone, Copy)]
pub struct Feature {
    pub mean: f32,
    pub inverse_deviation: f32,
    pub beta: f32,
}

#[derive(Debug, Clone)]
pub struct Predictor {
    pub gamma: f32,
    pub lead_count: usize,
    pub energy_count: usize,
    pub energy_unit: f32,
    pub bias: f32,
    /// Per group: its leading coefficients, then its energy.
    pub features: Vec<Vec<Feature>>,
}

impl Predictor {
    pub(super) fn parse(reader: &mut Reader<'_>, groups: &[Group]) -> Result<Option<Self>> {
        match reader.u8("predictorKind")? {
            0 => return Ok(None),
            1 => {}
            other => return Err(Error::unsupported("predictorKind", "0 or 1", other)),
        }
        let gamma = reader.f32("predictor gamma")?;
        let lead_count = usize::from(reader.u16("leadCount")?);
        let energy_count = usize::from(reader.u16("energyCount")?);
        let energy_unit = reader.positive_f32("energyUnit")?;
        let bias = reader.f32("predictor bias")?;
        let features: Result<_> = groups
            .iter()
            .map(|group| (0..=lead_count.min(group.rank)).map(|_| parse_feature(reader)).collect())
            .collect();
        Ok(Some(Self { gamma, lead_count, energy_count, energy_unit, bias, features: features? }))
    }

    /// What a group adds to the prediction for each token; `coefficients` is rank rows of one value per token.
    pub(crate) fn add_group(&self, group: usize, coefficients: &[f32], predictions: &mut [f32]) {
        let tokens = predictions.len();
        let Some((energy, leading)) = self.features[group].split_last() else { return };
        for (feature, row) in leading.iter().zip(coefficients.chunks_exact(tokens)) {
            for (prediction, &value) in predictions.iter_mut().zip(row) {
                *prediction += feature.apply(value);
            }
        }
        let mut squares = vec![0.0f32; tokens];
        let rows = coefficients.chunks_exact(tokens).take(self.energy_count);
        let count = rows.len().max(1) as f32;
        for row in rows {
            for (square, &value) in squares.iter_mut().zip(row) {
                *square += value * value;
            }
        }
        let unit = self.energy_unit * self.energy_unit * count;
        for (prediction, &square) in predictions.iter_mut().zip(&squares) {
            *prediction += energy.apply((1.0 + square / unit).ln());
        }
    }

    /// Section 10: the step shift, -11 to 4, of a token with this predicted log2 sensitivity.
    pub(crate) fn shift(&self, prediction: f32) -> i8 {
        let shift = (-self.gamma / 2.0 * prediction / LOG2_OF_SHIFT).round();
        if shift.is_nan() {
            0
        } else {
            shift.clamp(f32::from(MIN_SHIFT), f32::from(MAX_SHIFT)) as i8
        }
    }
}

impl Feature {
    fn apply(&self, value: f32) -> f32 {
        let normal = (value - self.mean) * self.inverse_deviation;
        if normal.is_nan() {
            0.0
        } else {
            self.beta * normal.clamp(-5.0, 5.0)
        }
    }
}

fn parse_feature(reader: &mut Reader<'_>) -> Result<Feature> {
    Ok(Feature {
        mean: reader.f32("feature mean")?,
        inverse_deviation: reader.f32("feature inverseDeviation")?,
        beta: reader.f32("feature beta")?,
    })
}
