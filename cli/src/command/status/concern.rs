//! What is not as it should be, and what may fail next: from what the nodes say of themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use gossamer_proto::limits::RESERVE_BYTES;
use gossamer_proto::v1::{Description, NodeReport, NodeState};
use serde::Serialize;

use crate::command::clocks;
use crate::show::size;

/// A node that is so many log entries behind will not be even in a moment.
const BEHIND: u64 = 1000;

/// Something missing should have come by then: repair asks every ten seconds at least.
const STUCK_MS: u64 = 60_000;
/// No scrub is late before this time: it was just set to be more frequent, or the disk was busy for a moment.
const LEAST_LATE_MS: u64 = 3_600_000;

/// Something to look at. Fields are only ever added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(in crate::command) struct Concern {
    pub(in crate::command) about: About,
    /// Fewer may fail than should, as long as this is so.
    pub(in crate::command) grave: bool,
    /// In a few words.
    pub(in crate::command) what: String,
    /// The rest of it, and what to do.
    pub(in crate::command) next: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::command) enum About {
    Node,
    Chunks,
    Disk,
    Spare,
    Trust,
    Version,
    Clock,
}

/// All concerns, the most pressing first. `best` is the report that knows best who is a member.
pub(super) fn all(description: &Description, best: Option<&NodeReport>, insecure: bool) -> Vec<Concern> {
    let Some(best) = best else { return Vec::new() };
    let live: Vec<&NodeReport> = live(description).collect();
    let mut concerns = silent(description, best);
    concerns.extend(chunks(&live));
    concerns.extend(stuck(&live));
    concerns.extend(bad(&live));
    concerns.extend(unread(&live));
    concerns.extend(disks(&live));
    concerns.extend(behind(&live));
    concerns.extend(insecure.then(strangers));
    concerns.extend(clocks_apart(description));
    concerns.extend(versions(&live));
    concerns.extend(spare(best));
    concerns
}

/// The reports of the nodes that are there.
pub(super) fn live(description: &Description) -> impl Iterator<Item = &NodeReport> {
    description.nodes.iter().filter(|node| node.connected).filter_map(|node| node.report.as_ref())
}

fn concern(about: About, grave: bool, what: impl Into<String>, next: impl Into<String>) -> Concern {
    Concern { about, grave, what: what.into(), next: next.into() }
}

/// Members that nobody hears.
fn silent(description: &Description, best: &NodeReport) -> Vec<Concern> {
    let states: BTreeMap<u64, &NodeState> =
        description.nodes.iter().filter_map(|state| Some((state.report.as_ref()?.id, state))).collect();
    let votes = best.voters.iter().map(|id| (*id, true));
    let members = votes.chain(best.replicas.iter().map(|id| (*id, false)));
    let silent = members.filter(|(id, _)| states.get(id).is_none_or(|state| !state.connected));
    silent
        .map(|(id, votes)| {
            let heard = match states.get(&id).and_then(|state| Some((state.report.as_ref()?, state.age_ms))) {
                Some((report, age_ms)) => format!("heard {} ago at {}", age(age_ms), report.control_addr),
                None => "not heard since the queue server started".to_owned(),
            };
            let kind = if votes { "votes" } else { "is a replica" };
            let next = format!("it {kind}, {heard}: start it again, or `gossamer node remove {id}`");
            concern(About::Node, votes, format!("node {id} is silent"), next)
        })
        .collect()
}

/// Chunks with too few copies.
fn chunks(live: &[&NodeReport]) -> Option<Concern> {
    let missing: Vec<&&NodeReport> = live.iter().filter(|report| report.missing_chunks > 0).collect();
    let count: u64 = missing.iter().map(|report| report.missing_chunks).sum();
    let what = match count {
        0 => return None,
        1 => "1 chunk has too few copies".to_owned(),
        count => format!("{count} chunks have too few copies"),
    };
    let ids: Vec<u64> = missing.iter().map(|report| report.id).collect();
    let fetch = if ids.len() == 1 { "fetches" } else { "fetch" };
    Some(concern(About::Chunks, true, what, format!("{} {fetch} them from the others", nodes(&ids))))
}

/// Nodes that miss something and get none of it.
fn stuck(live: &[&NodeReport]) -> Option<Concern> {
    let stuck = live.iter().filter(|report| report.missing_chunks > 0 && report.healing_idle_ms > STUCK_MS);
    let ids: Vec<u64> = stuck.clone().map(|report| report.id).collect();
    let longest = stuck.map(|report| report.healing_idle_ms).max()?;
    let next = format!(
        "{} got nothing of what is missing for {}: no node that is there has it, or the disk is full; start the silent \
         nodes, `gossamer verify` names the files",
        nodes(&ids),
        age(longest)
    );
    Some(concern(About::Chunks, false, "healing makes no progress", next))
}

/// Disks that did not keep what was written.
fn bad(live: &[&NodeReport]) -> Vec<Concern> {
    let found = live.iter().filter(|report| report.bad_found > 0);
    found
        .map(|report| {
            let (id, found, healed) = (report.id, report.bad_found, report.bad_healed.min(report.bad_found));
            let next = format!(
                "{healed} of them healed, since it started; a disk that goes on like this is dying: `dmesg` and `smartctl` \
                 there, and replace it",
            );
            let places = if found == 1 { "1 place".to_owned() } else { format!("{found} places") };
            concern(About::Disk, false, format!("disk of node {id} went bad in {places}"), next)
        })
        .collect()
}

