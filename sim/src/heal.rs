//! What must hold once nothing is broken: the cluster works, and all nodes hold the same.

use std::rc::Rc;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use gossamer_client::Client;
use tokio::time::Instant;

use crate::faults::members::Removals;
use crate::history::{Call, Condition, Return};
use crate::setup::Setup;
use crate::workload::{NAMES, Phase, Shared, perform};

/// The cluster must have formed within this simulated time.
const FORMED: Duration = Duration::from_secs(30);
/// Every name must be written and read again within this simulated time.
const SERVED: Duration = Duration::from_secs(10);
/// Everything must be well again within this simulated time.
const HEALED: Duration = Duration::from_secs(60);
/// The shortest that can be set, milliseconds.
const SCRUB_MS: u64 = 1000;
/// Between two looks.
const LOOK: Duration = Duration::from_millis(200);

/// Opens the run when the cluster has formed, and judges it when the clients have ended.
pub async fn judge(client: Client, setup: &Setup, removals: &Removals, shared: Rc<Shared>) -> Result<()> {
    let nodes = setup.nodes;
    tokio::time::timeout(FORMED, formed(&client, nodes))
        .await
        .map_err(|_| anyhow::anyhow!("no cluster of {nodes} voters within {FORMED:?}"))?;
    if setup.scrubs {
        client.configure("scrub-every", SCRUB_MS).await?;
    }
    shared.phase.set(Phase::Working);
    shared.reaches(Phase::Mended).await;
    // A node looks at the room on its disk ten times a second: for so long it may refuse on account of a full one.
    tokio::time::sleep(LOOK).await;
    let until = Instant::now() + HEALED;
    let served = Instant::now() + SERVED;
    for name in NAMES {
        let put = Call::Put { value: shared.value(), condition: Condition::None };
        let back = perform(&client, &shared, name, put).await;
        ensure!(matches!(back, Return::Written(_)), "after the faults, a put of {name} gives {back:?}");
        let back = perform(&client, &shared, name, Call::Get).await;
        // Clients still end what they began: one may have removed it.
        let answered = matches!(back, Return::Found { .. } | Return::Nothing);
        ensure!(answered, "after the faults, a get of {name} gives {back:?}");
    }
    ensure!(
        Instant::now() < served,
        "not every name was written and read within {SERVED:?} after the faults"
    );
    while shared.working.get() > 0 || !removals.is_empty() {
        ensure!(Instant::now() < until, "{} clients are stuck", shared.working.get());
        tokio::time::sleep(LOOK).await;
    }
    equal(&client, setup.nodes + setup.spares, until).await?;
    let description = client.describe().await?;
    if description.nodes.iter().filter_map(|node| node.report.as_ref()).any(|report| report.bad_found > 0) {
        shared.counter.happened("damage found by a node");
    }
    shared.phase.set(Phase::Over);
    Ok(())
}

async fn formed(client: &Client, nodes: usize) {
    loop {
        if let Ok(description) = client.describe().await {
            let leads =
                description.nodes.iter().filter_map(|node| node.report.as_ref()).find(|it| it.leading);
            if leads.is_some_and(|leader| leader.voters.len() == nodes && !leader.joint) {
                return;
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Waits until every node has every chunk. Catalogues that differ at one index differ for ever: no waiting for them.
async fn equal(client: &Client, nodes: usize, until: Instant) -> Result<()> {
    loop {
        let report = client.verify(&mut |_| {}).await?;
        let digests: Vec<_> = report.nodes.iter().filter(|node| node.done).map(|node| &node.digest).collect();
        ensure!(digests.iter().all(|digest| *digest == digests[0]), "catalogues differ: {:?}", report.nodes);
        let well = |node: &gossamer_client::NodeVerify| node.done && node.bad.is_empty();
        if report.nodes.len() == nodes && report.nodes.iter().all(well) {
            return Ok(());
        }
        if Instant::now() > until {
            bail!("not all nodes are well after {HEALED:?}: {:?}", report.nodes);
        }
        tokio::time::sleep(LOOK).await;
    }
}
