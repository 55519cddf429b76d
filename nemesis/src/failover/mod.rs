//! How long clients wait when something dies: steady small writes and reads, a fault, and the time until the first
//! write begun after it is acknowledged.
//!
//! - [`traffic`]: what clients do and how long it took them; [`table`]: what came out

pub mod table;
pub mod traffic;

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use serde::Serialize;
use tokio::time::Instant;

use crate::cluster::{Cluster, PATIENCE, Watch};
use crate::lab::{Cables, Host};
use traffic::Traffic;

/// What is done, each time to whoever has the role at that moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// The leader's process is killed (SIGKILL), and started again once writes flow.
    LeaderKilled,
    /// The leader's process is paused (SIGSTOP) for [`LASTS`].
    LeaderPaused,
    /// Nobody hears the leader any more; it hears all.
    LeaderMute,
    /// The leader hears nobody any more; all hear it.
    LeaderDeaf,
    /// Another node's process is killed, and started again.
    FollowerKilled,
    /// A queue server's process is killed, and started again. Only where it runs apart from the nodes.
    QueueKilled,
}

/// How long pauses and cuts last.
const LASTS: Duration = Duration::from_secs(3);
/// The first write must be acknowledged within this.
const LONGEST: Duration = Duration::from_secs(30);

/// What is measured while this process itself stands still for longer says nothing of the cluster, milliseconds.
const HELD_UP_MS: f64 = 250.0;

/// Of so many faults, one may be set aside for that.
const MOST_SET_ASIDE: usize = 20;

/// What one fault cost.
#[derive(Clone, Debug, Serialize)]
pub struct Cost {
    /// Which fault.
    pub fault: Fault,
    /// Until the first write begun after the fault was acknowledged, milliseconds.
    pub write_ms: f64,
    /// The same for reads.
    pub read_ms: f64,
    /// The longest time without any acknowledged write, from the fault until all is whole again, milliseconds.
    pub write_silence_ms: f64,
    /// The same for reads.
    pub read_silence_ms: f64,
    /// The slowest request begun from the fault until all is whole again, milliseconds.
    pub slowest_ms: f64,
    /// Requests that were under way in that time and not answered well.
    pub failed: usize,
    /// The longest time for which the measuring process itself was held up, milliseconds.
    pub stalled_ms: f64,
}

/// What came out of all faults.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Measured {
    /// What each cost.
    pub costs: Vec<Cost>,
    /// Those that were done once more because the measuring process stood still meanwhile. Nothing failed in any of them.
    pub set_aside: Vec<Cost>,
}

/// Does each of these faults so many times, in a shuffled order, and says what each cost.
pub fn measure(cluster: &Cluster, plan: &[(Fault, usize)], seed: u64) -> anyhow::Result<Measured> {
    let mut random = SmallRng::seed_from_u64(seed);
    let mut faults: Vec<Fault> =
        plan.iter().flat_map(|(fault, times)| std::iter::repeat_n(*fault, *times)).collect();
    for last in (1..faults.len()).rev() {
        faults.swap(last, random.random_range(0..=last));
    }
    let watch = cluster.watch()?;
    let traffic = Traffic::start(cluster)?;
    let mut measured = Measured::default();
    let mut number = 0;
    while let Some(fault) = faults.get(number) {
        watch.settled(cluster.first_nodes().len(), PATIENCE)?;
        // Wherever heartbeats, ticks and batches are just now.
        sleep(Duration::from_millis(random.random_range(500..900)));
        let cost = once(cluster, &watch, &traffic, *fault, &mut random)
            .with_context(|| format!("{fault:?}, number {number}"))?;
        // A failure is one, however busy the machine was.
        let held_up = cost.stalled_ms > HELD_UP_MS && cost.failed == 0;
        let note = if held_up { ": this machine stood still, once more" } else { "" };
        eprintln!("{:>4}/{} {cost}{note}", number + 1, faults.len());
        if held_up {
            measured.set_aside.push(cost);
            let most = faults.len().div_ceil(MOST_SET_ASIDE);
            ensure!(measured.set_aside.len() <= most, "this machine stands still too often to measure on it");
        } else {
            measured.costs.push(cost);
            number += 1;
        }
    }
    let failed = traffic.stop()?;
    let attributed: usize = measured.costs.iter().map(|cost| cost.failed).sum();
    ensure!(
        failed == attributed,
        "of {failed} requests that failed, {} did while all was whole",
        failed.abs_diff(attributed)
    );
    Ok(measured)
}

