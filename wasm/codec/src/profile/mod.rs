//! Profile files (docs/format.md section 4): the static tables of one model.

mod basis;
pub mod class;
pub mod group;
mod parse;
pub mod predictor;

use crate::error::Result;
use crate::geometry::Geometry;
use crate::limits::Limits;
use crate::scratch::Scratch;

pub(crate) use class::parse_classes;
pub use class::Class;
pub use group::{Group, Member};
pub use predictor::Predictor;

/// Pair layout of the rotary embedding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RopeLayout {
    None,
    /// Pairs (2i, 2i + 1).
    Interleaved,
    /// Pairs (i, i + ropeDims / 2).
    Halves,
}

/// Rotary embedding of the keys (section 6.3).
#[derive(Debug, Clone)]
pub struct Rope {
    pub layout: RopeLayout,
    pub dims: u16,
    pub freq_base: f32,
    pub freq_scale: f32,
    /// Frequency factor of each pair; empty means 1.
    pub factors: Vec<f32>,
}

/// Static statistics of a plane, one entry per value.
#[derive(Debug, Clone)]
pub struct PlaneStatistics {
    pub mean: Vec<f32>,
    pub weight: Vec<f32>,
}

/// Planes of a token that often starts a context.
#[derive(Debug, Clone)]
pub struct FirstToken {
    pub token_id: u32,
    /// fp16 bit patterns, section 2 with T = 1.
    pub planes: Vec<u16>,
}

/// A checked profile; U is held as f32, so it takes up to four times the file's size.
#[derive(Debug, Clone)]
pub struct Profile {
    /// SHA-256 of the file.
    pub id: [u8; 32],
    pub file_bytes: u32,
    pub model_fingerprint: [u8; 32],
    pub geometry: Geometry,
    pub rope: Rope,
    pub base_step: f32,
    pub level_names: Vec<String>,
    pub kld_per_distortion: f32,
    pub planes: Vec<PlaneStatistics>,
    pub classes: Vec<Class>,
    pub groups: Vec<Group>,
    pub first_tokens: Vec<FirstToken>,
    pub predictor: Option<Predictor>,
    pub(crate) scratch: Scratch,
}

impl Profile {
    /// Parses and checks a whole profile file.
    pub fn parse(file: &[u8], limits: &Limits) -> Result<Self> {
        parse::parse(file, limits)
    }

    /// Class of section 6.5.
    pub(crate) fn class(&self, index: i32) -> &Class {
        let last = self.classes.len() as i32 - 1;
        &self.classes[index.clamp(0, last) as usize]
    }

    /// The groups with a member plane in layers `first ..= last`, for a cut by layers.
    pub fn groups_of_layers(&self, first: u16, last: u16) -> Vec<u8> {
        let wanted = |member: &Member| {
            let layer = member.plane / 2;
            layer >= usize::from(first) && layer <= usize::from(last)
        };
        let holds = |index: &usize| self.groups[*index].members.iter().any(wanted);
        (0..self.groups.len()).filter(holds).map(|index| index as u8).collect()
    }
}
