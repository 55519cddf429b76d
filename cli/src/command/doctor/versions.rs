//! The versions of this program, the queue server and all nodes.

use std::collections::BTreeMap;

use gossamer_proto::v1::Description;

use super::Check;

const OWN: &str = env!("CARGO_PKG_VERSION");

pub(super) fn check(description: &Description) -> Check {
    let mut whose: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    whose.entry(OWN).or_default().push("this program".to_owned());
    if !description.version.is_empty() {
        whose.entry(&description.version).or_default().push("queue server".to_owned());
    }
    let there =
        description.nodes.iter().filter(|node| node.connected).filter_map(|node| node.report.as_ref());
    for report in there {
        whose.entry(&report.version).or_default().push(format!("node {}", report.id));
    }
    if whose.len() == 1 {
        return Check::ok("versions", format!("all are {OWN}"));
    }
    let list: Vec<String> =
        whose.iter().map(|(version, whose)| format!("{version}: {}", whose.join(", "))).collect();
    Check::warn(
        "versions",
        list.join("; "),
        "bring all to one version: before 1.0 stop all, then start the new one",
    )
}

#[cfg(test)]
mod tests {
    use gossamer_proto::v1::{NodeReport, NodeState};

    use super::*;
    use crate::command::doctor::Verdict;

    /// All that is there counts, this program included; a queue server before this version does not tell its own.
    #[test]
    fn all_that_is_there() {
        let of = |queue: &str, nodes: &[(&str, bool)]| {
            let node = |(version, connected): &(&str, bool)| NodeState {
                report: Some(NodeReport { version: (*version).to_owned(), ..NodeReport::default() }),
                connected: *connected,
                ..NodeState::default()
            };
            let nodes = nodes.iter().map(node).collect();
            check(&Description { version: queue.to_owned(), nodes, ..Description::default() }).verdict
        };
        assert_eq!(of("", &[(OWN, true), ("0.0.9", false)]), Verdict::Ok);
        assert_eq!(of(OWN, &[("0.0.9", true)]), Verdict::Warn);
        assert_eq!(of("0.0.9", &[(OWN, true)]), Verdict::Warn);
        assert_eq!(of("0.0.9", &[("0.0.9", true)]), Verdict::Warn);
    }
}
