//! AVX2: eight lanes in each of four registers.

use std::arch::x86_64::*;

use super::table::{SCALE, SCALE_BITS};
use super::{Lanes, OutOfWords, RefinementTables, Table, LANES};

const REGISTERS: usize = 4;

/// A value for each lane.
#[derive(Clone, Copy)]
struct Row([__m256i; REGISTERS]);

/// For each set of short lanes, the place among the next words of the one that a lane takes.
static PLACES: [[u8; 8]; 256] = {
    let mut places = [[0u8; 8]; 256];
    let mut set = 0;
    while set < 256 {
        let (mut lane, mut taken) = (0, 0);
        while lane < 8 {
            if set >> lane & 1 == 1 {
                places[set][lane] = taken;
                taken += 1;
            }
            lane += 1;
        }
        set += 1;
    }
    places
};

#[target_feature(enable = "avx2,popcnt")]
pub(super) fn decode_base(
    lanes: &mut Lanes<'_>,
    tables: &[&Table],
    indices: &mut [i32],
) -> Result<bool, OutOfWords> {
    let mut states = load(&lanes.states);
    let mut escaped = _mm256_setzero_si256();
    for (row, table) in indices.chunks_mut(LANES).zip(tables) {
        let slots = slots(states);
        // The packed entry of each slot's symbol, by comparing with every start but the first.
        let mut found = Row([splat(table.packed[0]); REGISTERS]);
        for (&start, &packed) in table.starts.iter().zip(&table.packed).take(table.symbols()).skip(1) {
            for (found, slot) in found.0.iter_mut().zip(slots.0) {
                let above = _mm256_cmpgt_epi32(slot, splat(start - 1));
                *found = _mm256_blendv_epi8(*found, splat(packed), above);
            }
        }
        let starts = each(found, |found| _mm256_and_si256(found, splat(SCALE - 1)));
        let frequencies = each(found, |found| {
            _mm256_and_si256(_mm256_srli_epi32::<{ SCALE_BITS as i32 }>(found), splat(2 * SCALE - 1))
        });
        let alphabet = _mm256_set1_epi32(table.alphabet());
        let decoded = each(found, |found| _mm256_sub_epi32(_mm256_srli_epi32::<25>(found), alphabet));
        if row.len() == LANES {
            for index in decoded.0 {
                escaped = _mm256_or_si256(escaped, _mm256_cmpgt_epi32(index, alphabet));
            }
        } else if to_array(decoded)[..row.len()].iter().any(|&index| index as i32 > table.alphabet()) {
            escaped = splat(u32::MAX);
        }
        store(row, decoded);
        states = advance(lanes, states, slots, starts, frequencies, row.len())?;
    }
    lanes.states = to_array(states);
    Ok(_mm256_movemask_epi8(escaped) != 0)
}

