//! What breaks: begun, seen to have happened, mended. All of it can be drawn by lot; none of it, in any combination that
//! [`Field::begin`] allows, may cost an acknowledged write or an old answer.
//!
//! - [`cuts`]: cables, and what is on them; [`processes`]: killed, paused, stopped, wiped; [`members`]: who comes and goes
//! - [`disks`]: power, syncs, room and bits; [`clocks`]: the time of day

pub mod clocks;
mod cuts;
mod disks;
mod members;
mod processes;

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Context;
use gossamer_client::Client;
use rand::Rng;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use tokio::time::Instant;

use crate::cluster::{Cluster, Layout, Watch};
use crate::lab::{Cables, Host, Inside, Process};

/// Everything that can be drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// SIGKILL for the leader.
    KillLeader,
    /// SIGKILL for another node.
    KillFollower,
    /// SIGKILL for a majority of the nodes, all within a few milliseconds.
    KillMajority,
    /// SIGKILL for all nodes.
    KillAll,
    /// SIGKILL for a queue server that is apart from nodes.
    KillQueue,
    /// SIGTERM for a node.
    Stop,
    /// SIGSTOP for the leader.
    PauseLeader,
    /// SIGSTOP for another node.
    PauseFollower,
    /// SIGSTOP for a queue server that is apart from nodes.
    PauseQueue,
    /// A node's folder is emptied: it comes back as another node.
    Wipe,
    /// A new node joins, and is removed for ever.
    JoinAndRemove,
    /// The leader hears no node, and no node hears it: it is in the minority.
    IsolateLeader,
    /// The same for another node: the leader is in the majority.
    IsolateFollower,
    /// Nobody hears the leader.
    Mute,
    /// The leader hears nobody.
    Deaf,
    /// The leader and a minority on one side, the majority on the other.
    MinorityWithLeader,
    /// The leader and a majority on one side.
    MajorityWithLeader,
    /// The leader and one other do not hear each other; both hear all others.
    Partial,
    /// Five or more nodes: each hears a majority, no two the same one.
    Ring,
    /// Packets late, out of order, lost and doubled.
    Weather,
    /// The power of one machine fails: what it had not synced is lost, or torn.
    PowerOne,
    /// The power of all machines fails within 50 ms.
    PowerAll,
    /// A sync of one node fails: the node ends itself, and is started on what its page cache holds or after a power loss.
    FailSync,
    /// Every sync of one node takes 200 ms more.
    SlowSyncs,
    /// One node's disk is full but for its reserve.
    FullDisk,
    /// Bits flip in what one node has stored: its log, its snapshots, its extents or its catalogue.
    Rot,
    /// A node's wall clock is an hour ahead or behind.
    JumpClock,
}

impl Kind {
    /// All there are.
    pub const ALL: [Kind; 27] = [
        Kind::KillLeader,
        Kind::KillFollower,
        Kind::KillMajority,
        Kind::KillAll,
        Kind::KillQueue,
        Kind::Stop,
        Kind::PauseLeader,
        Kind::PauseFollower,
        Kind::PauseQueue,
        Kind::Wipe,
        Kind::JoinAndRemove,
        Kind::IsolateLeader,
        Kind::IsolateFollower,
        Kind::Mute,
        Kind::Deaf,
        Kind::MinorityWithLeader,
        Kind::MajorityWithLeader,
        Kind::Partial,
        Kind::Ring,
        Kind::Weather,
        Kind::PowerOne,
        Kind::PowerAll,
        Kind::FailSync,
        Kind::SlowSyncs,
        Kind::FullDisk,
        Kind::Rot,
        Kind::JumpClock,
    ];

    /// Those that a cluster can be subjected to.
    pub fn possible(cluster: &Cluster) -> Vec<Kind> {
        let (apart, nodes) = (cluster.layout() == Layout::Apart, cluster.first_nodes().len());
        let fits = |kind: &Kind| match kind {
            Kind::KillQueue | Kind::PauseQueue => apart,
            Kind::Ring | Kind::MajorityWithLeader => nodes >= 5,
            Kind::JoinAndRemove => cluster.nodes().len() > nodes,
            Kind::PowerOne
            | Kind::PowerAll
            | Kind::FailSync
            | Kind::SlowSyncs
            | Kind::FullDisk
            | Kind::Rot => cluster.first_nodes().iter().all(|host| cluster.disk(*host).is_some()),
            Kind::JumpClock => cluster.has_clocks(),
            _ => true,
        };
        Kind::ALL.into_iter().filter(fits).collect()
    }
}

/// What is broken now.
pub struct Broken {
    /// Which kind.
    pub kind: Kind,
    /// When it is to be mended.
    pub until: Instant,
    undo: Undo,
}

/// What mends it.
enum Undo {
    StartNodes(Vec<Host>),
    StartQueue(Host),
    Resume(Process),
    Mend(Vec<(Host, Host)>),
    Clear(Vec<Host>),
    Remove(Host, u64),
    PowerOn(Vec<Host>),
    HealDisk(Host),
    SetClock(Host),
}

