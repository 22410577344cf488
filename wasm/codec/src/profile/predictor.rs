//! Predictor of a token's sensitivity (section 4.3), used by encoders.

use super::group::Group;
use crate::bytes::Reader;
use crate::container::prelude::{StepShifts, MAX_SHIFT_ROWS};
use crate::error::{Error, Result};
use crate::ladder::{MAX_SHIFT, MIN_SHIFT};

/// log2(3) / 4: what one unit of step shift is worth.
const LOG2_OF_SHIFT: f32 = 0.396_240_63;

#[derive(Debug, Clone)]
pub struct Feature {
    pub mean: f32,
    pub inverse_deviation: f32,
    /// By row of shifts.
    pub betas: Vec<f32>,
}

/// Kinds 1 and 2: linear, one prediction for each row of shifts.
#[derive(Debug, Clone)]
pub struct Predictor {
    pub gamma: f32,
    pub lead_count: usize,
    pub energy_count: usize,
    pub energy_unit: f32,
    /// Row of each group; empty (kind 1): one row for all groups.
    pub row_of_group: Vec<u8>,
    /// By row.
    pub biases: Vec<f32>,
    /// Per group: its leading coefficients, then its energy.
    pub features: Vec<Vec<Feature>>,
}

impl Predictor {
    pub(super) fn parse(reader: &mut Reader<'_>, groups: &[Group]) -> Result<Option<Self>> {
        let kind = reader.u8("predictorKind")?;
        match kind {
            0 => return Ok(None),
            1 | 2 => {}
            other => return Err(Error::unsupported("predictorKind", "0 to 2", other)),
        }
        let gamma = reader.f32("predictor gamma")?;
        let lead_count = usize::from(reader.u16("leadCount")?);
        let energy_count = usize::from(reader.u16("energyCount")?);
        let energy_unit = reader.positive_f32("energyUnit")?;
        let (rows, row_of_group) = match kind {
            1 => (1, Vec::new()),
            _ => parse_rows(reader, groups.len())?,
        };
        let biases: Result<_> = (0..rows).map(|_| reader.f32("predictor bias")).collect();
        let features: Result<_> = groups
            .iter()
            .map(|group| (0..=lead_count.min(group.rank)).map(|_| parse_feature(reader, rows)).collect())
            .collect();
        let (biases, features) = (biases?, features?);
        Ok(Some(Self { gamma, lead_count, energy_count, energy_unit, row_of_group, biases, features }))
    }

    /// Step shifts of `tokens` tokens; `coefficients` are a group's: rank rows of one value per token.
    pub(crate) fn shifts<'a>(&self, coefficients: impl Fn(usize) -> &'a [f32], tokens: usize) -> StepShifts {
        let mut predictions: Vec<Vec<f32>> = self.biases.iter().map(|&bias| vec![bias; tokens]).collect();
        for group in 0..self.features.len() {
            self.add_group(group, coefficients(group), &mut predictions);
        }
        let shifts = |row: Vec<f32>| row.into_iter().map(|prediction| self.shift(prediction)).collect();
        let rows = predictions.into_iter().map(shifts).collect();
        StepShifts { rows, row_of_group: self.row_of_group.clone() }
    }

    /// What a group adds to each row's prediction for each token.
    fn add_group(&self, group: usize, coefficients: &[f32], predictions: &mut [Vec<f32>]) {
        let Some((energy, leading)) = self.features[group].split_last() else { return };
        let tokens = predictions[0].len();
        for (feature, row) in leading.iter().zip(coefficients.chunks_exact(tokens)) {
            feature.add(row, predictions);
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
        let energies: Vec<f32> = squares.iter().map(|square| (1.0 + square / unit).ln()).collect();
        energy.add(&energies, predictions);
    }

    /// Section 10: the step shift, -11 to 4, of a token with this predicted log2 sensitivity.
    fn shift(&self, prediction: f32) -> i8 {
        let shift = (-self.gamma / 2.0 * prediction / LOG2_OF_SHIFT).round();
        if shift.is_nan() {
            0
        } else {
            shift.clamp(f32::from(MIN_SHIFT), f32::from(MAX_SHIFT)) as i8
        }
    }
}

impl Feature {
    /// Adds what `values`, one per token, say to each row's predictions.
    fn add(&self, values: &[f32], predictions: &mut [Vec<f32>]) {
        for (row, &beta) in predictions.iter_mut().zip(&self.betas) {
            for (prediction, &value) in row.iter_mut().zip(values) {
                *prediction += beta * self.normal(value);
            }
        }
    }

    fn normal(&self, value: f32) -> f32 {
        let normal = (value - self.mean) * self.inverse_deviation;
        if normal.is_nan() {
            0.0
        } else {
            normal.clamp(-5.0, 5.0)
        }
    }
}

/// How many rows, and that of each group.
fn parse_rows(reader: &mut Reader<'_>, groups: usize) -> Result<(usize, Vec<u8>)> {
    let rows = reader.u8("predictor rows")?;
    if !(2..=MAX_SHIFT_ROWS).contains(&rows) {
        return Err(Error::corrupt("predictor rows", "2 to 16", rows));
    }
    let row_of_group = reader.take(groups, "predictor rows of groups")?.to_vec();
    match row_of_group.iter().find(|&&row| row >= rows) {
        Some(row) => Err(Error::corrupt("predictor row of a group", format_args!("below {rows}"), row)),
        None => Ok((usize::from(rows), row_of_group)),
    }
}

fn parse_feature(reader: &mut Reader<'_>, rows: usize) -> Result<Feature> {
    let mean = reader.f32("feature mean")?;
    let inverse_deviation = reader.f32("feature inverseDeviation")?;
    let betas: Result<_> = (0..rows).map(|_| reader.f32("feature beta")).collect();
    Ok(Feature { mean, inverse_deviation, betas: betas? })
}