/// Nodes that have not re-read everything for twice the time that they should need.
fn unread(live: &[&NodeReport]) -> Option<Concern> {
    let late = |report: &&&NodeReport| {
        let last =
            if report.scrub_finished_ms > 0 { report.scrub_finished_ms } else { report.scrub_begun_ms };
        last > 0
            && report.scrub_every_ms > 0
            && report.unix_ms.saturating_sub(last)
                > report.scrub_every_ms.saturating_mul(2).max(LEAST_LATE_MS)
    };
    let ids: Vec<u64> = live.iter().filter(late).map(|report| report.id).collect();
    if ids.is_empty() {
        return None;
    }
    let next = "it takes longer than `scrub-every` allows: `gossamer config set scrub-rate 50MiB`, or scrub less often";
    Some(concern(About::Disk, false, format!("{} did not re-read everything in time", nodes(&ids)), next))
}

/// Disks of which less than a tenth is free, or hardly more than is kept free.
fn disks(live: &[&NodeReport]) -> Vec<Concern> {
    let asked = live.iter().filter(|report| report.disk_total_bytes > 0);
    let mut fullest: Vec<&&NodeReport> = asked
        .filter(|report| {
            report.disk_free_bytes < report.disk_total_bytes / 10
                || report.disk_free_bytes < 2 * RESERVE_BYTES
        })
        .collect();
    fullest.sort_by_key(|report| (report.disk_free_bytes, report.id));
    let filling = |report: &&NodeReport| {
        let (id, free, total) = (report.id, report.disk_free_bytes, report.disk_total_bytes);
        let percent = u128::from(free) * 100 / u128::from(total);
        let next = format!(
            "{} of {} free; uploads are refused below the reserve, usually {}: remove files, or give it a larger disk",
            size::bytes(free),
            size::bytes(total),
            size::bytes(RESERVE_BYTES),
        );
        concern(About::Disk, false, format!("disk of node {id} fills, {percent} % free"), next)
    };
    fullest.into_iter().map(filling).collect()
}

fn behind(live: &[&NodeReport]) -> Vec<Concern> {
    let newest = live.iter().map(|report| report.last_log_index).max().unwrap_or(0);
    let lag = |report: &NodeReport| newest.saturating_sub(report.applied_index);
    let late = live.iter().filter(|report| lag(report) > BEHIND);
    late.map(|report| {
        let next = format!("by {} log entries: it catches up, or its disk or network is slow", lag(report));
        concern(About::Node, false, format!("node {} is behind", report.id), next)
    })
    .collect()
}

fn strangers() -> Concern {
    let next = "nothing is proven or encrypted: anybody on this network may read and write; clusters made by \
                `gossamer up` have a token";
    concern(About::Trust, false, "INSECURE", next)
}

fn clocks_apart(description: &Description) -> Option<Concern> {
    let worst = clocks::worst(&clocks::of_nodes(description)).filter(|drift| !drift.is_even())?;
    let next = format!("{} is {}; nothing breaks, but times of files are off", worst.whose, worst.distance());
    Some(concern(About::Clock, false, "clocks are apart", next + ": `timedatectl set-ntp true` there"))
}

fn versions(live: &[&NodeReport]) -> Option<Concern> {
    let mut of_version: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    live.iter().for_each(|report| of_version.entry(&report.version).or_default().push(report.id));
    if of_version.len() < 2 {
        return None;
    }
    let list: Vec<String> =
        of_version.iter().map(|(version, ids)| format!("{version} on {}", nodes(ids))).collect();
    let next = format!("{}: bring all to one, a node at a time", list.join(", "));
    Some(concern(About::Version, false, "versions differ", next))
}

/// Too few machines for any of them to fail.
fn spare(best: &NodeReport) -> Option<Concern> {
    let members: BTreeSet<u64> = best.voters.iter().chain(&best.replicas).copied().collect();
    let next = match (best.voters.len(), members.len()) {
        (3.., _) => return None,
        (_, 1) => "with three machines one may fail: `gossamer up` on two more",
        (_, 2) => "with three machines one may fail: `gossamer up` on one more",
        _ => "with three voters one machine may fail: `gossamer config set voters 3`",
    };
    let votes = if best.voters.len() == 1 { "1 node votes" } else { "2 nodes vote" };
    Some(concern(About::Spare, false, votes, next))
}

/// `node 3`, `nodes 1 2`.
fn nodes(ids: &[u64]) -> String {
    let list: Vec<String> = ids.iter().map(u64::to_string).collect();
    format!("{} {}", if ids.len() == 1 { "node" } else { "nodes" }, list.join(" "))
}

/// Whole seconds, once there are any.
fn age(age_ms: u64) -> String {
    let whole = if age_ms < 1000 { age_ms } else { age_ms / 1000 * 1000 };
    humantime::format_duration(Duration::from_millis(whole)).to_string()
}
