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
use serde::{Deserialize, Serialize};
use turmoil::{Builder, Sim};

use crate::check::check;
use crate::coverage::{Counter, Coverage};
use crate::durable::Durable;
use crate::faults::members::Removals;
use crate::faults::nemesis::{Nemesis, Scene};
use crate::faults::plan::{self, Plan};
use crate::heal;
use crate::history::Return;
use crate::host::Server;
use crate::ledger::Ledger;
use crate::panics;
use crate::setup::{CLIENT_HOSTS, CLIENTS, Setup};
use crate::workload::{Phase, Shared, Worker};
use crate::world::{self, Wires};

/// No run takes longer, in simulated time.
const LONGEST: Duration = Duration::from_secs(400);
/// Patience of the judge's client.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a run that passed has done.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
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
    /// What happened.
    pub coverage: Coverage,
}

/// Runs one seed; `tell` hears of simulated time as it passes. An error says what is wrong with what was seen, or why the
/// run shows nothing.
pub fn seed(seed: u64, tell: &mut dyn FnMut(Duration)) -> Result<Outcome> {
    panics::watch();
    let mut random = SmallRng::seed_from_u64(seed);
    let setup = Setup::draw(&mut random);
    let plan = plan::draw(&mut random, &setup);
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
    let counter = Counter::default();
    let (wires, ledger, removals) = (Wires::default(), Ledger::new(counter.clone()), Removals::default());
    let servers = servers(&mut sim, &setup, &wires, &ledger, &mut random);
    let shared = clients(&mut sim, &setup, &wires, &removals, &counter, &mut random);
    let scene = Scene { servers, wires, ledger: ledger.clone(), counter: counter.clone(), removals };
    let mut run = Run { setup, shared, ledger, counter, durable: Durable::new()?, tell };
    let ran = run.drive(&mut sim, scene, plan);
    let simulated = sim.elapsed();
    // What is torn down now may complain: it counts as well.
    drop(sim);
    let panicked = panics::seen();
    ensure!(panicked.is_empty(), "panicked: {panicked:?}");
    let faults = ran?;
    run.judge(faults, simulated)
}

fn servers(
    sim: &mut Sim<'_>,
    setup: &Setup,
    wires: &Wires,
    ledger: &Ledger,
    random: &mut SmallRng,
) -> Vec<Server> {
    let mut servers = Vec::new();
    for host in setup.queue_hosts() {
        servers.push(Server::queue(sim, &host, wires, random.random()));
    }
    for host in [setup.node_hosts(), setup.spare_hosts()].concat() {
        servers.push(Server::node(sim, &host, setup, wires, ledger, random.random()));
    }
    servers
}

