//! One line per figure.

use std::{fs, time::Duration};

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

/// Processor time used so far, by this process and by the database's, which other users of a machine hardly change.
#[derive(Debug, Clone, Copy)]
pub struct Cpu {
    ours: Duration,
    database: Duration,
}

impl Cpu {
    /// So far; `postmaster` is the parent of the database's processes, if it has its own.
    pub fn now(postmaster: Option<u32>) -> Self {
        let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
        let theirs = processes.filter_map(Process::read).filter(|process| Some(process.parent) == postmaster);
        Self { ours: Process::read(std::process::id()).unwrap().used, database: theirs.map(|process| process.used).sum() }
    }

    /// Microseconds for each of `count` since then: ours and the database's.
    pub fn each_since(self, then: Self, count: usize) -> String {
        let each = |time: Duration| time.as_secs_f64() * 1e6 / count as f64;
        format!("{:.0} + {:.0} µs", each(self.ours - then.ours), each(self.database.saturating_sub(then.database)))
    }
}

/// What the system says of a process.
pub struct Process {
    pub parent: u32,
    used: Duration,
}

impl Process {
    pub fn read(id: u32) -> Option<Self> {
        let line = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // The name, in parentheses, may hold anything.
        let fields: Vec<&str> = line.rsplit_once(") ")?.1.split(' ').collect();
        let ticks = fields[11].parse::<u64>().ok()? + fields[12].parse::<u64>().ok()?;
        Some(Self { parent: fields[1].parse().ok()?, used: Duration::from_millis(ticks * 10) })
    }
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
