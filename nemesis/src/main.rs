//! `gossamer-nemesis`: breaks real processes of a cluster on a LAN of network namespaces, and judges what its clients saw.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use gossamer_nemesis::cluster::{Cluster, Layout, Plan};
use gossamer_nemesis::disk::Disk;
use gossamer_nemesis::failover::{self, Fault, table};
use gossamer_nemesis::lab::Lab;
use gossamer_nemesis::run::{self, Settings};

#[derive(Parser)]
#[command(
    name = "gossamer-nemesis",
    about = "Breaks real processes of a cluster, and judges what its clients saw"
)]
struct Arguments {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    action: Action,
}

/// Where, and with what.
#[derive(Args)]
struct Place {
    /// The program under test
    #[arg(long, env = "GOSSAMER", default_value = "target/release/gossamer", global = true)]
    program: PathBuf,
    /// Name of the lab
    #[arg(long, default_value = "nem", global = true)]
    lab: String,
    /// The first three numbers of its addresses
    #[arg(long, default_value = "10.77.0", global = true)]
    net: String,
    /// Where the hosts' folders are; default: a temporary folder
    #[arg(long, global = true)]
    folder: Option<PathBuf>,
    /// What decides
    #[arg(long, default_value_t = 1, global = true)]
    seed: u64,
}

#[derive(Subcommand)]
enum Action {
    /// How long writes and reads stand still when the leader, another node or a queue server dies
    Failover(Failover),
    /// Faults of all kinds, drawn from the seed, with clients at work
    Run(Run),
}

#[derive(Args)]
struct Run {
    /// What runs where
    #[arg(long, value_enum, default_value = "machines")]
    layout: Layout,
    /// How many nodes
    #[arg(long, default_value_t = 5)]
    nodes: u8,
    /// How long things break
    #[arg(long, default_value_t = 120)]
    seconds: u64,
    /// Fails unless everything was seen that a long run must have seen
    #[arg(long)]
    complete: bool,
}

#[derive(Args)]
struct Failover {
    /// What runs where
    #[arg(long, value_enum, default_value = "apart")]
    layout: Layout,
    /// Times the leader is killed
    #[arg(long, default_value_t = 10)]
    kills: usize,
    /// Times the leader is paused
    #[arg(long, default_value_t = 10)]
    pauses: usize,
    /// Times the leader is cut off one way, in each direction
    #[arg(long, default_value_t = 10)]
    cuts: usize,
    /// Times a follower is killed, and a queue server
    #[arg(long, default_value_t = 10)]
    others: usize,
    /// Writes the costs here, as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(wanting) = Lab::wanting() {
        eprintln!("gossamer-nemesis: {wanting}");
        return ExitCode::from(2);
    }
    let ended = match &arguments.action {
        Action::Failover(failover) => measure(&arguments.place, failover),
        Action::Run(run) => break_things(&arguments.place, run),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gossamer-nemesis: {error:#}");
            ExitCode::FAILURE
        }
    }
}

impl Place {
    fn plan(&self, layout: Layout, nodes: u8, folder: PathBuf) -> Plan {
        let (lab, net, program) = (self.lab.clone(), self.net.clone(), self.program.clone());
        let (spare, options, disks, clocks) = (0, Vec::new(), false, false);
        Plan { lab, net, program, folder, layout, nodes, spare, options, disks, clocks }
    }

    /// Where the logs of a run stay.
    fn logs(&self, what: &str) -> PathBuf {
        std::env::temp_dir().join(format!("gossamer-nemesis-{what}-{}", self.seed))
    }
}

fn break_things(place: &Place, what: &Run) -> anyhow::Result<()> {
    let temporary = tempfile::Builder::new().prefix("gossamer-nemesis-").tempdir()?;
    let folder = place.folder.clone().unwrap_or_else(|| temporary.path().to_owned());
    let plan = place.plan(what.layout, what.nodes, folder);
    let wanting = [Disk::possible().err(), Cluster::clocks_want()];
    for wanting in wanting.iter().flatten() {
        anyhow::ensure!(!what.complete, "{wanting}: without it the run cannot be complete");
        eprintln!("gossamer-nemesis: {wanting}: SKIPPED what is broken with that");
    }
    let [disks, clocks] = wanting.map(|wanting| wanting.is_none());
    let cluster = Cluster::found(Plan { spare: 1, options: run::options(), disks, clocks, ..plan })?;
    let lasts = Duration::from_secs(what.seconds);
    let ended = run::run(&cluster, Settings { seed: place.seed, lasts, complete: what.complete, first: &[] });
    let logs = place.logs("run");
    cluster.keep_logs(&logs)?;
    let summary = ended.with_context(|| format!("seed {}; logs: {}", place.seed, logs.display()))?;
    println!("{summary}");
    Ok(())
}

fn measure(place: &Place, what: &Failover) -> anyhow::Result<()> {
    let temporary = tempfile::Builder::new().prefix("gossamer-nemesis-").tempdir()?;
    let folder = place.folder.clone().unwrap_or_else(|| temporary.path().to_owned());
    let cluster = Cluster::found(place.plan(what.layout, 3, folder))?;
    let apart = what.layout == Layout::Apart;
    let plan = [
        (Fault::LeaderKilled, what.kills),
        (Fault::LeaderPaused, what.pauses),
        (Fault::LeaderMute, what.cuts),
        (Fault::LeaderDeaf, what.cuts),
        (Fault::FollowerKilled, what.others),
        (Fault::QueueKilled, if apart { what.others } else { 0 }),
    ];
    let measured = failover::measure(&cluster, &plan, place.seed);
    let logs = place.logs("failover");
    cluster.keep_logs(&logs)?;
    let measured = measured.with_context(|| format!("logs: {}", logs.display()))?;
    println!("{}", table::HEAD);
    table::rows(&measured.costs).iter().for_each(|row| println!("{row}"));
    if !measured.set_aside.is_empty() {
        println!("set aside, because the measuring process stood still meanwhile; nothing failed in them:");
        measured
            .set_aside
            .iter()
            .for_each(|cost| println!("{cost}; stood still for {:.0} ms", cost.stalled_ms));
    }
    if let Some(file) = &what.json {
        std::fs::write(file, serde_json::to_vec_pretty(&measured)?)?;
    }
    failover::judge(&measured.costs)
}
