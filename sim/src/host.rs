//! The real services as hosts of the simulation, each with a disk that outlives it.

use std::cell::{Cell, RefCell};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use gossamer_cluster_node::config::{BackendKind, Config};
use gossamer_cluster_node::enter::EnterError;
use gossamer_cluster_node::folder::Folder;
use gossamer_cluster_node::node::{self, RunError};
use gossamer_cluster_node::raft::Compaction;
use gossamer_proto::listener::Bound;
use gossamer_proto::trust::Trust;
use gossamer_queue_server as queue_server;
use gossamer_world::World;
use gossamer_world::memory::Memory;
use tokio_util::sync::CancellationToken;
use turmoil::Sim;

use crate::leases::Leases;
use crate::ledger::Ledger;
use crate::setup::Setup;
use crate::world::{self, Wires};

/// Port of every queue server.
pub const QUEUE_PORT: u16 = 4068;
const CONTROL_PORT: u16 = 4168;
const DATA_PORT: u16 = 4169;

/// Often enough that a run sees some.
const EXPIRE_EVERY: Duration = Duration::from_secs(20);
/// Bytes. Small segments, so that a run fills some and cuts some.
pub const SEGMENT_BYTES: u64 = 1 << 20;

/// A machine with a service on it.
pub struct Server {
    /// Its name in the network.
    pub host: String,
    /// What is on it.
    pub disk: Memory,
    world: World,
    /// Of the process that runs now.
    shutdown: Rc<RefCell<CancellationToken>>,
    /// Why the process that runs now may end with an error.
    may_end: Rc<Cell<Option<MayEnd>>>,
    /// Whether it did.
    ended: Rc<Cell<bool>>,
    /// Of every process that ran there, if they were queue servers.
    leases: Rc<RefCell<Vec<Leases>>>,
}

/// Why a process may end with an error, and with no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MayEnd {
    /// A sync of its disk fails.
    DiskFails,
    /// Its disk has no room, not even for the log.
    DiskFull,
    /// What it starts on is damaged.
    Damaged,
    /// It is removed.
    Removed,
}

impl MayEnd {
    /// Whether this is such an error.
    fn explains(self, error: &RunError) -> bool {
        match (self, error) {
            // Whatever it was doing just then.
            (MayEnd::DiskFails, error) => error.to_string().contains("the sync failed"),
            (MayEnd::DiskFull, error) => error.to_string().contains("no storage space"),
            // By what is left it was the only voter; or it comes as another node and is removed before it is in.
            (MayEnd::Damaged, RunError::Open(_) | RunError::Enter(EnterError::Refused(_))) => true,
            (MayEnd::Removed, RunError::Enter(EnterError::Refused(_))) => true,
            _ => false,
        }
    }
}

/// How a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The process dies; the page cache stays, the kernel closes its connections.
    Killed,
    /// The machine loses power: what was not synced is gone, and nobody is told.
    PowerLost,
    /// As [`End::PowerLost`], but some of the sectors that were not synced are kept.
    PowerLostTorn(u64),
}

impl Server {
    /// A machine with a queue server on it, running.
    pub fn queue(sim: &mut Sim<'_>, host: &str, wires: &Wires, seed: u64) -> Self {
        let server = Server::machine(host, wires, seed);
        let (world, current, all) = (server.world.clone(), server.shutdown.clone(), server.leases.clone());
        sim.host(host, move || {
            let shutdown = begin(&current);
            let world = world.clone();
            let leases = Leases::default();
            all.borrow_mut().push(leases.clone());
            async move {
                let grpc = Bound::bind(&world, any(QUEUE_PORT), &Trust::Insecure).await?;
                let mut config = queue_server::Config::new(world, "/queue", "simulated");
                config.witness = Some(Arc::new(leases));
                Ok(queue_server::run(config, grpc, None, shutdown).await?)
            }
        });
        server
    }

