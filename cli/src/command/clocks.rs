//! How far the clocks of machines are apart, as far as beats tell.

use gossamer_proto::v1::Description;

/// Clocks that are closer than this are even: a beat is up to two tenths of a second old, and disks do not write by it.
pub(super) const EVEN_MS: u64 = 1000;

/// A machine's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    /// Whose, for people.
    pub(super) whose: String,
    /// What it shows now, as Unix time.
    pub(super) unix_ms: u64,
}

/// How far a clock is from what most show.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Drift {
    pub(super) whose: String,
    /// Ahead of the median of all; negative: behind.
    pub(super) ahead_ms: i64,
}

/// The clocks of the nodes that are there. Nodes before this version do not tell theirs.
pub(super) fn of_nodes(description: &Description) -> Vec<Clock> {
    let there = description.nodes.iter().filter(|node| node.connected);
    let told = there.filter_map(|node| Some((node.report.as_ref()?, node.age_ms)));
    told.filter(|(report, _)| report.unix_ms > 0)
        .map(|(report, age_ms)| Clock {
            whose: format!("node {}", report.id),
            unix_ms: report.unix_ms.saturating_add(age_ms),
        })
        .collect()
}

/// The clock that is farthest from the median, if there are two to compare.
pub(super) fn worst(clocks: &[Clock]) -> Option<Drift> {
    let mut times: Vec<u64> = clocks.iter().map(|clock| clock.unix_ms).collect();
    times.sort_unstable();
    let median = *times.get(times.len() / 2).filter(|_| times.len() > 1)?;
    let drift = |clock: &Clock| Drift {
        whose: clock.whose.clone(),
        ahead_ms: clock.unix_ms.wrapping_sub(median).cast_signed(),
    };
    clocks.iter().map(drift).max_by_key(|drift| drift.ahead_ms.unsigned_abs())
}

impl Drift {
    /// Whether nobody needs to look.
    pub(super) fn is_even(&self) -> bool {
        self.ahead_ms.unsigned_abs() <= EVEN_MS
    }

    /// `4.2 s ahead`.
    pub(super) fn distance(&self) -> String {
        let direction = if self.ahead_ms < 0 { "behind" } else { "ahead" };
        format!("{:.1} s {direction}", self.ahead_ms.unsigned_abs() as f64 / 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worst_of(times: &[u64]) -> Option<(String, i64)> {
        let clock = |(at, unix_ms): (usize, &u64)| Clock { whose: at.to_string(), unix_ms: *unix_ms };
        let clocks: Vec<Clock> = times.iter().enumerate().map(clock).collect();
        worst(&clocks).map(|drift| (drift.whose, drift.ahead_ms))
    }

    /// The one that differs is named, not those that it differs from; one clock alone is right.
    #[test]
    fn who_is_off() {
        assert_eq!(worst_of(&[5]), None);
        assert_eq!(worst_of(&[1_000_000, 1_000_100, 400_000]), Some(("2".to_owned(), -600_000)));
        assert_eq!(worst_of(&[1_000_000, 9_000_000, 1_000_050]), Some(("1".to_owned(), 7_999_950)));
        assert_eq!(worst_of(&[0, u64::MAX / 2]).map(|(whose, _)| whose), Some("0".to_owned()));
        assert!(Drift { whose: String::new(), ahead_ms: -1000 }.is_even());
        assert_eq!(Drift { whose: String::new(), ahead_ms: -1250 }.distance(), "1.2 s behind");
    }
}
