//! The algorithm over 128-bit vectors, four lanes of 32 bits each. Symbols are found in 16-bit lanes, by counting the
//! starts at or below a slot; start and frequency are then fetched bytewise by table swizzles.
//!
//! SAFETY of every unsafe block here: the functions are unsafe only because methods of [`Vector`] need an instruction set,
//! which each caller promises in turn; the one pointer, in `advance`, has its own comment.

use super::table::SCALE;
use super::{as_bits, Lanes, OutOfWords, RefinementTables, Table, LANES};

/// What the algorithm asks of an instruction set. Methods of x86 need the caller to have it enabled.
///
/// # Safety
/// Every method may run only where the instruction set is present.
pub(super) trait Vector: Copy {
    unsafe fn splat32(value: u32) -> Self;
    unsafe fn splat16(value: u16) -> Self;
    unsafe fn load(bytes: &[u8; 16]) -> Self;
    /// 8 bytes, then zeros or anything.
    ///
    /// # Safety
    /// The bytes are readable.
    unsafe fn load_low(bytes: *const u8) -> Self;
    unsafe fn load32(values: &[u32; 4]) -> Self;
    unsafe fn store32(self, values: &mut [u32; 4]);
    unsafe fn and(self, other: Self) -> Self;
    unsafe fn or(self, other: Self) -> Self;
    /// `self` is all ones or all zeros in each lane: a lane of `yes` or of `no`.
    unsafe fn select(self, yes: Self, no: Self) -> Self;
    unsafe fn xor(self, other: Self) -> Self;
    unsafe fn add32(self, other: Self) -> Self;
    unsafe fn mul32(self, other: Self) -> Self;
    unsafe fn add16(self, other: Self) -> Self;
    unsafe fn sub16(self, other: Self) -> Self;
    /// Signed; all ones where true.
    unsafe fn above16(self, other: Self) -> Self;
    unsafe fn equal16(self, other: Self) -> Self;
    unsafe fn equal32(self, other: Self) -> Self;
    unsafe fn shift_right12(self) -> Self;
    unsafe fn shift_right16(self) -> Self;
    unsafe fn shift_left16(self) -> Self;
    /// All ones where a signed 16-bit lane is negative.
    unsafe fn sign16(self) -> Self;
    /// 32-bit lanes to signed 16-bit ones, saturated: `self`, then `high`.
    unsafe fn narrow32(self, high: Self) -> Self;
    /// 16-bit lanes of 0 to 255 to bytes: `self`, then `high`.
    unsafe fn narrow16(self, high: Self) -> Self;
    /// Sign-extends four 16-bit lanes.
    unsafe fn widen_low16(self) -> Self;
    unsafe fn widen_high16(self) -> Self;
    /// Bytes of `self` and `other` in turn.
    unsafe fn interleave_low8(self, other: Self) -> Self;
    unsafe fn interleave_high8(self, other: Self) -> Self;
    /// Bytes of `self` at the places; zero for places of 16 to 143.
    unsafe fn swizzle(self, places: Self) -> Self;
    /// The sign bits of four lanes.
    unsafe fn signs32(self) -> usize;
}

const REGISTERS: usize = LANES / 4;
const HALVES: usize = LANES / 8;

/// For each set of short lanes, where among the next words each lane's bytes are; 0x80 gives zero.
static PLACES: [[u8; 16]; 16] = {
    let mut places = [[0x80u8; 16]; 16];
    let mut set = 0;
    while set < 16 {
        let (mut lane, mut taken) = (0, 0);
        while lane < 4 {
            if set >> lane & 1 == 1 {
                places[set][4 * lane] = 2 * taken;
                places[set][4 * lane + 1] = 2 * taken + 1;
                taken += 1;
            }
            lane += 1;
        }
        set += 1;
    }
    places
};