#[target_feature(enable = "avx2,popcnt")]
pub(super) fn decode_refinement(
    lanes: &mut Lanes<'_>,
    tables: &[RefinementTables<'_>],
    indices: &mut [i32],
) -> Result<(), OutOfWords> {
    let zero = _mm256_setzero_si256();
    let mut states = load(&lanes.states);
    for (row, tables) in indices.chunks_mut(LANES).zip(tables) {
        let slots = slots(states);
        let parents = load_partial(row);
        let (mut starts, mut frequencies, mut decoded) = (slots, slots, slots);
        for register in 0..REGISTERS {
            let (slot, parent) = (slots.0[register], parents.0[register]);
            let is_zero = _mm256_cmpeq_epi32(parent, zero);
            let threshold = |symbol: usize| {
                let (under_zero, other) = (tables.zero.starts[symbol], tables.nonzero.starts[symbol]);
                _mm256_blendv_epi8(splat(other), splat(under_zero), is_zero)
            };
            let (low, high) = (threshold(1), threshold(2));
            // Zero where the slot is at or above the threshold, else all ones.
            let below_low = _mm256_cmpgt_epi32(low, slot);
            let below_high = _mm256_cmpgt_epi32(high, slot);
            let start = _mm256_andnot_si256(below_low, low);
            let start = _mm256_blendv_epi8(high, start, below_high);
            let end = _mm256_blendv_epi8(splat(SCALE), high, below_high);
            let end = _mm256_blendv_epi8(end, low, below_low);
            starts.0[register] = start;
            frequencies.0[register] = _mm256_sub_epi32(end, start);
            let outward = _mm256_add_epi32(_mm256_add_epi32(below_low, below_high), splat(1));
            let negative = _mm256_srai_epi32::<31>(parent);
            let r = _mm256_sub_epi32(_mm256_xor_si256(outward, negative), negative);
            decoded.0[register] =
                _mm256_add_epi32(_mm256_add_epi32(parent, _mm256_add_epi32(parent, parent)), r);
        }
        store(row, decoded);
        states = advance(lanes, states, slots, starts, frequencies, row.len())?;
    }
    lanes.states = to_array(states);
    Ok(())
}

/// The next states of the first `count` lanes: multiplied, then renormalized with words of the stream.
#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn advance(
    lanes: &mut Lanes<'_>,
    states: Row,
    slots: Row,
    starts: Row,
    frequencies: Row,
    count: usize,
) -> Result<Row, OutOfWords> {
    let mut next = states;
    for register in 0..REGISTERS {
        let quotient = _mm256_srli_epi32::<{ SCALE_BITS as i32 }>(states.0[register]);
        let product = _mm256_mullo_epi32(quotient, frequencies.0[register]);
        next.0[register] = _mm256_add_epi32(product, _mm256_sub_epi32(slots.0[register], starts.0[register]));
    }
    let window = lanes.window();
    let mut taken = 0;
    for (register, next) in next.0.iter_mut().enumerate() {
        let below = _mm256_cmpeq_epi32(_mm256_srli_epi32::<16>(*next), _mm256_setzero_si256());
        let unused = 8 - count.saturating_sub(8 * register).min(8);
        let short = _mm256_movemask_ps(_mm256_castsi256_ps(below)) as usize & (0xff >> unused);
        // SAFETY: registers before this one took at most 8 words each, so 8 more are inside the window of 32; a row
        // of PLACES has 8 bytes; the loads need no alignment.
        let (words, places) = unsafe {
            (
                _mm_loadu_si128(window.as_ptr().add(taken).cast()),
                _mm_loadl_epi64(PLACES[short].as_ptr().cast()),
            )
        };
        let words = _mm256_permutevar8x32_epi32(_mm256_cvtepu16_epi32(words), _mm256_cvtepu8_epi32(places));
        let renormalized = _mm256_or_si256(_mm256_slli_epi32::<16>(*next), words);
        *next = _mm256_blendv_epi8(*next, renormalized, below);
        taken += short.count_ones() as usize;
    }
    lanes.take(taken)?;
    if count == LANES {
        return Ok(next);
    }
    let mut merged = to_array(states);
    merged[..count].copy_from_slice(&to_array(next)[..count]);
    Ok(load(&merged))
}

#[inline]
#[target_feature(enable = "avx2")]
fn slots(states: Row) -> Row {
    each(states, |state| _mm256_and_si256(state, splat(SCALE - 1)))
}

#[inline]
#[target_feature(enable = "avx2")]
fn splat(value: u32) -> __m256i {
    _mm256_set1_epi32(value as i32)
}

#[inline(always)]
fn each(row: Row, work: impl Fn(__m256i) -> __m256i) -> Row {
    Row(row.0.map(work))
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(values: &[u32; LANES]) -> Row {
    let mut row = Row([_mm256_setzero_si256(); REGISTERS]);
    for (register, values) in row.0.iter_mut().zip(values.as_chunks::<8>().0) {
        // SAFETY: 8 values are one register; the load needs no alignment.
        *register = unsafe { _mm256_loadu_si256(values.as_ptr().cast()) };
    }
    row
}

#[inline]
#[target_feature(enable = "avx2")]
fn to_array(row: Row) -> [u32; LANES] {
    let mut values = [0; LANES];
    for (values, register) in values.as_chunks_mut::<8>().0.iter_mut().zip(row.0) {
        // SAFETY: 8 values are one register; the store needs no alignment.
        unsafe { _mm256_storeu_si256(values.as_mut_ptr().cast(), register) };
    }
    values
}

/// Zeros stand for the lanes that the row lacks.
#[inline]
#[target_feature(enable = "avx2")]
fn load_partial(row: &[i32]) -> Row {
    let mut values = [0; LANES];
    values.iter_mut().zip(row).for_each(|(value, &index)| *value = index as u32);
    load(&values)
}

#[inline]
#[target_feature(enable = "avx2")]
fn store(row: &mut [i32], values: Row) {
    row.iter_mut().zip(to_array(values)).for_each(|(index, value)| *index = value as i32);
}