fn once(
    cluster: &Cluster,
    watch: &Watch,
    traffic: &Traffic,
    fault: Fault,
    random: &mut SmallRng,
) -> anyhow::Result<Cost> {
    let leader = watch.leader(PATIENCE)?;
    let (begun, undo) = inject(cluster, leader, fault, random)?;
    // What began before this may have been answered yet by whoever was about to die.
    let sure = Instant::now();
    let gaps = traffic.first_after(sure, LONGEST);
    let (write, read) =
        gaps.with_context(|| format!("nothing flows {LONGEST:?} after {fault:?} of {leader}"))?;
    undo(cluster)?;
    watch.settled(cluster.first_nodes().len(), PATIENCE)?;
    let whole = Instant::now();
    let window = traffic.window(begun, whole)?;
    let ms = |duration: Duration| duration.as_secs_f64() * 1000.0;
    Ok(Cost {
        fault,
        write_ms: ms(write - begun),
        read_ms: ms(read - begun),
        write_silence_ms: ms(window.write_silence),
        read_silence_ms: ms(window.read_silence),
        slowest_ms: ms(window.slowest),
        failed: window.failed,
        stalled_ms: ms(window.stalled),
    })
}

type Undo = Box<dyn FnOnce(&Cluster) -> anyhow::Result<()>>;

/// Breaks something; returns when that was, and what mends it again.
fn inject(
    cluster: &Cluster,
    leader: Host,
    fault: Fault,
    random: &mut SmallRng,
) -> anyhow::Result<(Instant, Undo)> {
    let after = |begun: Instant| sleep(LASTS.saturating_sub(begun.elapsed()));
    Ok(match fault {
        Fault::LeaderKilled => {
            let begun = cluster.node(leader)?.kill()?;
            (begun, Box::new(move |cluster| cluster.start_node(leader)))
        }
        Fault::LeaderPaused => {
            let process = cluster.node(leader)?;
            let begun = process.pause()?;
            let undo = move |_: &Cluster| {
                after(begun);
                process.resume()
            };
            (begun, Box::new(undo))
        }
        Fault::LeaderMute | Fault::LeaderDeaf => {
            let others: Vec<Host> =
                (1..=cluster.clients().0).map(Host).filter(|host| *host != leader).collect();
            let pair = |other: &Host| match fault {
                Fault::LeaderMute => (*other, leader),
                _ => (leader, *other),
            };
            let pairs: Vec<_> = others.iter().map(pair).collect();
            let mut cables = Cables::new(others);
            let begun = cables.cut(&cluster.lab, &pairs)?;
            let undo = move |cluster: &Cluster| {
                after(begun);
                cables.mend(&cluster.lab, &pairs).map(drop)
            };
            (begun, Box::new(undo))
        }
        Fault::FollowerKilled => {
            let followers: Vec<Host> =
                cluster.first_nodes().into_iter().filter(|host| *host != leader).collect();
            let follower = followers[random.random_range(0..followers.len())];
            let begun = cluster.node(follower)?.kill()?;
            (begun, Box::new(move |cluster| cluster.start_node(follower)))
        }
        Fault::QueueKilled => {
            let queues = cluster.queues();
            ensure!(
                cluster.layout() == crate::cluster::Layout::Apart,
                "no queue server is apart from a node"
            );
            let queue = queues[random.random_range(0..queues.len())];
            let begun = cluster.queue(queue)?.kill()?;
            (begun, Box::new(move |cluster| cluster.start_queue(queue)))
        }
    })
}

/// Fails if a goal is missed. What is promised: see `docs/guarantees.md`.
pub fn judge(costs: &[Cost]) -> anyhow::Result<()> {
    let mut missed = Vec::new();
    for row in table::rows(costs) {
        missed.extend(row.missed());
    }
    if missed.is_empty() { Ok(()) } else { bail!("goals missed:\n{}", missed.join("\n")) }
}
