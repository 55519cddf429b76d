//! Status for people: a screen of 24 lines and 80 columns, however many nodes there are.

use super::Status;
use super::concern::{About, Concern};
use crate::show::colour::{Tone, paint};
use crate::show::size;
use crate::show::width::{COLUMNS, cut, wrap};

/// Lines of concerns: with the others below, and a prompt, a screen.
const CONCERN_LINES: usize = 12;
/// Where what is said of a line's word begins.
const INDENT: usize = 12;
/// Letters of a cluster's name that are always shown.
const NAME_SHOWN: usize = 8;

/// All of it; sizes in bytes if `exact`.
pub(super) fn lines(status: &Status, exact: bool) -> Vec<String> {
    let (summary, tone) = summary(status);
    let mut lines = vec![paint(&summary, tone)];
    if status.cluster_id.is_empty() {
        return lines;
    }
    lines.extend(concerns(&status.concerns));
    lines.extend(facts(status, exact).iter().map(|line| cut(line, COLUMNS)));
    lines
}

/// The first line: is everything fine, and what may fail next?
pub(in crate::command) fn summary(status: &Status) -> (String, Tone) {
    if status.cluster_id.is_empty() {
        return ("no cluster yet: start a node, `gossamer node`".to_owned(), Tone::Warning);
    }
    // That too few vote, the end of the line says.
    let pressing: Vec<&Concern> =
        status.concerns.iter().filter(|concern| concern.about != About::Spare).collect();
    let named = pressing.first().map(|first| match pressing.len() {
        1 => first.what.clone(),
        count => format!("{} and {} more", first.what, count - 1),
    });
    let may_fail = match status.tolerates {
        0 => "no further machine may fail".to_owned(),
        1 => "one more machine may fail".to_owned(),
        more => format!("{more} more machines may fail"),
    };
    let (text, tone) = match (status.leader, named) {
        (None, _) => (no_leader(status), Tone::Bad),
        (_, None) if status.healthy => (format!("fine; {may_fail}"), Tone::Good),
        (_, Some(named)) if status.healthy => (format!("fine; {may_fail}; next: {named}"), Tone::Warning),
        (_, None) => (format!("DEGRADED; {may_fail}"), Tone::Bad),
        (_, Some(named)) => (format!("DEGRADED, {named}; {may_fail}"), Tone::Bad),
    };
    let name = cut(&status.cluster, COLUMNS.saturating_sub(text.chars().count() + 2).max(NAME_SHOWN));
    (format!("{name}: {text}"), tone)
}

fn no_leader(status: &Status) -> String {
    let (here, all) = (status.here, status.voter_ids.len());
    let then = if here * 2 > all { "they are electing one" } else { "reads and writes wait for more" };
    format!("NO LEADER: {here} of {all} voters answer; {then}")
}

fn concerns(concerns: &[Concern]) -> Vec<String> {
    let mut lines = Vec::new();
    for (at, concern) in concerns.iter().enumerate() {
        let mut text = wrap(&format!("{}: {}", concern.what, concern.next), INDENT);
        if lines.len() + text.len() + usize::from(at + 1 < concerns.len()) > CONCERN_LINES {
            lines.push(format!("{:INDENT$}and {} more; --json lists all", "", concerns.len() - at));
            break;
        }
        let (word, tone) = if concern.grave { ("mend", Tone::Bad) } else { ("look at", Tone::Warning) };
        if let Some(first) = text.first_mut() {
            // Painted after padding: what a terminal does not show has no width.
            let padded = paint(&format!("  {word:<width$}", width = INDENT - 2), tone);
            *first = padded + first.trim_start();
        }
        lines.extend(text);
    }
    lines
}

fn facts(status: &Status, exact: bool) -> Vec<String> {
    let list = |ids: &[u64]| ids.iter().map(u64::to_string).collect::<Vec<_>>().join(" ");
    let size = |bytes| size::of(bytes, exact) + if exact { " bytes" } else { "" };
    let leader = status.leader.map_or_else(|| "none".to_owned(), |id| format!("node {id}"));
    let mut lines = vec![
        format!("  leader    {leader}, term {}", status.term),
        format!(
            "  voters    {} of {} ready (nodes {})",
            status.voters,
            status.voter_ids.len(),
            list(&status.voter_ids)
        ),
    ];
    if !status.replica_ids.is_empty() {
        lines.push(format!("  replicas  {} (nodes {})", status.replicas, list(&status.replica_ids)));
    }
    lines.extend([
        format!("  log       at {}, slowest node {} behind", status.log_index, status.lag),
        format!("  files     {}, {} stored on each node", status.files, size(status.stored_bytes)),
        format!(
            "  disk      {} of {} free on the fullest node",
            size(status.disk_free_bytes),
            size(status.disk_total_bytes)
        ),
        format!(
            "  queues    {} writes, {} reads, {} parked",
            status.leader_queue, status.read_queue, status.parked
        ),
        format!("  reads     {} answered", status.reads.iter().map(|node| node.reads).sum::<u64>()),
        chunks(status, exact),
    ]);
    lines.extend(scrub(status));
    lines
}

/// Copies that are missing are being made.
fn chunks(status: &Status, exact: bool) -> String {
    match status.missing_chunks {
        0 => "  chunks    0 with too few copies".to_owned(),
        1 => format!("  healing   1 chunk, {} to fetch", size::of(status.missing_bytes, exact)),
        more => {
            let chunks = size::count(more);
            format!("  healing   {chunks} chunks, {} to fetch", size::of(status.missing_bytes, exact))
        }
    }
}

/// How far the nodes are that re-read what they hold, all together; nothing while none does and nothing bad was found.
fn scrub(status: &Status) -> Option<String> {
    let (mut done, mut total) = (0u128, 0u128);
    for node in &status.healing {
        done += u128::from(node.scrub_done_bytes);
        total += u128::from(node.scrub_total_bytes);
    }
    if total == 0 && status.bad_found == 0 {
        return None;
    }
    let mut parts = Vec::new();
    parts.extend((done * 100).checked_div(total).map(|percent| format!("{percent} % of this pass")));
    // The node that is the latest says since when all is known to be well.
    parts.push(match status.healing.iter().map(|node| node.scrub_finished_ms).min() {
        None | Some(0) => "none finished yet".to_owned(),
        Some(finished_ms) => format!("last finished {}", size::minute(finished_ms)),
    });
    parts.push(format!("{} bad", status.bad_found));
    if status.bad_found > 0 {
        parts.push(format!("{} healed", status.bad_healed));
    }
    Some(format!("  scrub     {}", parts.join(", ")))
}
