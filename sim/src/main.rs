//! `gossamer-sim`: runs seeds.

mod bugs;
mod kernel;
mod log;
mod seeds;

use std::ops::Range;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand};
use gossamer_sim::run;
use gossamer_world::known_bug::{self, KnownBug};

/// Gossamer's services under simulated faults. A seed decides what clients do, what breaks and when; the same seed gives the
/// same run.
#[derive(Parser)]
#[command(name = "gossamer-sim", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// One seed, in this process; RUST_LOG decides how much it says of what happens
    Seed {
        /// Which
        seed: u64,
        /// Print a hash of all that happened, at the end
        #[arg(long)]
        trace: bool,
        /// Put this bug back: a name that `bugs` prints
        #[arg(long, value_parser = bug)]
        bug: Option<KnownBug>,
        /// Print what was done as JSON
        #[arg(long)]
        json: bool,
    },
    /// Many seeds, each in a process of its own, and what happened in all of them
    Seeds {
        /// From and to, the last one not included, as in 0..200
        #[arg(value_parser = range)]
        seeds: Range<u64>,
        /// Processes at a time [default: one for each core]
        #[arg(long)]
        jobs: Option<usize>,
    },
    /// Puts each known bug back and looks for a seed that finds it
    Bugs {
        /// Only this one
        #[arg(value_parser = bug)]
        bug: Option<KnownBug>,
        /// Seeds to try, as in 0..50
        #[arg(long, default_value = "0..200", value_parser = range)]
        seeds: Range<u64>,
    },
}

fn range(text: &str) -> Result<Range<u64>> {
    let (from, to) = text.split_once("..").context("not a range, as in 0..200")?;
    let range = from.parse()?..to.parse()?;
    if range.is_empty() {
        bail!("no seed is in {text}");
    }
    Ok(range)
}

fn bug(name: &str) -> Result<KnownBug> {
    let found = KnownBug::ALL.into_iter().find(|bug| format!("{bug:?}") == name);
    found.with_context(|| format!("there are {:?}", KnownBug::ALL))
}

fn main() -> Result<ExitCode> {
    match Arguments::parse().command {
        Command::Seed { seed, trace, bug, json } => one(seed, trace, bug, json),
        Command::Seeds { seeds, jobs } => seeds::run(seeds, jobs),
        Command::Bugs { bug, seeds } => bugs::run(bug, seeds),
    }
}

/// Runs one seed on a thread of its own, which draws its first random number when the seed already answers.
fn one(seed: u64, trace: bool, bug: Option<KnownBug>, json: bool) -> Result<ExitCode> {
    if let Some(bug) = bug {
        known_bug::bring_back(bug);
    }
    kernel::bend(seed);
    let hash = log::start(trace);
    let running = std::thread::spawn(move || run::seed(seed, &mut kernel::set_elapsed));
    let ran = running.join().map_err(|_| anyhow::anyhow!("the run itself panicked"))?;
    if let Some(hash) = hash {
        println!("{}", hash.finish());
    }
    match ran {
        Ok(outcome) if json => println!("{}", serde_json::to_string(&outcome)?),
        Ok(outcome) => println!("seed {seed}: {outcome:#?}"),
        Err(error) => {
            eprintln!("seed {seed}: {error:#}");
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}