/// # Safety
/// The instruction set of `V` is present.
#[inline(always)]
pub(super) unsafe fn decode_base<V: Vector>(
    lanes: &mut Lanes<'_>,
    tables: &[&Table],
    indices: &mut [i32],
) -> Result<bool, OutOfWords> {
    // SAFETY: as the caller promises.
    unsafe {
        let mut states = load::<V>(&lanes.states);
        let mut escaped = V::splat32(0);
        let mut escaped_in_last = false;
        for (row, table) in as_bits(indices).chunks_mut(LANES).zip(tables) {
            let slots = slots(states);
            let symbols = count_starts(table, slots);
            let fields = fetch(table, symbols);
            let alphabet = V::splat16(table.alphabet() as u16);
            let mut decoded = symbols;
            for index in &mut decoded {
                *index = index.sub16(alphabet);
                if row.len() == LANES {
                    escaped = escaped.or(index.above16(alphabet));
                }
            }
            store(row, widen(decoded));
            escaped_in_last |= row.len() < LANES && row.iter().any(|&index| index as i32 > table.alphabet());
            states = advance(lanes, states, slots, fields, row.len())?;
        }
        store_to(states, &mut lanes.states);
        let mut parts = [0; 4];
        escaped.store32(&mut parts);
        Ok(escaped_in_last || parts != [0; 4])
    }
}

