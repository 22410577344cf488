//! Encoding with AVX-512 (F, BW, VBMI2). Quotients come from f32 divisions, which are off by one at most, and are then put right.

use std::arch::x86_64::*;

use super::avx512::{first_lanes, load, load_partial, splat, to_array, to_bits, Row};
use super::encoder::Output;
use super::table::{SCALE, SCALE_BITS};
use super::{RefinementTables, Table, LANES};

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi2,popcnt")]
pub(super) fn base(output: &mut Output, tables: &[&Table], indices: &[i32]) -> bool {
    let mut states = load(&output.states);
    let mut escaped = 0;
    for (row, table) in indices.chunks(LANES).zip(tables).rev() {
        let used = first_lanes(row.len());
        let mut packed = load_partial(row, used);
        let [low, high] = load(&table.packed).0;
        let (alphabet, escape) = (splat(table.alphabet() as u32), splat(2 * table.alphabet() as u32 + 1));
        for index in &mut packed.0 {
            let outside = _mm512_cmpgt_epu32_mask(_mm512_abs_epi32(*index), alphabet);
            let symbol = _mm512_mask_mov_epi32(_mm512_add_epi32(*index, alphabet), outside, escape);
            *index = _mm512_permutex2var_epi32(low, symbol, high);
            escaped |= outside;
        }
        states = encode(&mut output.words, states, packed, used);
    }
    output.states = to_array(states);
    escaped != 0
}

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi2,popcnt")]
pub(super) fn refinement(
    output: &mut Output,
    tables: &[RefinementTables<'_>],
    indices: &[i32],
    parents: &[i32],
) {
    let mut states = load(&output.states);
    let (zero, one, eight) = (splat(0), splat(1), splat(8));
    let rows = indices.chunks(LANES).zip(parents.chunks(LANES));
    for ((indices, parents), tables) in rows.zip(tables).rev() {
        let used = first_lanes(indices.len());
        let (mut packed, parents) = (load_partial(indices, used), load_partial(parents, used));
        // Entries of the two tables from places 0 and 8 on.
        let [under_zero, _] = load(&tables.zero.packed).0;
        let [nonzero, _] = load(&tables.nonzero.packed).0;
        let entries = _mm512_inserti64x4::<1>(under_zero, _mm512_castsi512_si256(nonzero));
        for (index, parent) in packed.0.iter_mut().zip(parents.0) {
            let thrice = _mm512_add_epi32(parent, _mm512_add_epi32(parent, parent));
            let r = _mm512_sub_epi32(*index, thrice);
            let outward = _mm512_mask_sub_epi32(r, _mm512_cmplt_epi32_mask(parent, zero), zero, r);
            let symbol = _mm512_add_epi32(outward, one);
            let place = _mm512_mask_add_epi32(symbol, _mm512_cmpneq_epi32_mask(parent, zero), symbol, eight);
            *index = _mm512_permutexvar_epi32(place, entries);
        }
        states = encode(&mut output.words, states, packed, used);
    }
    output.states = to_array(states);
}

/// The states before a row of symbols, given by their packed entries.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi2,popcnt")]
fn encode(words: &mut Vec<u16>, states: Row, packed: Row, used: u32) -> Row {
    let mut next = states;
    let mut full = [0; 2];
    for (half, full) in full.iter_mut().enumerate() {
        let (state, packed) = (states.0[half], packed.0[half]);
        let used = (used >> (16 * half)) as u16;
        let start = _mm512_and_si512(packed, splat(SCALE - 1));
        let frequency = _mm512_and_si512(_mm512_srli_epi32::<SCALE_BITS>(packed), splat(2 * SCALE - 1));
        *full =
            _mm512_mask_cmpge_epu32_mask(used, _mm512_srli_epi32::<{ 32 - SCALE_BITS }>(state), frequency);
        let reduced = _mm512_mask_srli_epi32::<16>(state, *full, state);
        // Below 2^20, with two relative errors of 2^-24: at most 1/8 off before it is truncated.
        let ratio = _mm512_div_ps(_mm512_cvtepu32_ps(reduced), _mm512_cvtepu32_ps(frequency));
        let quotient = _mm512_cvttps_epi32(ratio);
        let remainder = _mm512_sub_epi32(reduced, _mm512_mullo_epi32(quotient, frequency));
        let above = _mm512_cmplt_epi32_mask(remainder, splat(0));
        let below = _mm512_cmpge_epi32_mask(remainder, frequency);
        let coded =
            _mm512_add_epi32(_mm512_slli_epi32::<SCALE_BITS>(quotient), _mm512_add_epi32(remainder, start));
        // One more in the quotient is a frequency less in the remainder.
        let unit = _mm512_sub_epi32(splat(SCALE), frequency);
        let coded = _mm512_mask_sub_epi32(coded, above, coded, unit);
        let coded = _mm512_mask_add_epi32(coded, below, coded, unit);
        next.0[half] = _mm512_mask_mov_epi32(state, used, coded);
    }
    push(words, states, to_bits(full));
    next
}

/// Appends the low words of the chosen lanes, from the last lane to the first.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi2,popcnt")]
fn push(words: &mut Vec<u16>, states: Row, lanes: u32) {
    let [low, high] = states.0.map(|states| _mm512_cvtepi32_epi16(states));
    let lows = _mm512_inserti64x4::<1>(_mm512_castsi256_si512(low), high);
    let falling = _mm512_permutexvar_epi16(falling_places(), lows);
    let chosen = _mm512_maskz_compress_epi16(lanes.reverse_bits(), falling);
    words.reserve(LANES);
    let count = lanes.count_ones() as usize;
    // SAFETY: there is room for 32 more words; the first `count` of those written become part of the vector.
    unsafe {
        _mm512_storeu_si512(words.as_mut_ptr().add(words.len()).cast(), chosen);
        words.set_len(words.len() + count);
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn falling_places() -> __m512i {
    const PLACES: [u16; LANES] = {
        let mut places = [0; LANES];
        let mut place = 0;
        while place < LANES {
            places[place] = (LANES - 1 - place) as u16;
            place += 1;
        }
        places
    };
    // SAFETY: 32 words are a register; the load needs no alignment.
    unsafe { _mm512_loadu_si512(PLACES.as_ptr().cast()) }
}
