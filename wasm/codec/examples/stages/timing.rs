//! Rounds of stages in alternating order.

use std::time::Instant;

use cpu_time::ProcessTime;

pub struct Stage<'a> {
    name: String,
    work: Box<dyn FnMut() + 'a>,
}

impl<'a> Stage<'a> {
    pub fn new(name: &str, work: Box<dyn FnMut() + 'a>) -> Self {
        Self { name: name.into(), work }
    }
}

/// Milliseconds of every stage, round after round: by the clock, and of this process on all CPUs.
pub struct Timings(Vec<(String, Vec<f64>, Vec<f64>)>);

impl Timings {
    pub fn new(stages: &[Stage<'_>]) -> Self {
        Self(stages.iter().map(|stage| (stage.name.clone(), Vec::new(), Vec::new())).collect())
    }

    pub fn run_round(&mut self, stages: &mut [Stage<'_>], round: usize) {
        let mut order: Vec<usize> = (0..stages.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for number in order {
            let (start, cpu_start) = (Instant::now(), ProcessTime::now());
            (stages[number].work)();
            let (wall, cpu) = (start.elapsed(), cpu_start.elapsed());
            self.0[number].1.push(wall.as_secs_f64() * 1e3);
            self.0[number].2.push(cpu.as_secs_f64() * 1e3);
        }
    }

    /// `{"stage":[ms, ...], ...}` by the clock.
    pub fn wall_json(&self) -> String {
        to_json(self.0.iter().map(|(name, wall, _)| (name, wall)))
    }

    /// The same of CPU time.
    pub fn cpu_json(&self) -> String {
        to_json(self.0.iter().map(|(name, _, cpu)| (name, cpu)))
    }
}

fn to_json<'a>(stages: impl Iterator<Item = (&'a String, &'a Vec<f64>)>) -> String {
    let list = |times: &[f64]| times.iter().map(|ms| format!("{ms:.4}")).collect::<Vec<_>>().join(",");
    let stages: Vec<String> = stages.map(|(name, times)| format!("\"{name}\":[{}]", list(times))).collect();
    format!("{{{}}}", stages.join(","))
}
