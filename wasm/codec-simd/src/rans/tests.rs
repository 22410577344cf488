//! Every backend does what the oracle does: on streams of an encoder, on cut ones and on garbage.

use super::*;

struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn table(&mut self, symbols: usize) -> Table {
        let mut frequencies = vec![1u16; symbols];
        let mut left = SCALE as usize - symbols;
        for frequency in &mut frequencies[1..] {
            let more = if self.below(3) == 0 { self.below(left + 1) } else { self.below(left / symbols + 1) };
            *frequency += more as u16;
            left -= more;
        }
        frequencies[0] += left as u16;
        let turn = self.below(symbols);
        frequencies.rotate_left(turn);
        Table::new(&frequencies).unwrap()
    }

    /// A slot of the table's range, so that symbols are as likely as the table says.
    fn symbol(&mut self, table: &Table) -> u8 {
        let slot = self.below(SCALE as usize) as u32;
        (0..table.symbols() as u8).rfind(|&symbol| table.start(symbol) <= slot).unwrap()
    }
}

/// Codes rows of (table, symbol) per lane backwards, after section 7.1. Returns first states and words.
fn encode(rows: &[Vec<(&Table, u8)>]) -> ([u32; LANES], Vec<[u8; 2]>) {
    let (mut states, mut words) = ([LOW; LANES], Vec::new());
    for row in rows.iter().rev() {
        for (lane, &(table, symbol)) in row.iter().enumerate().rev() {
            let (start, frequency) = (table.start(symbol), table.frequency(symbol));
            let state = &mut states[lane];
            if u64::from(*state) >= u64::from(frequency) << 20 {
                words.push((*state as u16).to_le_bytes());
                *state >>= 16;
            }
            *state = ((*state / frequency) << SCALE_BITS) + *state % frequency + start;
        }
    }
    words.reverse();
    (states, words)
}

/// Everything that a decoder tells.
#[derive(Debug, PartialEq)]
struct Outcome {
    result: Result<bool, OutOfWords>,
    /// Only after success: what a failed row leaves behind is no one's business.
    rest: Option<(Vec<i32>, [u32; LANES], usize)>,
}

struct Segment {
    tokens: usize,
    states: [u32; LANES],
    words: Vec<[u8; 2]>,
    base: Vec<Table>,
    refinement: Vec<(Table, Table)>,
    parents: Option<Vec<i32>>,
}

impl Segment {
    /// Tables of each row are used for every coefficient.
    fn decode(&self, backend: Backend, coefficients: usize) -> Outcome {
        let mut decoder = RowDecoder::new(backend, self.states, &self.words);
        let mut indices = self.parents.clone().unwrap_or_else(|| vec![0; coefficients * self.tokens]);
        let base: Vec<&Table> = self.base.iter().collect();
        let refinement: Vec<RefinementTables<'_>> =
            self.refinement.iter().map(|(zero, nonzero)| RefinementTables { zero, nonzero }).collect();
        let result = indices.chunks_mut(self.tokens).try_fold(false, |escaped, indices| match self.parents {
            None => decoder.decode_base(&base, indices).map(|found| escaped | found),
            Some(_) => decoder.decode_refinement(&refinement, indices).map(|()| false),
        });
        Outcome { result, rest: result.ok().map(|_| (indices, *decoder.states(), decoder.words_left())) }
    }

    fn check_all(&self, coefficients: usize) -> Outcome {
        let expected = self.decode(Backend::named("scalar").unwrap(), coefficients);
        for backend in Backend::available() {
            assert_eq!(self.decode(backend, coefficients), expected, "{}", backend.name());
        }
        expected
    }
}

const COEFFICIENTS: usize = 5;

/// A segment of random symbols with the indices that it must decode to.
fn random(rng: &mut Rng, refine: bool) -> (Segment, Vec<i32>) {
    let tokens = 1 + rng.below(100);
    let rows = tokens.div_ceil(LANES);
    let base: Vec<Table> = (0..rows)
        .map(|_| {
            let alphabet = 1 + rng.below(15);
            rng.table(2 * alphabet + 2)
        })
        .collect();
    let refinement: Vec<(Table, Table)> = (0..rows).map(|_| (rng.table(3), rng.table(3))).collect();
    let (mut coded, mut parents, mut expected) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..COEFFICIENTS {
        for row in 0..rows {
            let mut symbols = Vec::new();
            for _ in 0..LANES.min(tokens - row * LANES) {
                let parent = [0, 0, 1, -1, 2, -7, 1 << 26, -(1 << 26), 65536, -65536][rng.below(10)];
                let table = match (refine, parent) {
                    (false, _) => &base[row],
                    (true, 0) => &refinement[row].0,
                    (true, _) => &refinement[row].1,
                };
                let symbol = rng.symbol(table);
                symbols.push((table, symbol));
                let outward = i32::from(symbol) - 1;
                parents.push(parent);
                expected.push(match refine {
                    false => i32::from(symbol) - table.alphabet(),
                    true => 3 * parent + if parent < 0 { -outward } else { outward },
                });
            }
            coded.push(symbols);
        }
    }
    let (states, words) = encode(&coded);
    drop(coded);
    let parents = refine.then_some(parents);
    (Segment { tokens, states, words, base, refinement, parents }, expected)
}

