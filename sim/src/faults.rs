//! What breaks, and when: drawn from the seed beforehand, then done.
//!
//! Two things may be broken at the same time: one of the processes, and one of the network.

use std::time::Duration;

use anyhow::{Result, ensure};
use rand::Rng;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use turmoil::Sim;

use crate::host::{End, Server};
use crate::setup::{NODES, Setup};

/// Faults of each of the two kinds in one run.
const FAULTS: usize = 7;
/// A clean stop takes no longer.
const STOP: Duration = Duration::from_secs(20);

/// One thing that breaks. Hosts by their names.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Processes end and are started again.
    Crash {
        /// On which hosts, and how.
        ends: Vec<(String, End)>,
    },
    /// A process is asked to stop, and started again.
    Stop(String),
    /// Nothing gets through between two hosts.
    Partition(String, String),
    /// Nothing gets through from the first host to the second.
    OneWay(String, String),
    /// What is sent between two hosts arrives when this is over.
    Hold(String, String),
    /// A host is cut off from all others.
    Isolate(String),
    /// What is sent between two hosts takes up to so long.
    Slow(String, String, Duration),
}

/// A fault and its time, counted from when the clients began.
#[derive(Clone, Debug)]
pub struct Planned {
    /// What.
    pub fault: Fault,
    /// From when.
    pub from: Duration,
    /// Until when.
    pub until: Duration,
}

/// Draws what will break: a list for the processes and one for the network, each in order and one at a time.
pub fn plan(random: &mut SmallRng, setup: &Setup) -> [Vec<Planned>; 2] {
    let processes: fn(&mut SmallRng, &Setup) -> Fault = of_processes;
    [processes, of_network].map(|draw| {
        let mut at = Duration::ZERO;
        let one = |_| {
            let from = at + Duration::from_millis(random.random_range(300..1500));
            let until = from + Duration::from_millis(random.random_range(200..3500));
            at = until;
            Planned { fault: draw(random, setup), from, until }
        };
        (0..FAULTS).map(one).collect()
    })
}

fn of_processes(random: &mut SmallRng, setup: &Setup) -> Fault {
    let mut nodes = setup.node_hosts();
    nodes.shuffle(random);
    let hosts = match random.random_range(0..100) {
        0..45 => nodes[..1].to_vec(),
        45..55 => return Fault::Stop(nodes.remove(0)),
        55..65 => nodes[..2].to_vec(),
        65..80 => nodes,
        80..95 => pick(random, setup.queue_hosts(), 1),
        _ => setup.queue_hosts(),
    };
    let end = match random.random_range(0..4) {
        0 | 1 => End::Killed,
        2 => End::PowerLost,
        _ => End::PowerLostTorn(random.random()),
    };
    Fault::Crash { ends: hosts.into_iter().map(|host| (host, end)).collect() }
}

fn of_network(random: &mut SmallRng, setup: &Setup) -> Fault {
    let node = |random: &mut SmallRng| format!("node-{}", random.random_range(1..=NODES));
    let one = node(random);
    let mut others = [setup.node_hosts(), setup.queue_hosts()].concat();
    others.retain(|host| *host != one);
    let other = pick(random, others, 1).remove(0);
    match random.random_range(0..100) {
        0..25 => Fault::Partition(one, other),
        25..40 => Fault::OneWay(one, other),
        40..55 => Fault::OneWay(other, one),
        55..65 => Fault::Hold(one, other),
        65..85 => Fault::Isolate(one),
        _ => Fault::Slow(one, other, Duration::from_millis(random.random_range(50..400))),
    }
}

fn pick(random: &mut SmallRng, mut hosts: Vec<String>, count: usize) -> Vec<String> {
    hosts.shuffle(random);
    hosts.truncate(count);
    hosts
}

/// Does what was planned.
pub struct Nemesis {
    servers: Vec<Server>,
    hosts: Vec<String>,
    latency: Duration,
    lanes: [Lane; 2],
    /// Faults that began.
    pub begun: usize,
}

struct Lane {
    plan: std::vec::IntoIter<Planned>,
    next: Option<Planned>,
    now: Option<Planned>,
}

impl Nemesis {
    /// For these servers.
    pub fn new(setup: &Setup, servers: Vec<Server>, plan: [Vec<Planned>; 2]) -> Self {
        let hosts = [setup.node_hosts(), setup.queue_hosts(), setup.client_hosts()].concat();
        let lanes = plan.map(|plan| {
            let mut plan = plan.into_iter();
            Lane { next: plan.next(), plan, now: None }
        });
        Nemesis { servers, hosts, latency: setup.latency, lanes, begun: 0 }
    }