/// # Safety
/// The instruction set of `V` is present.
#[inline(always)]
pub(super) unsafe fn decode_refinement<V: Vector>(
    lanes: &mut Lanes<'_>,
    tables: &[RefinementTables<'_>],
    indices: &mut [i32],
) -> Result<(), OutOfWords> {
    // SAFETY: as the caller promises.
    unsafe {
        let mut states = load::<V>(&lanes.states);
        for (row, tables) in as_bits(indices).chunks_mut(LANES).zip(tables) {
            let slots = slots(states);
            let parents = load_partial::<V>(row);
            let mut starts = slots;
            let mut frequencies = slots;
            let mut outward = slots;
            // Splats of the start of symbol 1 or 2, as it is for other parents, and what zero parents change in it.
            let threshold = |symbol: usize| {
                let (under_zero, other) = (tables.zero.starts[symbol], tables.nonzero.starts[symbol]);
                (V::splat16(other as u16), V::splat16((other ^ under_zero) as u16))
            };
            let (lows, highs) = (threshold(1), threshold(2));
            for half in 0..HALVES {
                let slot = slots[half];
                // Saturation keeps zero and sign.
                let parent = parents[2 * half].narrow32(parents[2 * half + 1]);
                let is_zero = parent.equal16(V::splat16(0));
                let low = lows.0.xor(is_zero.and(lows.1));
                let high = highs.0.xor(is_zero.and(highs.1));
                let (below_low, below_high) = (low.above16(slot), high.above16(slot));
                let start = below_high.select(below_low.select(V::splat16(0), low), high);
                let end = below_low.select(low, below_high.select(high, V::splat16(SCALE as u16)));
                starts[half] = start;
                frequencies[half] = end.sub16(start);
                let r = below_low.add16(below_high).add16(V::splat16(1));
                let negative = parent.sign16();
                outward[half] = r.xor(negative).sub16(negative);
            }
            let mut decoded = widen(outward);
            for (index, parent) in decoded.iter_mut().zip(parents) {
                *index = index.add32(parent.add32(parent.add32(parent)));
            }
            store(row, decoded);
            states = advance(lanes, states, slots, (starts, frequencies), row.len())?;
        }
        store_to(states, &mut lanes.states);
        Ok(())
    }
}

/// Slots, eight to a vector.
#[inline(always)]
unsafe fn slots<V: Vector>(states: [V; REGISTERS]) -> [V; HALVES] {
    unsafe {
        let mask = V::splat32(SCALE - 1);
        let mut slots = [mask; HALVES];
        for (half, slots) in slots.iter_mut().enumerate() {
            *slots = states[2 * half].and(mask).narrow32(states[2 * half + 1].and(mask));
        }
        slots
    }
}

/// How many of a table's starts, the first apart, are at or below each slot.
#[inline(always)]
unsafe fn count_starts<V: Vector>(table: &Table, slots: [V; HALVES]) -> [V; HALVES] {
    unsafe {
        let mut symbols = [V::splat16(0); HALVES];
        for &start in table.starts.iter().take(table.symbols()).skip(1) {
            let below = V::splat16(start as u16 - 1);
            for (symbol, slot) in symbols.iter_mut().zip(slots) {
                *symbol = symbol.sub16(slot.above16(below));
            }
        }
        symbols
    }
}

/// Start and frequency of each symbol.
#[inline(always)]
unsafe fn fetch<V: Vector>(table: &Table, symbols: [V; HALVES]) -> ([V; HALVES], [V; HALVES]) {
    unsafe {
        let (mut starts, mut frequencies) = (symbols, symbols);
        for pair in 0..HALVES / 2 {
            let places = symbols[2 * pair].narrow16(symbols[2 * pair + 1]);
            // Low and high bytes of starts, then of frequencies.
            let mut fields = [places; 4];
            for (field, [first, second]) in fields.iter_mut().zip(&table.bytes) {
                *field = V::load(first).swizzle(places);
                if table.symbols() > 16 {
                    // Each lookup gives zero for the other's symbols.
                    *field = field.or(V::load(second).swizzle(places.xor(V::splat16(0x1010))));
                }
            }
            let [low, high, few, many] = fields;
            starts[2 * pair] = low.interleave_low8(high);
            starts[2 * pair + 1] = low.interleave_high8(high);
            frequencies[2 * pair] = few.interleave_low8(many);
            frequencies[2 * pair + 1] = few.interleave_high8(many);
        }
        (starts, frequencies)
    }
}

/// The next states of the first `count` lanes: multiplied, then renormalized with words of the stream.
#[inline(always)]
unsafe fn advance<V: Vector>(
    lanes: &mut Lanes<'_>,
    states: [V; REGISTERS],
    slots: [V; HALVES],
    (starts, frequencies): ([V; HALVES], [V; HALVES]),
    count: usize,
) -> Result<[V; REGISTERS], OutOfWords> {
    unsafe {
        let mut offsets = slots;
        for (offset, start) in offsets.iter_mut().zip(starts) {
            *offset = offset.sub16(start);
        }
        let (offsets, frequencies) = (widen(offsets), widen(frequencies));
        let window = lanes.window().as_ptr();
        let mut next = states;
        let mut taken = 0;
        for (register, next) in next.iter_mut().enumerate() {
            let product =
                states[register].shift_right12().mul32(frequencies[register]).add32(offsets[register]);
            let below = product.shift_right16().equal32(V::splat32(0));
            let unused = 4 - count.saturating_sub(4 * register).min(4);
            let short = below.signs32() & (0xf >> unused);
            // Registers before this one took at most 4 words each, so 4 more are inside the window of 32.
            let words = V::load_low(window.add(taken).cast()).swizzle(V::load(&PLACES[short]));
            *next = below.select(product.shift_left16(), product).or(words);
            taken += short.count_ones() as usize;
        }
        lanes.take(taken)?;
        if count == LANES {
            return Ok(next);
        }
        let mut merged = [0; LANES];
        store_to(states, &mut merged);
        store(&mut merged[..count], next);
        Ok(load(&merged))
    }
}

#[inline(always)]
unsafe fn widen<V: Vector>(halves: [V; HALVES]) -> [V; REGISTERS] {
    let mut registers = [halves[0]; REGISTERS];
    for half in 0..HALVES {
        registers[2 * half] = unsafe { halves[half].widen_low16() };
        registers[2 * half + 1] = unsafe { halves[half].widen_high16() };
    }
    registers
}

#[inline(always)]
unsafe fn load<V: Vector>(values: &[u32; LANES]) -> [V; REGISTERS] {
    let mut registers = [unsafe { V::splat32(0) }; REGISTERS];
    for (register, four) in registers.iter_mut().zip(values.as_chunks::<4>().0) {
        *register = unsafe { V::load32(four) };
    }
    registers
}

#[inline(always)]
unsafe fn store_to<V: Vector>(registers: [V; REGISTERS], values: &mut [u32; LANES]) {
    for (four, register) in values.as_chunks_mut::<4>().0.iter_mut().zip(registers) {
        unsafe { register.store32(four) };
    }
}

/// The lanes that `row` has a value for keep it; zeros stand for the others.
#[inline(always)]
unsafe fn load_partial<V: Vector>(row: &[u32]) -> [V; REGISTERS] {
    if let Some(row) = row.first_chunk::<LANES>() {
        return unsafe { load(row) };
    }
    let mut values = [0; LANES];
    values[..row.len()].copy_from_slice(row);
    unsafe { load(&values) }
}

/// Writes the first lanes, as many as `row` has values.
#[inline(always)]
unsafe fn store<V: Vector>(row: &mut [u32], registers: [V; REGISTERS]) {
    if let Some(row) = row.first_chunk_mut::<LANES>() {
        return unsafe { store_to(registers, row) };
    }
    let mut values = [0; LANES];
    unsafe { store_to(registers, &mut values) };
    row.copy_from_slice(&values[..row.len()]);
}
