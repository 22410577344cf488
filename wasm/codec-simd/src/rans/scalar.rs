//! The oracle: mod.rs as it is written there, one lane after another.

use super::table::{frequency, SCALE, SCALE_BITS};
use super::{Lanes, OutOfWords, RefinementTables, Table, LANES, LOW};

pub(super) fn decode_base(
    lanes: &mut Lanes<'_>,
    tables: &[&Table],
    indices: &mut [i32],
) -> Result<bool, OutOfWords> {
    let mut escaped = false;
    for (row, table) in indices.chunks_mut(LANES).zip(tables) {
        for (index, state) in row.iter_mut().zip(&mut lanes.states) {
            let slot = *state % SCALE;
            let symbol = table.starts.iter().filter(|&&start| start <= slot).count() as u8 - 1;
            advance(state, table.packed[usize::from(symbol)]);
            *index = i32::from(symbol) - table.alphabet();
            escaped |= *index > table.alphabet();
        }
        renormalize(lanes, row.len())?;
    }
    Ok(escaped)
}

pub(super) fn decode_refinement(
    lanes: &mut Lanes<'_>,
    tables: &[RefinementTables<'_>],
    indices: &mut [i32],
) -> Result<(), OutOfWords> {
    for (row, tables) in indices.chunks_mut(LANES).zip(tables) {
        for (index, state) in row.iter_mut().zip(&mut lanes.states) {
            let table = if *index == 0 { tables.zero } else { tables.nonzero };
            let slot = *state % SCALE;
            let symbol = usize::from(slot >= table.starts[1]) + usize::from(slot >= table.starts[2]);
            advance(state, table.packed[symbol]);
            let outward = symbol as i32 - 1;
            *index = 3 * *index + if *index < 0 { -outward } else { outward };
        }
        renormalize(lanes, row.len())?;
    }
    Ok(())
}

/// x = freq * (x div 4096) + slot - start, at most 2^32 - 1.
fn advance(state: &mut u32, packed: u32) {
    *state = frequency(packed) * (*state >> SCALE_BITS) + *state % SCALE - packed % SCALE;
}

fn renormalize(lanes: &mut Lanes<'_>, count: usize) -> Result<(), OutOfWords> {
    for lane in 0..count {
        if lanes.states[lane] < LOW {
            let word = *lanes.words.get(lanes.at).ok_or(OutOfWords)?;
            lanes.states[lane] = lanes.states[lane] << 16 | u32::from(u16::from_le_bytes(word));
            lanes.at += 1;
        }
    }
    Ok(())
}
