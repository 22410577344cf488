/// log2 of the sum of a table's frequencies.
pub const SCALE_BITS: u32 = 12;
/// Sum of a table's frequencies.
pub const SCALE: u32 = 1 << SCALE_BITS;
/// Most symbols of a table.
pub(crate) const MAX_SYMBOLS: usize = 32;

/// Cumulative frequencies of up to 32 symbols that sum to 4096.
#[derive(Debug, Clone)]
pub struct Table {
    /// Sum of the frequencies before each symbol; 4096, which no slot reaches, from the last one on.
    pub(crate) starts: [u32; MAX_SYMBOLS],
    /// `start | frequency << 12 | symbol << 25` of each symbol: what one permutation of a register can fetch.
    pub(crate) packed: [u32; MAX_SYMBOLS],
    /// The bytes of start and frequency (low and high of each), for symbols 0 .. 15 and 16 .. 31.
    pub(crate) bytes: [[[u8; 16]; 2]; 4],
    coding: [Coding; MAX_SYMBOLS],
    /// Cost of each symbol in bits.
    bits: [f32; MAX_SYMBOLS],
    symbols: u8,
}

/// What an encoder needs of a symbol.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Coding {
    pub start: u32,
    pub frequency: u32,
    /// ceil(2^44 / frequency): `state * reciprocal >> 44` is exactly `state / frequency` for every state below
    /// `frequency * 2^20`, and the product stays below 2^64.
    pub reciprocal: u64,
}

impl Table {
    /// From frequencies of at least 1 that sum to 4096; at most 32 of them.
    pub fn new(frequencies: &[u16]) -> Option<Self> {
        let mut table = Self {
            starts: [SCALE; MAX_SYMBOLS],
            packed: [0; MAX_SYMBOLS],
            bytes: [[[0; 16]; 2]; 4],
            coding: [Coding::default(); MAX_SYMBOLS],
            bits: [SCALE_BITS as f32; MAX_SYMBOLS],
            symbols: u8::try_from(frequencies.len()).ok()?,
        };
        let starts = table.starts.get_mut(..frequencies.len())?;
        let mut sum = 0u32;
        for (symbol, (start, &frequency)) in starts.iter_mut().zip(frequencies).enumerate() {
            if frequency == 0 || sum + u32::from(frequency) > SCALE {
                return None;
            }
            *start = sum;
            table.packed[symbol] = sum | u32::from(frequency) << 12 | (symbol as u32) << 25;
            let ([low, high], [few, many]) = ((sum as u16).to_le_bytes(), frequency.to_le_bytes());
            for (field, byte) in table.bytes.iter_mut().zip([low, high, few, many]) {
                field[symbol / 16][symbol % 16] = byte;
            }
            table.coding[symbol] = Coding {
                start: sum,
                frequency: frequency.into(),
                reciprocal: (1u64 << 44).div_ceil(frequency.into()),
            };
            table.bits[symbol] = (SCALE as f32 / f32::from(frequency)).log2();
            sum += u32::from(frequency);
        }
        (sum == SCALE).then_some(table)
    }

    pub fn symbols(&self) -> usize {
        usize::from(self.symbols)
    }

    /// Sum of the frequencies before the symbol.
    #[inline]
    pub fn start(&self, symbol: u8) -> u32 {
        self.packed[usize::from(symbol & 31)] % SCALE
    }

    #[inline]
    pub fn frequency(&self, symbol: u8) -> u32 {
        frequency(self.packed[usize::from(symbol & 31)])
    }

    #[inline]
    pub(crate) fn coding(&self, symbol: u8) -> &Coding {
        &self.coding[usize::from(symbol & 31)]
    }

    /// Cost of a symbol in bits.
    #[inline]
    pub fn bits(&self, symbol: u8) -> f32 {
        self.bits[usize::from(symbol & 31)]
    }

    /// A of a class whose base symbols are -A .. A and the escape.
    #[inline]
    pub(crate) fn alphabet(&self) -> i32 {
        i32::from(self.symbols) / 2 - 1
    }
}

#[inline]
pub(crate) fn frequency(packed: u32) -> u32 {
    (packed >> SCALE_BITS) % (2 * SCALE)
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn reciprocals_divide_exactly() {
        for frequency in 1..=4095u16 {
            let table = Table::new(&[frequency, 4096 - frequency]).unwrap();
            let coding = table.coding(0);
            let end = u64::from(frequency) << 20;
            let quotients = [1, 2, 15, 16, 4095, 4096, 65535, 1 << 19, (1 << 20) - 1];
            let edges = quotients.map(|quotient| quotient * u64::from(frequency));
            for state in edges.into_iter().flat_map(|edge| [edge - 1, edge, edge + 1]).chain([end - 1]) {
                if state < end {
                    let quotient = (state * coding.reciprocal) >> 44;
                    assert_eq!(quotient, state / u64::from(frequency), "{state} / {frequency}");
                }
            }
        }
    }
}