    /// How many things are broken.
    pub fn broken(&self) -> usize {
        self.lanes.iter().filter(|lane| lane.now.is_some()).count()
    }

    /// Whether all is over and mended.
    pub fn is_over(&self) -> bool {
        self.lanes.iter().all(|lane| lane.now.is_none() && lane.next.is_none())
    }

    /// Breaks and mends what is due, `at` after the clients began.
    pub fn step(&mut self, sim: &mut Sim<'_>, at: Duration) -> Result<()> {
        for lane in 0..self.lanes.len() {
            if let Some(planned) = self.lanes[lane].now.take_if(|planned| planned.until <= at) {
                if self.mend(sim, &planned.fault)? {
                    tracing::info!(fault = ?planned.fault, "over");
                } else {
                    ensure!(planned.until + STOP > at, "{:?} did not stop within {STOP:?}", planned.fault);
                    self.lanes[lane].now = Some(planned);
                }
            } else if let Some(planned) = self.lanes[lane].next.take_if(|planned| planned.from <= at) {
                tracing::info!(fault = ?planned.fault, "now");
                self.break_it(sim, &planned.fault)?;
                self.begun += 1;
                self.lanes[lane].now = Some(planned);
                self.lanes[lane].next = self.lanes[lane].plan.next();
            }
        }
        Ok(())
    }

    fn server(&self, host: &str) -> &Server {
        self.servers.iter().find(|server| server.host == host).expect("plans name servers only")
    }

    fn break_it(&mut self, sim: &mut Sim<'_>, fault: &Fault) -> Result<()> {
        match fault {
            Fault::Crash { ends } => {
                for (host, end) in ends {
                    self.crash(sim, host, *end)?;
                }
            }
            Fault::Stop(host) => {
                ensure!(self.server(host).is_running(sim), "{host} was to be stopped and did not run");
                self.server(host).stop();
            }
            network => self.cut(sim, network),
        }
        Ok(())
    }

    fn crash(&self, sim: &mut Sim<'_>, host: &str, end: End) -> Result<()> {
        let server = self.server(host);
        ensure!(server.is_running(sim), "{host} was to be crashed and did not run");
        if end == End::Killed {
            server.end(sim, end);
        } else {
            // Without power nobody says goodbye; and what is on the way is lost.
            self.isolate(sim, host, true);
            server.end(sim, end);
            self.isolate(sim, host, false);
            if let Some(Planned { fault, .. }) = &self.lanes[1].now {
                self.cut(sim, fault);
            }
        }
        ensure!(!server.is_running(sim), "{host} survived its crash");
        Ok(())
    }

    fn cut(&self, sim: &Sim<'_>, fault: &Fault) {
        match fault {
            Fault::Partition(a, b) => sim.partition(a.as_str(), b.as_str()),
            Fault::OneWay(a, b) => sim.partition_oneway(a.as_str(), b.as_str()),
            Fault::Hold(a, b) => sim.hold(a.as_str(), b.as_str()),
            Fault::Isolate(host) => self.isolate(sim, host, true),
            Fault::Slow(a, b, longest) => {
                sim.set_link_max_message_latency(a.as_str(), b.as_str(), *longest);
            }
            Fault::Crash { .. } | Fault::Stop(_) => {}
        }
    }

    fn isolate(&self, sim: &Sim<'_>, host: &str, cut: bool) {
        for other in self.hosts.iter().filter(|other| *other != host) {
            if cut {
                sim.partition(host, other.as_str());
            } else {
                sim.repair(host, other.as_str());
            }
        }
    }

    /// Whether it is mended; a process that still stops takes longer.
    fn mend(&self, sim: &mut Sim<'_>, fault: &Fault) -> Result<bool> {
        match fault {
            Fault::Crash { ends } => ends.iter().for_each(|(host, _)| self.server(host).start(sim)),
            Fault::Stop(host) => {
                if self.server(host).is_running(sim) {
                    return Ok(false);
                }
                self.server(host).start(sim);
            }
            Fault::Partition(a, b) | Fault::OneWay(a, b) => sim.repair(a.as_str(), b.as_str()),
            Fault::Hold(a, b) => sim.release(a.as_str(), b.as_str()),
            Fault::Isolate(host) => self.isolate(sim, host, false),
            Fault::Slow(a, b, _) => {
                sim.set_link_max_message_latency(a.as_str(), b.as_str(), self.latency);
            }
        }
        Ok(true)
    }
}