/// Where things break.
pub struct Field<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// Looks at it.
    pub watch: Watch,
    cables: Cables,
    inside: Inside,
    admin: Client,
    random: SmallRng,
    /// Hosts whose processes are dead or paused just now.
    down: BTreeSet<Host>,
    /// A cut is in place.
    is_cut: bool,
    /// Packets are late.
    is_stormy: bool,
    /// The members change.
    is_changing: bool,
    /// A clock is wrong.
    is_untimely: bool,
    /// The only machine whose disk rots: a minority's.
    rotten: Host,
}

/// How long a change of members may take that nothing else stands in the way of.
const CHANGE: Duration = Duration::from_secs(60);

impl<'a> Field<'a> {
    /// Nothing is broken yet.
    pub fn new(cluster: &'a Cluster, mut random: SmallRng) -> anyhow::Result<Self> {
        let inside = Inside::enter(&cluster.lab, cluster.clients())?;
        let admin = cluster.connect(&inside, 1, CHANGE)?.remove(0);
        let every = (1..=cluster.clients().0).map(Host).collect();
        let (watch, cables) = (cluster.watch()?, Cables::new(every));
        let rotten = Host(random.random_range(1..=cluster.first_nodes().len() as u8));
        Ok(Field {
            cluster,
            watch,
            cables,
            inside,
            admin,
            random,
            down: BTreeSet::new(),
            is_cut: false,
            is_stormy: false,
            is_changing: false,
            is_untimely: false,
            rotten,
        })
    }

    /// Lets voters be replaced that are silent for so long.
    pub fn replace_after(&self, silence: Duration) -> anyhow::Result<()> {
        let (admin, ms) = (self.admin.clone(), silence.as_millis() as u64);
        self.inside.run(async move { admin.configure("replace-after", ms).await }).context("replace-after")
    }

    /// Breaks something of this kind, if that is possible beside what is broken already. Fails if it should have happened
    /// and did not.
    pub fn begin(&mut self, kind: Kind) -> anyhow::Result<Option<Broken>> {
        use Kind::*;
        let lasts = Duration::from_millis(self.random.random_range(800..4000));
        let undo = match kind {
            KillLeader | KillFollower | KillMajority | KillAll | KillQueue | Stop | PauseLeader
            | PauseFollower | PauseQueue | Wipe => self.break_processes(kind)?,
            IsolateLeader | IsolateFollower | Mute | Deaf | MinorityWithLeader | MajorityWithLeader
            | Partial | Ring => self.cut(kind)?,
            Weather => self.storm()?,
            JoinAndRemove => self.join()?,
            PowerOne | PowerAll | FailSync | SlowSyncs | FullDisk | Rot => self.break_disks(kind)?,
            JumpClock => self.jump()?,
        };
        Ok(undo.map(|undo| Broken { kind, until: Instant::now() + lasts, undo }))
    }

    /// Mends it; fails if it turns out not to have happened.
    pub fn mend(&mut self, broken: Broken) -> anyhow::Result<()> {
        let lab = &self.cluster.lab;
        match broken.undo {
            Undo::StartNodes(hosts) => {
                for host in hosts {
                    self.cluster.start_node(host)?;
                    self.down.remove(&host);
                }
            }
            Undo::StartQueue(host) => {
                self.cluster.start_queue(host)?;
                self.down.remove(&host);
            }
            Undo::Resume(process) => {
                process.resume()?;
                self.down.retain(|host| {
                    let of = [self.cluster.node(*host), self.cluster.queue(*host)];
                    !of.into_iter().flatten().any(|it| it == process)
                });
            }
            Undo::Mend(pairs) => {
                self.is_cut = false;
                self.cables.mend(lab, &pairs)?;
            }
            Undo::Clear(hosts) => {
                self.is_stormy = false;
                for host in hosts {
                    self.cables.end_weather(lab, host)?;
                }
            }
            Undo::Remove(host, id) => self.remove(host, id)?,
            Undo::PowerOn(hosts) => {
                self.cluster.power_on(&hosts)?;
                self.down.retain(|host| !hosts.contains(host));
            }
            Undo::HealDisk(host) => self.heal_disk(host),
            Undo::SetClock(host) => {
                self.cluster.set_clock(host, 0)?;
                self.is_untimely = false;
            }
        }
        if matches!(broken.kind, Kind::Wipe | Kind::Rot) {
            self.is_changing = false;
        }
        Ok(())
    }

    /// Whether one more node may be down, so that a majority stays and something can be done meanwhile.
    fn can_spare(&self) -> bool {
        let nodes = self.cluster.first_nodes();
        let down = nodes.iter().filter(|host| self.down.contains(host)).count();
        (down + 1) * 2 < nodes.len()
    }

    /// Nothing is down, cut or changing, and all nodes are even: what one holds may be lost.
    fn is_whole(&self) -> bool {
        let still = !self.is_changing && !self.is_cut && self.down.is_empty();
        still && self.watch.look().is_settled(self.cluster.first_nodes().len())
    }

    /// The leader, if there is one that nothing has been done to, and the other nodes that nothing has been done to, in
    /// any order.
    fn roles(&mut self) -> Option<(Host, Vec<Host>)> {
        let leader = self.watch.look().leader().filter(|leader| !self.down.contains(leader))?;
        let mut others = self.cluster.first_nodes();
        others.retain(|host| *host != leader && !self.down.contains(host));
        others.shuffle(&mut self.random);
        Some((leader, others))
    }
}
