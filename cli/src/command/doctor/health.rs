//! What `gossamer status` says.

use super::seen::{Seen, Unseen};
use super::{Check, Verdict};
use crate::command::status::{About, Status, summary};

pub(super) fn checks(seen: &Result<Seen, Unseen>) -> Vec<Check> {
    let seen = match seen {
        Ok(seen) => seen,
        Err(unseen) => return vec![nobody(unseen)],
    };
    let status = Status::of(&seen.description, false);
    let (text, _) = summary(&status);
    let verdict = match (status.leader, status.healthy) {
        (None, _) => Verdict::Fail,
        (_, true) => Verdict::Ok,
        (_, false) => Verdict::Warn,
    };
    let mut checks = vec![Check { verdict, ..Check::ok("cluster", text) }];
    // Those two are looked at more closely, with this machine's.
    let concerns =
        status.concerns.into_iter().filter(|concern| !matches!(concern.about, About::Clock | About::Version));
    checks.extend(concerns.map(|concern| match concern.grave {
        true => Check::fail("cluster", concern.what, concern.next),
        false => Check::warn("cluster", concern.what, concern.next),
    }));
    checks
}

fn nobody(unseen: &Unseen) -> Check {
    if unseen.expected {
        let next = "is it running there, and TCP 4068 let through? On its machine: `gossamer doctor`";
        return Check::fail("cluster", &unseen.why, next);
    }
    let next =
        "`gossamer up` makes one or, with --token, joins one; `gossamer dev` runs one to try things out";
    Check::warn("cluster", &unseen.why, next)
}
