//! Does what was planned, when it is possible.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, ensure};
use gossamer_world::memory::Memory;
use turmoil::Sim;

use super::members::Removals;
use super::plan::{LANES, Plan};
use super::{Fault, Planned, disks};
use crate::coverage::Counter;
use crate::host::{End, MayEnd, Server};
use crate::ledger::Ledger;
use crate::setup::Setup;
use crate::world::Wires;

/// A fault waits this long for what it needs, and to be undone; one that then has not happened rejects the run.
const PATIENCE: Duration = Duration::from_secs(40);

/// See the module.
pub struct Nemesis {
    pub(super) setup: Setup,
    pub(super) wires: Wires,
    pub(super) ledger: Ledger,
    pub(super) counter: Counter,
    servers: Vec<Server>,
    pub(super) removals: Removals,
    lanes: [Lane; LANES],
    /// Faults that began.
    pub begun: usize,
}

struct Lane {
    plan: std::vec::IntoIter<Planned>,
    next: Option<Planned>,
    now: Option<Current>,
}

/// A fault under way.
pub(super) struct Current {
    fault: Fault,
    until: Duration,
    /// The node that leaves the cluster by it.
    pub(super) leaving: Option<u64>,
    /// When the process with the damaged disk was started.
    pub(super) started: Option<Duration>,
    /// What the disk that is to be full had refused before.
    refused: u64,
}

/// What the nemesis works on.
pub struct Scene {
    /// The machines.
    pub servers: Vec<Server>,
    /// Their connections.
    pub wires: Wires,
    /// What their nodes do.
    pub ledger: Ledger,
    /// Counts what happens.
    pub counter: Counter,
    /// Nodes that must go.
    pub removals: Removals,
}

impl Nemesis {
    /// Nothing is broken yet.
    pub fn new(setup: &Setup, scene: Scene, plan: Plan) -> Self {
        let Scene { servers, wires, ledger, counter, removals } = scene;
        let lanes = plan.map(|plan| {
            let mut plan = plan.into_iter();
            Lane { next: plan.next(), plan, now: None }
        });
        Nemesis { setup: setup.clone(), wires, ledger, counter, servers, removals, lanes, begun: 0 }
    }

    /// How many things are broken.
    pub fn broken(&self) -> usize {
        self.lanes.iter().filter(|lane| lane.now.is_some()).count()
    }

    /// Whether a disk is full now.
    pub fn is_full(&self) -> bool {
        self.lanes.iter().flat_map(|lane| &lane.now).any(|now| matches!(now.fault, Fault::Full(_)))
    }

    /// The hosts whose disks are being damaged: what they acknowledged before was on them.
    pub fn damaged(&self) -> Vec<String> {
        let damaged = |now: &Current| match &now.fault {
            Fault::Crash { hosts, damage: Some(_), .. } => hosts.first().cloned(),
            _ => None,
        };
        self.lanes.iter().flat_map(|lane| &lane.now).filter_map(damaged).collect()
    }

    /// Whether all is over and mended.
    pub fn is_over(&self) -> bool {
        self.lanes.iter().all(|lane| lane.now.is_none() && lane.next.is_none())
    }

    /// The nodes' disks, by host.
    pub fn disks(&self) -> BTreeMap<String, Memory> {
        self.servers.iter().map(|server| (server.host.clone(), server.disk.clone())).collect()
    }

    /// What must not be, as the servers tell it.
    pub fn wrong(&self) -> Vec<String> {
        self.servers.iter().flat_map(Server::wrong).collect()
    }