    /// A machine with a node on it, running.
    pub fn node(
        sim: &mut Sim<'_>,
        host: &str,
        setup: &Setup,
        wires: &Wires,
        ledger: &Ledger,
        seed: u64,
    ) -> Self {
        let server = Server::machine(host, wires, seed);
        let current = server.shutdown.clone();
        let (may_end, ended) = (server.may_end.clone(), server.ended.clone());
        let mut config = Config::new(server.world.clone(), setup.queue_addresses(), host.to_owned());
        config.witness = Some(ledger.eye(host));
        config.trust = Trust::Insecure;
        config.backend = BackendKind::Memory;
        config.collect_every = setup.collect_every;
        config.expire_every = EXPIRE_EVERY;
        config.compaction = Compaction {
            entries: setup.snapshot_entries,
            keep: setup.snapshot_entries / 2,
            ..config.compaction
        };
        config.segment_bytes = SEGMENT_BYTES;
        sim.host(host, move || {
            let shutdown = begin(&current);
            may_end.set(None);
            ended.set(false);
            let (may_end, ended) = (may_end.clone(), ended.clone());
            let config = config.clone();
            // Boxed: a node's future is large.
            Box::pin(async move {
                let explains = |error: &RunError| may_end.get().is_some_and(|why| why.explains(error));
                let folder = match Folder::open(&config.world, Path::new("/node")).map_err(RunError::from) {
                    Err(error) if explains(&error) => {
                        ended.set(true);
                        return Ok(());
                    }
                    opened => opened?,
                };
                let control = Bound::bind(&config.world, any(CONTROL_PORT), &Trust::Insecure).await?;
                let data = Bound::bind(&config.world, any(DATA_PORT), &Trust::Insecure).await?;
                match node::run(config, folder, control, data, shutdown).await {
                    // Asked to stop before it had begun.
                    Err(RunError::Enter(EnterError::Stopped)) => Ok(()),
                    Err(error) if explains(&error) => {
                        tracing::info!(%error, "the process ended");
                        ended.set(true);
                        Ok(())
                    }
                    done => Ok(done?),
                }
            })
        });
        server
    }

    fn machine(host: &str, wires: &Wires, seed: u64) -> Self {
        let disk = Memory::new();
        let world = world::of_host(host, &disk, wires, seed);
        let host = host.to_owned();
        let (shutdown, may_end, ended, leases) = Default::default();
        Server { host, disk, world, shutdown, may_end, ended, leases }
    }

    /// The process that runs now may end with an error for this reason.
    pub fn may_end(&self, why: MayEnd) {
        self.may_end.set(Some(why));
    }

    /// What must not be.
    pub fn wrong(&self) -> Vec<String> {
        self.leases.borrow().iter().flat_map(Leases::wrong).collect()
    }

    /// Ends the process. Whatever its destructors do no longer reaches the disk.
    pub fn end(&self, sim: &mut Sim<'_>, how: End) {
        match how {
            End::Killed => self.disk.kill(),
            End::PowerLost => self.disk.crash(),
            End::PowerLostTorn(seed) => self.disk.crash_torn(seed),
        }
        sim.crash(self.host.as_str());
        self.ended.set(false);
    }

    /// Whether the process ended by itself, and may have.
    pub fn has_ended(&self) -> bool {
        self.ended.get()
    }

    /// Asks the process to stop. It is gone when the simulation says so.
    pub fn stop(&self) {
        self.shutdown.borrow().cancel();
    }

    /// Starts the process again.
    pub fn start(&self, sim: &mut Sim<'_>) {
        sim.bounce(self.host.as_str());
    }

    /// Whether a process runs there.
    pub fn is_running(&self, sim: &mut Sim<'_>) -> bool {
        sim.is_host_running(self.host.as_str())
    }
}

fn begin(current: &RefCell<CancellationToken>) -> CancellationToken {
    let shutdown = CancellationToken::new();
    current.replace(shutdown.clone());
    shutdown
}

fn any(port: u16) -> SocketAddr {
    (Ipv4Addr::UNSPECIFIED, port).into()
}
