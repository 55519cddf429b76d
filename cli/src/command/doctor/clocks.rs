//! The clocks of the nodes and of this machine.

use super::Check;
use super::seen::Seen;
use crate::command::clocks::{Clock, of_nodes, worst};

/// Beyond this whoever looks at times of files is misled.
const FAR_MS: u64 = 60_000;

pub(super) fn check(seen: &Seen) -> Check {
    let mut clocks = of_nodes(&seen.description);
    if clocks.is_empty() {
        return Check::ok("clocks", "no node tells its time");
    }
    clocks.push(Clock { whose: "this machine".to_owned(), unix_ms: seen.unix_ms });
    let Some(worst) = worst(&clocks) else { return Check::ok("clocks", "there is one clock only") };
    if worst.is_even() {
        return Check::ok("clocks", format!("{} clocks, none more than a second off", clocks.len()));
    }
    let found = format!("the clock of {} is {}", worst.whose, worst.distance());
    let next = "nothing breaks, but times of files are off: `timedatectl set-ntp true` there";
    match worst.ahead_ms.unsigned_abs() {
        FAR_MS.. => Check::fail("clocks", found, next),
        _ => Check::warn("clocks", found, next),
    }
}

#[cfg(test)]
mod tests {
    use gossamer_proto::trust::Trust;
    use gossamer_proto::v1::{Description, NodeReport, NodeState};

    use super::*;
    use crate::command::doctor::Verdict;

    /// A node that is a minute off fails, though it is the only one: this machine's clock counts, and the age of a beat.
    #[test]
    fn against_this_machine() {
        let of = |unix_ms: u64| {
            let report = Some(NodeReport { unix_ms, ..NodeReport::default() });
            let nodes = vec![NodeState { report, age_ms: 100, connected: true }];
            let description = Description { nodes, ..Description::default() };
            check(&Seen { description, unix_ms: 1_000_100, queues: Vec::new(), trust: Trust::Loopback })
                .verdict
        };
        let verdicts = [0, 1_000_000, 999_000, 998_999, 1_060_000].map(of);
        assert_eq!(verdicts, [Verdict::Ok, Verdict::Ok, Verdict::Ok, Verdict::Warn, Verdict::Fail]);
    }
}