    /// Breaks and mends what is due, `at` after the clients began.
    pub fn step(&mut self, sim: &mut Sim<'_>, at: Duration) -> Result<()> {
        for lane in 0..LANES {
            if let Some(mut now) = self.lanes[lane].now.take_if(|now| now.until <= at) {
                if self.mend(sim, &mut now, at)? {
                    tracing::info!(fault = ?now.fault, "over");
                } else {
                    ensure!(now.until + PATIENCE > at, "{:?} could not be mended in {PATIENCE:?}", now.fault);
                    self.lanes[lane].now = Some(now);
                }
            } else if self.lanes[lane].now.is_none()
                && let Some(planned) = self.lanes[lane].next.take_if(|planned| planned.from <= at)
            {
                let refused = self.refused(&planned.fault);
                match self.begin(sim, &planned.fault)? {
                    Some(leaving) => {
                        tracing::info!(fault = ?planned.fault, "now");
                        self.begun += 1;
                        let until = at + planned.lasts;
                        self.lanes[lane].now =
                            Some(Current { fault: planned.fault, until, leaving, started: None, refused });
                        self.lanes[lane].next = self.lanes[lane].plan.next();
                    }
                    None => {
                        let limit = planned.from + PATIENCE;
                        ensure!(limit > at, "{:?} was not possible for {PATIENCE:?}", planned.fault);
                        self.lanes[lane].next = Some(planned);
                    }
                }
            }
        }
        Ok(())
    }

    /// Starts again what has ended of a fault that is over: a process takes a while to end.
    pub fn revive(&self, sim: &mut Sim<'_>) {
        for server in self.servers.iter().filter(|server| server.has_ended() && !self.is_taken(&server.host))
        {
            if !server.is_running(sim) {
                self.ledger.down(&server.host);
                server.start(sim);
            }
        }
    }

    pub(super) fn server(&self, host: &str) -> &Server {
        self.servers.iter().find(|server| server.host == host).expect("plans name servers only")
    }

    fn refused(&self, fault: &Fault) -> u64 {
        match fault {
            Fault::Full(hosts) => hosts.iter().map(|host| self.server(host).disk.events().full).sum(),
            _ => 0,
        }
    }

    /// What is broken in the network now.
    pub(super) fn network_fault(&self) -> Option<Fault> {
        let is_cut = |fault: &Fault| {
            use Fault::{Freeze, Halves, Isolate, OneWay, Partition, Ring};
            matches!(fault, Partition(..) | OneWay(..) | Halves(_) | Ring(_) | Isolate(_) | Freeze(_))
        };
        self.lanes.iter().flat_map(|lane| &lane.now).map(|now| now.fault.clone()).find(is_cut)
    }

    /// Whether another lane is at work on this host's process or disk.
    fn is_taken(&self, host: &str) -> bool {
        self.lanes.iter().flat_map(|lane| &lane.now).any(|now| match &now.fault {
            Fault::Crash { hosts, .. } | Fault::Full(hosts) => hosts.iter().any(|other| other == host),
            Fault::Stop(other)
            | Fault::FailSync(other, _)
            | Fault::Rot(other, _)
            | Fault::Wipe(other)
            | Fault::Replace(other) => other == host,
            _ => false,
        })
    }

    /// Whether all these hosts are at nobody else's mercy, and up.
    fn are_free(&self, sim: &mut Sim<'_>, hosts: &[String]) -> bool {
        hosts.iter().all(|host| !self.is_taken(host) && self.server(host).is_running(sim))
    }

    /// Breaks it. None: not possible now. Else the node that leaves by it, if one does.
    fn begin(&mut self, sim: &mut Sim<'_>, fault: &Fault) -> Result<Option<Option<u64>>> {
        let mut leaving = None;
        match fault {
            Fault::Crash { hosts, end, damage } => {
                if !self.are_free(sim, hosts) {
                    return Ok(None);
                }
                self.crash(sim, hosts, *end, *damage)?;
            }
            Fault::Full(hosts) => {
                if !self.are_free(sim, hosts) {
                    return Ok(None);
                }
                for server in hosts.iter().map(|host| self.server(host)) {
                    // When the log has used up what it has reserved, the process ends.
                    server.may_end(MayEnd::DiskFull);
                    server.disk.set_capacity(server.disk.used() + disks::LEFT);
                }
            }
            Fault::Stop(host) | Fault::FailSync(host, _) | Fault::Rot(host, _) => {
                if !self.are_free(sim, std::slice::from_ref(host)) {
                    return Ok(None);
                }
                if !self.harm(host, fault)? {
                    return Ok(None);
                }
            }
            Fault::Wipe(host) | Fault::Replace(host) => {
                let Some(id) = self.ledger.id(host) else { return Ok(None) };
                if !self.are_free(sim, std::slice::from_ref(host)) {
                    return Ok(None);
                }
                self.remove_all(host);
                if matches!(fault, Fault::Wipe(_)) {
                    self.end(sim, host, End::PowerLost)?;
                    self.server(host).disk.wipe();
                    self.ledger.wiped(host);
                    self.counter.happened("fault: wipe");
                } else {
                    self.server(host).may_end(MayEnd::Removed);
                    self.counter.happened("fault: replacement");
                }
                leaving = Some(id);
            }
            Fault::Join(host) => {
                self.server(host).start(sim);
                self.counter.happened("fault: join");
            }
            network => {
                if !self.cut(sim, network) {
                    return Ok(None);
                }
                self.note_leader(network);
                self.counter.happened(name(network));
            }
        }
        Ok(Some(leaving))
    }

