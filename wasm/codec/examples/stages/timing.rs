//! Rounds of stages in alternating order.

use std::time::Instant;

pub struct Stage<'a> {
    name: String,
    work: Box<dyn FnMut() + 'a>,
}

impl<'a> Stage<'a> {
    pub fn new(name: &str, work: Box<dyn FnMut() + 'a>) -> Self {
        Self { name: name.into(), work }
    }
}

/// Milliseconds of every stage, round after round.
pub struct Timings(Vec<(String, Vec<f64>)>);

impl Timings {
    pub fn new(stages: &[Stage<'_>]) -> Self {
        Self(stages.iter().map(|stage| (stage.name.clone(), Vec::new())).collect())
    }

    pub fn run_round(&mut self, stages: &mut [Stage<'_>], round: usize) {
        let mut order: Vec<usize> = (0..stages.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for number in order {
            let start = Instant::now();
            (stages[number].work)();
            self.0[number].1.push(start.elapsed().as_secs_f64() * 1e3);
        }
    }

    /// `{"stage":[ms, ...], ...}`
    pub fn to_json(&self) -> String {
        let list = |times: &[f64]| times.iter().map(|ms| format!("{ms:.4}")).collect::<Vec<_>>().join(",");
        let stages = self.0.iter().map(|(name, times)| format!("\"{name}\":[{}]", list(times)));
        format!("{{{}}}", stages.collect::<Vec<_>>().join(","))
    }
}