/// The clients at work and the judge, spread over the clients' hosts.
fn clients(
    sim: &mut Sim<'_>,
    setup: &Setup,
    wires: &Wires,
    removals: &Removals,
    counter: &Counter,
    random: &mut SmallRng,
) -> Rc<Shared> {
    let shared = Rc::new(Shared::new(CLIENTS, counter.clone()));
    for (at, host) in setup.client_hosts().into_iter().enumerate() {
        let world = world::of_host(&host, &Memory::new(), wires, random.random());
        let own = (at..CLIENTS).step_by(CLIENT_HOSTS);
        let seeds: Vec<(usize, u64)> = own.map(|number| (number, random.random())).collect();
        let (setup, shared, removals) = (setup.clone(), shared.clone(), removals.clone());
        sim.client(host, async move {
            let mut work = tokio::task::JoinSet::new();
            for (number, seed) in seeds {
                let client = client(&world, &setup, number, setup.patience[number])?;
                let random = SmallRng::seed_from_u64(seed);
                work.spawn_local(Worker::new(client, shared.clone(), random, setup.pause_ms).run());
            }
            if at == 0 {
                let admin = removals.clone().run(client(&world, &setup, 0, PATIENCE)?);
                let judge = heal::judge(client(&world, &setup, 0, PATIENCE)?, &setup, &removals, shared);
                tokio::select! {
                    judged = judge => judged?,
                    removed = admin => removed?,
                }
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
    let duplicates = setup.duplicates;
    let config = Config::new(world.clone(), queues);
    Ok(Client::new(Config { trust: Trust::Insecure, patience, duplicates, ..config })?)
}

/// A run under way.
struct Run<'a> {
    setup: Setup,
    shared: Rc<Shared>,
    ledger: Ledger,
    counter: Counter,
    durable: Durable,
    tell: &'a mut dyn FnMut(Duration),
}

impl Run<'_> {
    /// Lets simulated time pass until all clients and the judge have ended. Returns how many faults there were.
    fn drive(&mut self, sim: &mut Sim<'_>, scene: Scene, plan: Plan) -> Result<usize> {
        let planned = plan.iter().map(Vec::len).sum::<usize>();
        let mut nemesis = Nemesis::new(&self.setup, scene, plan);
        // Two queue servers that nobody has told of the cluster would let two be founded.
        let late: Vec<String> = self.setup.queue_hosts().into_iter().skip(1).collect();
        for host in late.iter().chain(&self.setup.spare_hosts()) {
            sim.crash(host.as_str());
        }
        self.step_until(sim, &nemesis, Phase::Working)?;
        for host in late {
            sim.bounce(host);
        }
        if self.setup.duplicates {
            self.counter.happened("every change sent twice");
        }
        let began = sim.elapsed();
        while !nemesis.is_over() {
            nemesis.step(sim, sim.elapsed() - began)?;
            self.shared.broken.set(nemesis.broken());
            self.step(sim, &nemesis)?;
        }
        ensure!(nemesis.begun == planned, "{} of {planned} faults happened", nemesis.begun);
        self.shared.phase.set(Phase::Mended);
        self.step_until(sim, &nemesis, Phase::Over)?;
        Ok(nemesis.begun)
    }

    fn step_until(&mut self, sim: &mut Sim<'_>, nemesis: &Nemesis, phase: Phase) -> Result<()> {
        while self.shared.phase.get() < phase {
            self.step(sim, nemesis)?;
        }
        Ok(())
    }

    /// One step, and what must hold after it.
    fn step(&mut self, sim: &mut Sim<'_>, nemesis: &Nemesis) -> Result<()> {
        self.shared.see_full(nemesis.is_full(), sim.elapsed());
        nemesis.revive(sim);
        sim.step().map_err(|error| anyhow!("a host failed: {error}"))?;
        (self.tell)(sim.elapsed());
        let wrong = [self.shared.wrong.borrow().clone(), self.ledger.wrong(), nemesis.wrong()].concat();
        ensure!(wrong.is_empty(), "after {:?}: {wrong:?}", sim.elapsed());
        let acknowledged = self.shared.acknowledged.take().into_iter().max();
        let (damaged, disks) = (nemesis.damaged(), nemesis.disks());
        self.durable.check(sim.elapsed(), acknowledged, &self.ledger, &damaged, &disks, &self.counter)
    }

    /// Judges the history.
    fn judge(&self, faults: usize, simulated: Duration) -> Result<Outcome> {
        let history = self.shared.history.take();
        check(&history)?;
        let count = |wanted: fn(&Return) -> bool| history.iter().filter(|it| wanted(&it.back)).count();
        let failed = count(|back| *back == Return::Failed);
        let unknown = count(|back| *back == Return::Unknown);
        let answered = history.len() - failed - unknown;
        let despite = self.shared.despite.get();
        // A single node promises nothing while it is down.
        ensure!(despite > 0 || self.setup.nodes == 1, "nothing succeeded while something was broken");
        Ok(Outcome {
            answered,
            failed,
            unknown,
            despite,
            faults,
            simulated,
            coverage: self.counter.coverage(),
        })
    }
}
