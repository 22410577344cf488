//! Order of the coded tokens and their rows of lanes (section 6.4).

use crate::rans::LANES;

/// A row: up to 32 sorted tokens that share the class of each coefficient.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Place of its first token in the sorted order.
    pub start: usize,
    pub count: usize,
    /// Shift of the token in its middle.
    pub shift: i8,
}

/// Tokens sorted by (shift, position).
#[derive(Debug, Clone)]
pub struct TokenOrder {
    /// Index among the coded tokens of each sorted place.
    pub tokens: Vec<usize>,
    /// Shift of each sorted place.
    pub shifts: Vec<i8>,
    pub rows: Vec<Row>,
}

impl TokenOrder {
    /// `shifts` of the coded tokens by position.
    pub fn new(shifts: &[i8]) -> Self {
        let mut tokens: Vec<usize> = (0..shifts.len()).collect();
        tokens.sort_unstable_by_key(|&token| (shifts[token], token));
        let sorted: Vec<i8> = tokens.iter().map(|&token| shifts[token]).collect();
        let rows = (0..sorted.len()).step_by(LANES).map(|start| {
            let count = LANES.min(sorted.len() - start);
            Row { start, count, shift: sorted[start + count / 2] }
        });
        let rows = rows.collect();
        Self { tokens, shifts: sorted, rows }
    }

    /// n: number of coded tokens.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    pub fn lanes(&self) -> usize {
        self.len().min(LANES)
    }
}
