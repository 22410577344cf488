//! The encoder's distributions: counts by class, then the tables that code them in fewest bits.

use kvedge_codec_simd::parent_of;

use super::tables::{class_index, Tables, GAINS};
use crate::error::{Error, ErrorCode, Result};
use crate::profile::Class;
use crate::rans::{golomb_bits, refinement_symbol, Table, SCALE};

const MAX_ALPHABET: usize = 15;
/// A further magnitude costs two frequencies of 16 bits in the prelude.
const MAGNITUDE_BITS: f64 = 32.0;
const MAX_ESCAPE_ORDER: u8 = 15;

/// Symbols of one class.
#[derive(Clone)]
pub struct Counts {
    /// Base indices -15 ..= 15.
    values: [u32; 2 * MAX_ALPHABET + 1],
    /// Larger base magnitudes.
    large: Vec<u32>,
    zero: [u32; 3],
    nonzero: [u32; 3],
}

impl Counts {
    fn new() -> Self {
        Self { values: [0; 2 * MAX_ALPHABET + 1], large: Vec::new(), zero: [0; 3], nonzero: [0; 3] }
    }

    fn add_base(&mut self, index: i32) {
        match usize::try_from(index + MAX_ALPHABET as i32).ok().filter(|&at| at < self.values.len()) {
            Some(at) => self.values[at] += 1,
            None => self.large.push(index.unsigned_abs()),
        }
    }

    fn add_refinement(&mut self, index: i32, parent: i32) {
        let symbol = usize::from(refinement_symbol(index, parent));
        let table = if parent == 0 { &mut self.zero } else { &mut self.nonzero };
        table[symbol] += 1;
    }

    /// Magnitudes above `alphabet` with their counts.
    fn escapes(&self, alphabet: usize) -> impl Iterator<Item = (u32, u32)> + '_ {
        let counted = (alphabet + 1..=MAX_ALPHABET).map(|magnitude| {
            (magnitude as u32, self.values[MAX_ALPHABET - magnitude] + self.values[MAX_ALPHABET + magnitude])
        });
        counted.filter(|&(_, count)| count > 0).chain(self.large.iter().map(|&magnitude| (magnitude, 1)))
    }

    fn base_counts(&self, alphabet: usize) -> Vec<u32> {
        let mut counts = self.values[MAX_ALPHABET - alphabet..=MAX_ALPHABET + alphabet].to_vec();
        counts.push(self.escapes(alphabet).map(|(_, count)| count).sum());
        counts
    }

    /// Bits of the base symbols with this alphabet, and the best order of their escapes.
    fn base_cost(&self, alphabet: usize) -> (f64, u8) {
        let golomb = |order: u8| -> f64 {
            let bits = |(magnitude, count)| {
                f64::from(golomb_bits(magnitude, alphabet as u8, order)) * f64::from(count)
            };
            self.escapes(alphabet).map(bits).sum()
        };
        let mut best = (golomb(0), 0);
        for order in 1..=MAX_ESCAPE_ORDER {
            let bits = golomb(order);
            if bits >= best.0 {
                break;
            }
            best = (bits, order);
        }
        (entropy(&self.base_counts(alphabet)) + best.0 + MAGNITUDE_BITS * alphabet as f64, best.1)
    }

    fn class(&self) -> Result<Class> {
        let mut best = (self.base_cost(1), 1);
        for alphabet in 2..=MAX_ALPHABET {
            let cost = self.base_cost(alphabet);
            if cost.0 < best.0 .0 {
                best = (cost, alphabet);
            }
        }
        let ((_, escape_order), alphabet) = best;
        Ok(Class {
            alphabet: alphabet as u8,
            escape_order,
            base: table(&self.base_counts(alphabet))?,
            zero: table(&self.zero)?,
            nonzero: table(&self.nonzero)?,
        })
    }
}

/// Counts by class; as many classes as `count` says.
pub struct ClassCounts(Vec<Counts>);

impl ClassCounts {
    pub fn new(count: usize) -> Self {
        Self(vec![Counts::new(); count])
    }

    /// Adds every symbol of one channel: `finest` are its indices at the last pass, anchors first.
    pub fn add_channel(
        &mut self,
        channel: u8,
        shifts: &[i8; GAINS],
        anchors: usize,
        passes: u8,
        finest: &[i32],
    ) {
        let count = self.0.len();
        for (place, &index) in finest.iter().enumerate() {
            let mut index = index;
            for pass in (0..passes).rev() {
                let class = class_index(channel, place < anchors, pass, 0, shifts, count);
                if pass == 0 {
                    self.0[class].add_base(index);
                } else {
                    let parent = parent_of(index);
                    self.0[class].add_refinement(index, parent);
                    index = parent;
                }
            }
        }
    }

    pub fn set_classes(&self, tables: &mut Tables) -> Result<()> {
        tables.classes = self.0.iter().map(Counts::class).collect::<Result<_>>()?;
        Ok(())
    }
}

fn entropy(counts: &[u32]) -> f64 {
    let total: u32 = counts.iter().sum();
    let bits = |&count: &u32| f64::from(count) * (f64::from(total) / f64::from(count)).log2();
    counts.iter().filter(|&&count| count > 0).map(bits).sum()
}

/// Frequencies of at least 1 in proportion to the counts.
fn table(counts: &[u32]) -> Result<Table> {
    let total = u64::from(counts.iter().sum::<u32>());
    let spare = u64::from(SCALE) - counts.len() as u64;
    let mut frequencies: Vec<u16> =
        counts.iter().map(|&count| 1 + (u64::from(count) * spare / total.max(1)) as u16).collect();
    let missing = SCALE as u16 - frequencies.iter().sum::<u16>();
    if let Some(largest) = frequencies.iter_mut().max() {
        *largest += missing;
    }
    Table::new(&frequencies)
        .ok_or_else(|| Error::new(ErrorCode::InvalidArgument, "a frequency table that does not sum to 4096"))
}