    /// Who loses a disk for ever removes all that it has been: a damaged log makes a new node of the same folder.
    pub(super) fn remove_all(&self, host: &str) {
        self.ledger.ids(host).into_iter().for_each(|id| self.removals.ask(id));
    }

    /// What happens to a running process or its disk. False: there is nothing that could be harmed.
    fn harm(&self, host: &str, fault: &Fault) -> Result<bool> {
        let server = self.server(host);
        match fault {
            Fault::Stop(_) => {
                server.stop();
                self.counter.happened("fault: stop");
            }
            Fault::FailSync(_, n) => {
                server.may_end(MayEnd::DiskFails);
                server.disk.fail_sync(*n);
                self.counter.happened("fault: failing sync");
            }
            Fault::Rot(_, damage) => {
                if disks::flip(&server.disk, *damage)? == 0 {
                    return Ok(false);
                }
                self.counter.happened("fault: flipped bits in an extent");
            }
            _ => {}
        }
        Ok(true)
    }

    /// Whether it is mended; what still goes on takes longer.
    fn mend(&mut self, sim: &mut Sim<'_>, now: &mut Current, at: Duration) -> Result<bool> {
        match &now.fault {
            Fault::Crash { hosts, damage: Some(_), .. } => {
                let host = hosts[0].clone();
                return Ok(self.start_damaged(sim, now, &host, at));
            }
            Fault::Crash { hosts, .. } => hosts.iter().for_each(|host| self.server(host).start(sim)),
            Fault::Stop(host) | Fault::FailSync(host, _) => {
                let server = self.server(host);
                // A sync that fails is the end of the process; until one was asked for, nothing has happened.
                if server.disk.is_sync_to_fail() || server.is_running(sim) {
                    return Ok(false);
                }
                self.ledger.down(host);
                server.start(sim);
            }
            Fault::Full(hosts) => {
                // The nodes may have seen to it that nothing came to their disks any more.
                if self.refused(&now.fault) > now.refused {
                    let all = hosts.len() == self.setup.node_hosts().len();
                    self.counter.happened(if all {
                        "fault: full disks of all nodes"
                    } else {
                        "fault: full disk"
                    });
                }
                hosts.iter().for_each(|host| self.server(host).disk.set_capacity(0));
            }
            Fault::Wipe(host) => {
                if !self.removals.is_done(now.leaving.unwrap_or_default()) {
                    return Ok(false);
                }
                self.server(host).start(sim);
            }
            Fault::Replace(host) => {
                let server = self.server(host);
                if !self.removals.is_done(now.leaving.unwrap_or_default()) || server.is_running(sim) {
                    return Ok(false);
                }
                server.disk.wipe();
                self.ledger.wiped(host);
                server.start(sim);
            }
            Fault::Rot(..) | Fault::Join(_) | Fault::Break(_) => {}
            network => self.rejoin(sim, network),
        }
        Ok(true)
    }
}

fn name(fault: &Fault) -> &'static str {
    match fault {
        Fault::Partition(..) => "fault: partition of two",
        Fault::OneWay(..) => "fault: partition one way",
        Fault::Halves(_) => "fault: partition into halves",
        Fault::Ring(_) => "fault: partition into a ring",
        Fault::Isolate(_) => "fault: isolation",
        Fault::Freeze(_) => "fault: freeze",
        Fault::Slow(..) => "fault: delay",
        _ => "fault: broken connections",
    }
}
