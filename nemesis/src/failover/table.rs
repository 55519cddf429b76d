//! What the faults cost, as a table for people.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::{Cost, Fault};

/// What one kind of fault cost, all times in milliseconds.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Which kind.
    pub fault: Fault,
    /// How often.
    pub times: usize,
    /// Until the first write begun after the fault was acknowledged: median, 99th percentile, longest.
    pub write: [f64; 3],
    /// The same for reads.
    pub read: [f64; 3],
    /// The longest time without an acknowledged write, of all of them.
    pub write_silence: f64,
    /// The longest time without an answered read.
    pub read_silence: f64,
    /// Requests that failed.
    pub failed: usize,
}

/// One row for each kind of fault.
pub fn rows(costs: &[Cost]) -> Vec<Row> {
    let mut kinds: BTreeMap<Fault, Vec<&Cost>> = BTreeMap::new();
    for cost in costs {
        kinds.entry(cost.fault).or_default().push(cost);
    }
    let longest = |of: &[&Cost], part: fn(&Cost) -> f64| of.iter().map(|cost| part(cost)).fold(0.0, f64::max);
    let row = |(fault, of): (Fault, Vec<&Cost>)| Row {
        fault,
        times: of.len(),
        write: percentiles(of.iter().map(|cost| cost.write_ms).collect()),
        read: percentiles(of.iter().map(|cost| cost.read_ms).collect()),
        write_silence: longest(&of, |cost| cost.write_silence_ms),
        read_silence: longest(&of, |cost| cost.read_silence_ms),
        failed: of.iter().map(|cost| cost.failed).sum(),
    };
    kinds.into_iter().map(row).collect()
}

/// Median, 99th percentile and maximum, by the nearest rank.
fn percentiles(mut of: Vec<f64>) -> [f64; 3] {
    of.sort_by(f64::total_cmp);
    let rank = |share: f64| of[((of.len() as f64 * share).ceil() as usize).clamp(1, of.len()) - 1];
    [rank(0.5), rank(0.99), rank(1.0)]
}

impl Row {
    /// What is worse than promised.
    pub fn missed(&self) -> Vec<String> {
        let [p50, p99, _] = self.write;
        let mut missed = Vec::new();
        let mut check = |what: &str, is: f64, goal: f64| {
            if is > goal {
                missed.push(format!("{:?}: {what} {is:.0} > {goal:.0}", self.fault));
            }
        };
        match self.fault {
            Fault::LeaderKilled => {
                check("write p50, ms", p50, 600.0);
                check("write p99, ms", p99, 1500.0);
            }
            Fault::LeaderPaused | Fault::LeaderMute | Fault::LeaderDeaf => {
                check("write p99, ms", p99, 2000.0)
            }
            Fault::FollowerKilled | Fault::QueueKilled => {
                check("longest time without a write, ms", self.write_silence, 500.0);
                check("longest time without a read, ms", self.read_silence, 500.0);
                check("failed requests", self.failed as f64, 0.0);
            }
        }
        missed
    }
}

/// The head of the table, and what its columns are.
pub const HEAD: &str = "\
fault            times | write p50  p99   max | read p50  p99   max | silence: write  read | failed";

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Row { times, write, read, write_silence, read_silence, failed, .. } = self;
        let fault = format!("{:?}", self.fault);
        write!(f, "{fault:<16} {times:>5} | {:>9.0} {:>4.0} {:>5.0}", write[0], write[1], write[2])?;
        write!(f, " | {:>8.0} {:>4.0} {:>5.0}", read[0], read[1], read[2])?;
        write!(f, " | {write_silence:>14.0} {read_silence:>5.0} | {failed:>6}")
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cost { fault, write_ms, read_ms, write_silence_ms, read_silence_ms, slowest_ms, failed, .. } =
            self;
        write!(
            f,
            "{fault:?}: write {write_ms:.0} ms, read {read_ms:.0} ms; silence {write_silence_ms:.0}/{read_silence_ms:.0}"
        )?;
        write!(f, ", slowest {slowest_ms:.0}, failed {failed}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a hundred, the 99th percentile is the second largest; of ten, the largest.
    #[test]
    fn nearest_rank() {
        assert_eq!(percentiles((1..=100).map(f64::from).collect()), [50.0, 99.0, 100.0]);
        assert_eq!(percentiles((1..=10).map(f64::from).collect()), [5.0, 10.0, 10.0]);
    }
}
