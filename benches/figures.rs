//! One line per figure.

use std::time::Duration;

/// Prints what was measured, what it is held against, and the ratio of the two.
pub fn line(what: &str, figure: &str, limit: &str, ratio: Option<f64>) {
    let ratio = ratio.map_or_else(String::new, |ratio| format!("ratio {ratio:.2}"));
    println!("{what:<66} {figure:>34}   {limit:<52} {ratio}");
}

/// The middle one, or the upper of the two.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// So many in that time.
pub fn rate(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

/// How long requests took, and all of them together.
pub struct Latency {
    times: Vec<Duration>,
    took: Duration,
}

impl Latency {
    pub fn new(mut times: Vec<Duration>, took: Duration) -> Self {
        times.sort();
        Self { times, took }
    }

    pub fn rate(&self) -> f64 {
        rate(self.times.len(), self.took)
    }

    /// Milliseconds within which `percent` of the requests had their answer.
    pub fn within(&self, percent: usize) -> f64 {
        self.times[(self.times.len() * percent / 100).min(self.times.len() - 1)].as_secs_f64() * 1000.0
    }
}
