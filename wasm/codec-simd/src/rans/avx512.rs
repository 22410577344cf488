//! AVX-512 (F, BW, VBMI2): lanes 0 .. 15 and 16 .. 31 in two registers, comparisons in mask registers.

use std::arch::x86_64::*;

use super::table::{SCALE, SCALE_BITS};
use super::{Lanes, OutOfWords, RefinementTables, Table, LANES, LOW};

/// A value for each lane.
#[derive(Clone, Copy)]
pub(super) struct Row(pub(super) [__m512i; 2]);

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi2,popcnt")]
pub(super) fn decode_base(
    lanes: &mut Lanes<'_>,
    tables: &[&Table],
    indices: &mut [i32],
) -> Result<bool, OutOfWords> {
    let mut states = load(&lanes.states);
    let mut escaped = 0;
    for (row, table) in indices.chunks_mut(LANES).zip(tables) {
        let used = first_lanes(row.len());
        let slots = slots(states);
        let found = match table.symbols() {
            4 => compare::<4>(table, slots),
            6 => compare::<6>(table, slots),
            0..=8 => compare::<8>(table, slots),
            9..=16 => bisect16(table, slots),
            _ => bisect32(table, slots),
        };
        let starts = each(found, |found| _mm512_and_si512(found, splat(SCALE - 1)));
        let frequencies = each(found, |found| {
            _mm512_and_si512(_mm512_srli_epi32::<SCALE_BITS>(found), splat(2 * SCALE - 1))
        });
        let alphabet = _mm512_set1_epi32(table.alphabet());
        let decoded = each(found, |found| _mm512_sub_epi32(_mm512_srli_epi32::<25>(found), alphabet));
        escaped |= used & to_bits(decoded.0.map(|index| _mm512_cmpgt_epi32_mask(index, alphabet)));
        store(row, decoded, used);
        states = advance(lanes, states, slots, starts, frequencies, used)?;
    }
    lanes.states = to_array(states);
    Ok(escaped != 0)
}

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi2,popcnt")]
pub(super) fn decode_refinement(
    lanes: &mut Lanes<'_>,
    tables: &[RefinementTables<'_>],
    indices: &mut [i32],
) -> Result<(), OutOfWords> {
    let mut states = load(&lanes.states);
    let zero = _mm512_setzero_si512();
    let one = splat(1);
    for (row, RefinementTables { zero: under_zero, nonzero }) in indices.chunks_mut(LANES).zip(tables) {
        let used = first_lanes(row.len());
        let slots = slots(states);
        let parents = load_partial(row, used);
        let mut starts = slots;
        let mut frequencies = slots;
        let mut decoded = slots;
        for half in 0..2 {
            let (slot, parent) = (slots.0[half], parents.0[half]);
            let is_zero = _mm512_cmpeq_epi32_mask(parent, zero);
            let threshold = |symbol: usize| {
                _mm512_mask_blend_epi32(
                    is_zero,
                    splat(nonzero.starts[symbol]),
                    splat(under_zero.starts[symbol]),
                )
            };
            let (low, high) = (threshold(1), threshold(2));
            let above_low = _mm512_cmpge_epi32_mask(slot, low);
            let above_high = _mm512_cmpge_epi32_mask(slot, high);
            let start = _mm512_maskz_mov_epi32(above_low, low);
            starts.0[half] = _mm512_mask_mov_epi32(start, above_high, high);
            let frequency = _mm512_mask_sub_epi32(low, above_low, high, low);
            frequencies.0[half] = _mm512_mask_sub_epi32(frequency, above_high, splat(SCALE), high);
            let outward = _mm512_mask_mov_epi32(_mm512_set1_epi32(-1), above_low, zero);
            let outward = _mm512_mask_mov_epi32(outward, above_high, one);
            let negative = _mm512_cmplt_epi32_mask(parent, zero);
            let r = _mm512_mask_sub_epi32(outward, negative, zero, outward);
            decoded.0[half] = _mm512_add_epi32(_mm512_add_epi32(parent, _mm512_add_epi32(parent, parent)), r);
        }
        store(row, decoded, used);
        states = advance(lanes, states, slots, starts, frequencies, used)?;
    }
    lanes.states = to_array(states);
    Ok(())
}

/// The packed entry of each slot's symbol, by comparing with every start but the first.
#[inline]
#[target_feature(enable = "avx512f")]
fn compare<const SYMBOLS: usize>(table: &Table, slots: Row) -> Row {
    let mut found = Row([splat(table.packed[0]); 2]);
    for symbol in 1..SYMBOLS {
        let (start, packed) = (splat(table.starts[symbol]), splat(table.packed[symbol]));
        for half in 0..2 {
            let above = _mm512_cmpge_epi32_mask(slots.0[half], start);
            found.0[half] = _mm512_mask_mov_epi32(found.0[half], above, packed);
        }
    }
    found
}

/// The same by bisection of up to 16 starts, held in a register.
#[inline]
#[target_feature(enable = "avx512f")]
fn bisect16(table: &Table, slots: Row) -> Row {
    let ([starts, _], [packed, _]) = (load(&table.starts).0, load(&table.packed).0);
    each(slots, |slot| {
        let above = _mm512_cmpge_epi32_mask(slot, splat(table.starts[8]));
        let mut symbol = _mm512_maskz_mov_epi32(above, splat(8));
        for step in [4, 2, 1] {
            let candidate = _mm512_add_epi32(symbol, splat(step));
            let above = _mm512_cmpge_epi32_mask(slot, _mm512_permutexvar_epi32(candidate, starts));
            symbol = _mm512_mask_mov_epi32(symbol, above, candidate);
        }
        _mm512_permutexvar_epi32(symbol, packed)
    })
}

/// The same of up to 32 starts, held in two registers.
#[inline]
#[target_feature(enable = "avx512f")]
fn bisect32(table: &Table, slots: Row) -> Row {
    let ([starts_low, starts_high], [packed_low, packed_high]) =
        (load(&table.starts).0, load(&table.packed).0);
    each(slots, |slot| {
        let above = _mm512_cmpge_epi32_mask(slot, splat(table.starts[16]));
        let mut symbol = _mm512_maskz_mov_epi32(above, splat(16));
        for step in [8, 4, 2, 1] {
            let candidate = _mm512_add_epi32(symbol, splat(step));
            let start = _mm512_permutex2var_epi32(starts_low, candidate, starts_high);
            symbol = _mm512_mask_mov_epi32(symbol, _mm512_cmpge_epi32_mask(slot, start), candidate);
        }
        _mm512_permutex2var_epi32(packed_low, symbol, packed_high)
    })
}

/// The next states of the used lanes: multiplied, then renormalized with words of the stream.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi2,popcnt")]
fn advance(
    lanes: &mut Lanes<'_>,
    states: Row,
    slots: Row,
    starts: Row,
    frequencies: Row,
    used: u32,
) -> Result<Row, OutOfWords> {
    let mut next = states;
    for half in 0..2 {
        let quotient = _mm512_srli_epi32::<SCALE_BITS>(states.0[half]);
        let product = _mm512_mullo_epi32(quotient, frequencies.0[half]);
        next.0[half] = _mm512_add_epi32(product, _mm512_sub_epi32(slots.0[half], starts.0[half]));
    }
    let short = used & to_bits(next.0.map(|next| _mm512_cmplt_epu32_mask(next, splat(LOW))));
    let window = lanes.window();
    // SAFETY: the window has 64 bytes, and the load needs no alignment.
    let window = unsafe { _mm512_loadu_si512(window.as_ptr().cast()) };
    let words = _mm512_maskz_expand_epi16(short, window);
    let words = [
        _mm512_cvtepu16_epi32(_mm512_castsi512_si256(words)),
        _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64::<1>(words)),
    ];
    lanes.take(short.count_ones() as usize)?;
    for (half, words) in words.into_iter().enumerate() {
        let (short, used) = ((short >> (16 * half)) as u16, (used >> (16 * half)) as u16);
        let shifted = _mm512_mask_slli_epi32::<16>(next.0[half], short, next.0[half]);
        // Words are zero in the lanes that take none.
        next.0[half] = _mm512_mask_or_epi32(states.0[half], used, shifted, words);
    }
    Ok(next)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn slots(states: Row) -> Row {
    each(states, |state| _mm512_and_si512(state, splat(SCALE - 1)))
}

/// A bit for each of the first `count` lanes.
pub(super) fn first_lanes(count: usize) -> u32 {
    u32::MAX >> (LANES - count)
}

pub(super) fn to_bits([low, high]: [__mmask16; 2]) -> u32 {
    u32::from(low) | u32::from(high) << 16
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn splat(value: u32) -> __m512i {
    _mm512_set1_epi32(value as i32)
}

#[inline(always)]
fn each(mut row: Row, work: impl Fn(__m512i) -> __m512i) -> Row {
    for register in &mut row.0 {
        *register = work(*register);
    }
    row
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn load(values: &[u32; LANES]) -> Row {
    // SAFETY: 32 values are two registers; the loads need no alignment.
    unsafe {
        Row([_mm512_loadu_si512(values.as_ptr().cast()), _mm512_loadu_si512(values.as_ptr().add(16).cast())])
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn to_array(row: Row) -> [u32; LANES] {
    let mut values = [0; LANES];
    // SAFETY: 32 values are two registers; the stores need no alignment.
    unsafe {
        _mm512_storeu_si512(values.as_mut_ptr().cast(), row.0[0]);
        _mm512_storeu_si512(values.as_mut_ptr().add(16).cast(), row.0[1]);
    }
    values
}

/// `used`: the lanes that `row` has a value for.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn load_partial(row: &[i32], used: u32) -> Row {
    assert!(used == first_lanes(row.len()));
    let values = row.as_ptr();
    // SAFETY: only lanes in `used` are read, all inside `row`; the other addresses are formed without a claim.
    unsafe {
        Row([
            _mm512_maskz_loadu_epi32(used as u16, values),
            _mm512_maskz_loadu_epi32((used >> 16) as u16, values.wrapping_add(16)),
        ])
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(row: &mut [i32], values: Row, used: u32) {
    assert!(used == first_lanes(row.len()));
    let target = row.as_mut_ptr();
    // SAFETY: only lanes in `used` are written, all inside `row`; the other addresses are formed without a claim.
    unsafe {
        _mm512_mask_storeu_epi32(target, used as u16, values.0[0]);
        _mm512_mask_storeu_epi32(target.wrapping_add(16), (used >> 16) as u16, values.0[1]);
    }
}
