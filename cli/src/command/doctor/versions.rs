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
    Check::warn("versions", list.join("; "), "bring all to one version, a machine at a time")
}
