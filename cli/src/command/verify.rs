//! `gossamer verify`: every node's digest at one log index, and every chunk re-read from disk and hashed.

use serde::Serialize;

use super::client;
use crate::args::Common;
use crate::failure::{FAILED, Failure};
use crate::show::{self, size};

/// Fields are only ever added.
#[derive(Serialize)]
struct Node {
    node: u64,
    index: u64,
    digest: Option<String>,
    equal: bool,
    chunks: u64,
    bytes: u64,
    bad: Vec<Bad>,
    error: Option<String>,
}

#[derive(Serialize)]
struct Bad {
    hash: String,
    reason: String,
    file: String,
}

pub(super) async fn run(common: &Common) -> Result<(), Failure> {
    let client = client(common).await?;
    let quiet = common.quiet || common.json;
    let mut said = std::collections::BTreeMap::new();
    let report = client
        .verify(&mut |node| {
            // A line for each gigabyte is enough to see that it goes on.
            let gigabytes = node.checked_bytes >> 30;
            if !quiet && said.insert(node.node, gigabytes).is_some_and(|before| before < gigabytes) {
                eprintln!("gossamer: node {} has re-read {}", node.node, size::bytes(node.checked_bytes));
            }
        })
        .await
        .map_err(|error| Failure::of("verify", error.kind(), &error))?;
    let reference = report.nodes.iter().find_map(|node| node.digest.first().map(|_| &node.digest));
    let mut wrong = 0;
    for node in &report.nodes {
        let equal = Some(&node.digest) == reference;
        let bad = node.bad.iter().map(|bad| Bad {
            hash: show::hex(&bad.hash),
            reason: bad.reason.clone(),
            file: bad.file.clone(),
        });
        let shown = Node {
            node: node.node,
            index: report.index,
            digest: (!node.digest.is_empty()).then(|| show::hex(&node.digest)),
            equal,
            chunks: node.checked_chunks,
            bytes: node.checked_bytes,
            bad: bad.collect(),
            error: node.failure.clone(),
        };
        if !equal || !shown.bad.is_empty() || shown.error.is_some() {
            wrong += 1;
        }
        if common.json {
            show::json(&shown)?
        } else {
            lines(&shown).iter().try_for_each(|line| show::line(line))?
        }
    }
    if report.nodes.is_empty() {
        return Err(Failure::new(FAILED, "verify: no node answered; see `gossamer nodes`"));
    }
    if wrong > 0 {
        return Err(Failure::new(
            FAILED,
            format!(
                "verify: {wrong} of {} nodes are not as they should be; bad chunks are being fetched anew from the \
                 others, run verify again in a moment",
                report.nodes.len()
            ),
        ));
    }
    Ok(())
}

fn lines(node: &Node) -> Vec<String> {
    let digest = node.digest.as_deref().map_or("none", |digest| &digest[..16]);
    let verdict = if node.equal { "equal" } else { "NOT EQUAL" };
    let mut lines = vec![format!(
        "node {}: catalogue {verdict} at index {} (digest {digest}…), {} chunks re-read, {}, {} bad",
        node.node,
        node.index,
        node.chunks,
        size::bytes(node.bytes),
        node.bad.len()
    )];
    lines.extend(node.error.iter().map(|error| format!("node {}: {error}", node.node)));
    lines.extend(
        node.bad
            .iter()
            .map(|bad| format!("node {}: chunk {}: {} ({})", node.node, bad.hash, bad.reason, bad.file)),
    );
    lines
}
