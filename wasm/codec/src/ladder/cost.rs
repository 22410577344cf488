//! Size of a segment estimated from its tables, and the class shift that makes it smallest.
//!
//! Symbols are counted per unclamped class index; a shift moves all of them along the bank.

use kvedge_codec_simd::{count_refinements, Backend};

use super::code::SegmentInput;
use super::decode::class_index;
use crate::profile::{Class, Profile};
use crate::rans::{golomb_bits, LANES};

/// Magnitudes with a count of their own; larger ones are escapes in every class.
const COUNTED: i32 = 15;
/// Places where a value is counted.
const PARTS: usize = 4;
/// How many worse shifts in a row end the search in a direction.
const PATIENCE: i8 = 3;

/// Counts of one class index.
struct Counts {
    /// To be added up: values -15 ..= 15 (base only).
    parts: [[u32; 32]; PARTS],
    /// Symbols of refinements: 0 ..= 2 under a zero parent, 3 ..= 5 under others.
    refinements: [u32; 6],
    /// Magnitudes above 15 (base only).
    large: Vec<u32>,
}

/// Symbols of a segment by class index.
pub(super) struct SymbolCounts {
    first_class: i32,
    counts: Vec<Counts>,
    refinement: bool,
}

impl SymbolCounts {
    pub fn new(input: &SegmentInput<'_>) -> Self {
        let classes = || {
            let rows = &input.order.rows;
            let of_rows =
                move |&exponent: &i8| rows.iter().map(move |row| class_index(exponent, input.pass, 0, row));
            input.scale_exponents.iter().flat_map(of_rows)
        };
        let first_class = classes().min().unwrap_or(0);
        let last_class = classes().max().unwrap_or(0);
        let empty = || Counts { parts: [[0; 32]; PARTS], refinements: [0; 6], large: Vec::new() };
        let counts = (first_class..=last_class).map(|_| empty()).collect();
        let mut result = Self { first_class, counts, refinement: input.parents.is_some() };
        result.count(input);
        result
    }

    fn count(&mut self, input: &SegmentInput<'_>) {
        let (backend, tokens) = (Backend::current(), input.order.len());
        for (coefficient, &exponent) in input.scale_exponents.iter().enumerate() {
            for row in &input.order.rows {
                let class = class_index(exponent, input.pass, 0, row) - self.first_class;
                let counts = &mut self.counts[class as usize];
                let start = coefficient * tokens + row.start;
                let indices = &input.indices[start..start + row.count];
                match input.parents {
                    None => counts.add_base(indices),
                    Some(parents) => {
                        let parents = &parents[start..start + row.count];
                        count_refinements(backend, indices, parents, &mut counts.refinements);
                    }
                }
            }
        }
    }

    /// The best shift and the bits of symbols and escapes with it.
    pub fn best_shift(&self, profile: &Profile) -> (i8, f32) {
        let mut best = (0i8, self.bits(profile, 0));
        for direction in [1i8, -1] {
            let mut worse = 0;
            let mut shift = 0i8;
            while worse < PATIENCE && (-63..=62).contains(&shift) {
                shift += direction;
                let bits = self.bits(profile, shift);
                if bits < best.1 {
                    best = (shift, bits);
                    worse = 0;
                } else {
                    worse += 1;
                }
            }
        }
        best
    }

    fn bits(&self, profile: &Profile, shift: i8) -> f32 {
        let of_class = |(offset, counts): (usize, &Counts)| {
            let class = profile.class(self.first_class + offset as i32 + i32::from(shift));
            if self.refinement {
                counts.refinement_bits(class)
            } else {
                counts.base_bits(class)
            }
        };
        self.counts.iter().enumerate().map(of_class).sum()
    }
}

impl Counts {
    /// Counts up to 32 indices, in turns in `PARTS` places: most of them are equal, and a count waits for the last one there.
    fn add_base(&mut self, indices: &[i32]) {
        let mut places = [0u8; LANES];
        let mut outside = false;
        for (place, &index) in places.iter_mut().zip(indices) {
            outside |= index.unsigned_abs() > COUNTED as u32;
            *place = (index + COUNTED).clamp(0, 2 * COUNTED) as u8;
        }
        if outside {
            for &index in indices {
                match index.unsigned_abs() > COUNTED as u32 {
                    true => self.large.push(index.unsigned_abs()),
                    false => self.parts[0][(index + COUNTED) as usize] += 1,
                }
            }
            return;
        }
        for places in places[..indices.len()].chunks(PARTS) {
            for (part, &place) in self.parts.iter_mut().zip(places) {
                part[usize::from(place & 31)] += 1;
            }
        }
    }

    fn of(&self, value: usize) -> u32 {
        self.parts.iter().map(|part| part[value]).sum()
    }

    fn base_bits(&self, class: &Class) -> f32 {
        let escape = class.base.bits(class.escape_symbol());
        let escaped =
            |magnitude: u32| escape + golomb_bits(magnitude, class.alphabet, class.escape_order) as f32;
        let mut bits = 0.0;
        let counts = (0..).map(|place| self.of(place));
        for (value, count) in (-COUNTED..=COUNTED).zip(counts).filter(|&(_, count)| count > 0) {
            let cost = if value.unsigned_abs() <= u32::from(class.alphabet) {
                class.base.bits((value + i32::from(class.alphabet)) as u8)
            } else {
                escaped(value.unsigned_abs())
            };
            bits += count as f32 * cost;
        }
        bits + self.large.iter().map(|&magnitude| escaped(magnitude)).sum::<f32>()
    }

    fn refinement_bits(&self, class: &Class) -> f32 {
        let costs = [&class.zero, &class.nonzero]
            .into_iter()
            .flat_map(|table| (0..3).map(|symbol| table.bits(symbol)));
        self.refinements.iter().zip(costs).map(|(&count, cost)| count as f32 * cost).sum()
    }
}