#[test]
fn every_backend_decodes_what_was_encoded() {
    let rng = &mut Rng(1);
    for round in 0..400 {
        let (segment, expected) = random(rng, round % 2 == 1);
        let found = segment.check_all(COEFFICIENTS);
        let (indices, states, left) = found.rest.expect("the stream is whole");
        assert_eq!((indices, states, left), (expected.clone(), [LOW; LANES], 0));
        if round % 2 == 0 {
            let tokens = segment.tokens;
            let is_escape =
                |(at, &index): (usize, &i32)| index > segment.base[at % tokens / LANES].alphabet();
            assert_eq!(found.result, Ok(expected.iter().enumerate().any(is_escape)));
        }
    }
}

#[test]
fn every_backend_encodes_as_the_text_says() {
    let rng = &mut Rng(3);
    for round in 0..400 {
        let (segment, indices) = random(rng, round % 2 == 1);
        for backend in Backend::available() {
            let mut encoder = RowEncoder::new(backend);
            let base: Vec<&Table> = segment.base.iter().collect();
            let refinement: Vec<RefinementTables<'_>> =
                segment.refinement.iter().map(|(zero, nonzero)| RefinementTables { zero, nonzero }).collect();
            let mut escaped = false;
            for coefficient in (0..COEFFICIENTS).rev() {
                let span = coefficient * segment.tokens..(coefficient + 1) * segment.tokens;
                match &segment.parents {
                    None => escaped |= encoder.encode_base(&base, &indices[span]),
                    Some(parents) => {
                        encoder.encode_refinement(&refinement, &indices[span.clone()], &parents[span]);
                    }
                }
            }
            assert_eq!(*encoder.states(), segment.states, "{}", backend.name());
            let words: Vec<[u8; 2]> = encoder.words().map(u16::to_le_bytes).collect();
            assert_eq!(words, segment.words, "{}", backend.name());
            if segment.parents.is_none() {
                let is_escape = |(at, &index): (usize, &i32)| {
                    index > segment.base[at % segment.tokens / LANES].alphabet()
                };
                assert_eq!(escaped, indices.iter().enumerate().any(is_escape));
            }
        }
    }
}

#[test]
fn quotients_are_exact_in_every_backend() {
    let rng = &mut Rng(4);
    for frequency in 1..=4095u16 {
        let table = Table::new(&[frequency, 4096 - frequency]).unwrap();
        for backend in Backend::available() {
            let mut encoder = RowEncoder::new(backend);
            // The states grow to the edge of a word and beyond it.
            let mut states = [LOW; LANES];
            for _ in 0..24 {
                let symbols: Vec<i32> = (0..LANES).map(|_| rng.below(2) as i32).collect();
                encoder.encode_base(&[&table], &symbols);
                for (state, &symbol) in states.iter_mut().zip(&symbols) {
                    let (start, frequency) = (table.start(symbol as u8), table.frequency(symbol as u8));
                    if u64::from(*state) >= u64::from(frequency) << 20 {
                        *state >>= 16;
                    }
                    *state = ((*state / frequency) << SCALE_BITS) + *state % frequency + start;
                }
            }
            assert_eq!(*encoder.states(), states, "{} {frequency}", backend.name());
        }
    }
}

#[test]
fn every_backend_answers_alike_to_cut_and_altered_streams() {
    let rng = &mut Rng(2);
    let mut failures = 0;
    for round in 0..400 {
        let (mut segment, _) = random(rng, round % 2 == 1);
        if rng.below(2) == 0 {
            segment.words.truncate(rng.below(segment.words.len() + 1));
        }
        for _ in 0..rng.below(4) {
            if let Some(word) = segment.words.get_mut(rng.below(64)) {
                *word = (rng.next() as u16).to_le_bytes();
            }
            segment.states[rng.below(LANES)] = LOW.max(rng.next() as u32);
        }
        failures += usize::from(segment.check_all(COEFFICIENTS).result.is_err());
    }
    assert!((50..350).contains(&failures), "{failures}");
}

#[test]
fn extreme_states_and_tables_do_not_overflow() {
    let whole = Table::new(&[4093, 1, 1, 1]).unwrap();
    let certain = Table::new(&[1, 4094, 1]).unwrap();
    for state in [LOW, LOW + 4095, u32::MAX, u32::MAX - 4095, 0x8000_0000, 0x7fff_ffff] {
        for parents in [None, Some(vec![-3; LANES])] {
            let segment = Segment {
                tokens: LANES,
                states: [state; LANES],
                words: vec![[0xff; 2]; LANES],
                base: vec![whole.clone()],
                refinement: vec![(certain.clone(), certain.clone())],
                parents,
            };
            segment.check_all(1);
        }
    }
}

#[test]
fn tables_must_sum_to_4096_without_zeros() {
    assert!(Table::new(&[4096]).is_some());
    assert!(Table::new(&[2048, 2048]).is_some());
    for wrong in [&[4095][..], &[4097], &[0, 4096], &[2048, 2049], &[], &[128; 33], &[65535, 1]] {
        assert!(Table::new(wrong).is_none(), "{wrong:?}");
    }
}

#[test]
#[should_panic(expected = "one table for each row")]
fn tables_and_rows_must_match() {
    let _ = RowDecoder::new(Backend::current(), [LOW; LANES], &[]).decode_base(&[], &mut [0]);
}
