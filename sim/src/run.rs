//! One seed: a cluster is founded, clients work while things break, all is mended, and what was seen is judged.

use std::rc::Rc;
use std::time::{Duration, SystemTime};

use anyhow::{Result, anyhow, ensure};
use gossamer_client::{Client, Config};
use gossamer_proto::trust::Trust;
use gossamer_world::World;
use gossamer_world::memory::Memory;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use turmoil::{Builder, Sim};

use crate::check::check;
use crate::faults::{self, Nemesis, Planned};
use crate::heal;
use crate::history::Return;
use crate::host::Server;
use crate::panics;
use crate::setup::{CLIENT_HOSTS, CLIENTS, Setup};
use crate::workload::{Phase, Shared, Worker};
use crate::world;

/// No run takes longer, in simulated time.
const LONGEST: Duration = Duration::from_secs(300);
/// Patience of the judge's client.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a run that passed has done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    /// Operations with a definite answer: done, found, not found, or a condition that did not hold.
    pub answered: usize,
    /// Operations that certainly did nothing.
    pub failed: usize,
    /// Operations of which nobody can tell.
    pub unknown: usize,
    /// Answered operations that began and ended while something was broken.
    pub despite: usize,
    /// Things that broke.
    pub faults: usize,
    /// Simulated time.
    pub simulated: Duration,
}

/// Runs one seed. An error says what is wrong with what was seen, or why the run shows nothing.
pub fn seed(seed: u64) -> Result<Outcome> {
    panics::watch();
    let mut random = SmallRng::seed_from_u64(seed);
    let setup = Setup::draw(&mut random);
    let plan = faults::plan(&mut random, &setup);
    tracing::info!(seed, ?setup, "run");
    let mut sim = Builder::new()
        .rng_seed(random.random())
        .epoch(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000))
        .simulation_duration(LONGEST)
        .tick_duration(Duration::from_millis(1))
        // Never in the same tick: a host that has had its turn would hear from the future of another.
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(setup.latency)
        .tcp_capacity(65_536)
        .build();
    let servers = servers(&mut sim, &setup, &mut random);
    let shared = clients(&mut sim, &setup, &mut random);
    let ran = drive(&mut sim, &setup, servers, plan, &shared);
    let simulated = sim.elapsed();
    // What is torn down now may complain: it counts as well.
    drop(sim);
    let panicked = panics::seen();
    ensure!(panicked.is_empty(), "panicked: {panicked:?}");
    let wrong = shared.wrong.take();
    ensure!(wrong.is_empty(), "wrong: {wrong:?}");
    let faults = ran?;
    let history = shared.history.take();
    check(&history)?;
    let count = |wanted: fn(&Return) -> bool| history.iter().filter(|it| wanted(&it.back)).count();
    let failed = count(|back| *back == Return::Failed);
    let unknown = count(|back| *back == Return::Unknown);
    let answered = history.len() - failed - unknown;
    let despite = shared.despite.get();
    ensure!(despite > 0, "nothing succeeded while something was broken");
    Ok(Outcome { answered, failed, unknown, despite, faults, simulated })
}

fn servers(sim: &mut Sim<'_>, setup: &Setup, random: &mut SmallRng) -> Vec<Server> {
    let mut servers = Vec::new();
    for host in setup.queue_hosts() {
        servers.push(Server::queue(sim, &host, random.random()));
    }
    for host in setup.node_hosts() {
        servers.push(Server::node(sim, &host, setup, random.random()));
    }
    servers
}

/// The clients at work and the judge, spread over the clients' hosts.
fn clients(sim: &mut Sim<'_>, setup: &Setup, random: &mut SmallRng) -> Rc<Shared> {
    let shared = Rc::new(Shared::new(CLIENTS));
    for (at, host) in setup.client_hosts().into_iter().enumerate() {
        let world = world::of_host(&host, &Memory::new(), random.random());
        let own = (at..CLIENTS).step_by(CLIENT_HOSTS);
        let seeds: Vec<(usize, u64)> = own.map(|number| (number, random.random())).collect();
        let (setup, shared) = (setup.clone(), shared.clone());
        sim.client(host, async move {
            let mut work = tokio::task::JoinSet::new();
            for (number, seed) in seeds {
                let client = client(&world, &setup, number, setup.patience[number])?;
                work.spawn_local(Worker::new(client, shared.clone(), SmallRng::seed_from_u64(seed)).run());
            }
            if at == 0 {
                heal::judge(client(&world, &setup, 0, PATIENCE)?, shared).await?;
            }
            while let Some(ended) = work.join_next().await {
                ended?;
            }
            Ok(())
        });
    }
    shared
}

/// A client that prefers one of the queue servers.
fn client(world: &World, setup: &Setup, number: usize, patience: Duration) -> Result<Client> {
    let mut queues = setup.queue_addresses();
    let preferred = number % queues.len();
    queues.rotate_left(preferred);
    Ok(Client::new(Config { trust: Trust::Insecure, patience, ..Config::new(world.clone(), queues) })?)
}

/// Lets simulated time pass until all clients and the judge have ended. Returns how many faults there were.
fn drive(
    sim: &mut Sim<'_>,
    setup: &Setup,
    mut servers: Vec<Server>,
    plan: [Vec<Planned>; 2],
    shared: &Shared,
) -> Result<usize> {
    let planned = plan.iter().map(Vec::len).sum::<usize>();
    // Two queue servers that nobody has told of the cluster would let two be founded.
    let late: Vec<String> = setup.queue_hosts().into_iter().skip(1).collect();
    for server in servers.iter_mut().filter(|server| late.contains(&server.host)) {
        sim.crash(server.host.as_str());
    }
    step_until(sim, shared, Phase::Working)?;
    for server in servers.iter().filter(|server| late.contains(&server.host)) {
        server.start(sim);
    }
    let mut nemesis = Nemesis::new(setup, servers, plan);
    let began = sim.elapsed();
    while !nemesis.is_over() {
        nemesis.step(sim, sim.elapsed() - began)?;
        shared.broken.set(nemesis.broken());
        step(sim)?;
    }
    ensure!(nemesis.begun == planned, "{} of {planned} faults happened", nemesis.begun);
    shared.phase.set(Phase::Mended);
    step_until(sim, shared, Phase::Over)?;
    Ok(nemesis.begun)
}

fn step_until(sim: &mut Sim<'_>, shared: &Shared, phase: Phase) -> Result<()> {
    while shared.phase.get() < phase {
        step(sim)?;
    }
    Ok(())
}

fn step(sim: &mut Sim<'_>) -> Result<()> {
    sim.step().map(drop).map_err(|error| anyhow!("a host failed: {error}"))
}
