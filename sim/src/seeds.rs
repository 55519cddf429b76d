//! Many seeds, each in a process of its own: none can disturb another, and one that hangs is ended.

use std::io::Read;
use std::ops::Range;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use gossamer_sim::coverage::Coverage;
use gossamer_sim::run::Outcome;
use gossamer_world::known_bug::KnownBug;

/// No seed takes longer; one that does has failed.
const LONGEST: Duration = Duration::from_secs(300);
/// From this many seeds on, everything that can happen must have happened.
const ENOUGH: u64 = 100;

/// Runs the seeds and prints what they did together.
pub(crate) fn run(seeds: Range<u64>, jobs: Option<usize>) -> Result<ExitCode> {
    let (next, sum) = (AtomicU64::new(seeds.start), Mutex::new(Sum::default()));
    let jobs = jobs.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from));
    let began = Instant::now();
    thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let ended = one(seed, None);
                    sum.lock().expect("nothing panics while holding it").add(seed, ended);
                }
            });
        }
    });
    let sum = sum.into_inner().expect("nothing panics while holding it");
    sum.print(began.elapsed());
    let enough = seeds.end - seeds.start >= ENOUGH;
    let missing = if enough { sum.coverage.missing() } else { Vec::new() };
    for what in &missing {
        eprintln!("never happened: {what}");
    }
    let well = sum.failures.is_empty() && missing.is_empty();
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs one seed in a process of its own. An error is what it said.
pub(crate) fn one(seed: u64, bug: Option<KnownBug>) -> Result<Outcome> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["seed", &seed.to_string(), "--json"]).env_remove("RUST_LOG").env("RUST_BACKTRACE", "0");
    // Large buffers come and go: giving each back to the kernel would take a third of the time.
    command.env("MALLOC_MMAP_THRESHOLD_", "1000000000").env("MALLOC_TRIM_THRESHOLD_", "1000000000");
    if let Some(bug) = bug {
        command.args(["--bug", &format!("{bug:?}")]);
    }
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (stdout, stderr) = finish(child)?;
    serde_json::from_str(&stdout).map_err(|_| anyhow::anyhow!("{}", stderr.trim()))
}

/// What a process said until it ended; one that takes too long is killed.
fn finish(mut child: Child) -> Result<(String, String)> {
    let (mut out, mut err) = (child.stdout.take(), child.stderr.take());
    let reading = thread::spawn(move || {
        let mut text = String::new();
        err.as_mut().map(|err| err.read_to_string(&mut text));
        text
    });
    let printing = thread::spawn(move || {
        let mut text = String::new();
        out.as_mut().map(|out| out.read_to_string(&mut text));
        text
    });
    let until = Instant::now() + LONGEST;
    while child.try_wait()?.is_none() {
        if Instant::now() > until {
            child.kill()?;
            child.wait()?;
            anyhow::bail!("did not end within {LONGEST:?}");
        }
        thread::sleep(Duration::from_millis(5));
    }
    let stderr = reading.join().ok().context("what it said cannot be read")?;
    let stdout = printing.join().ok().context("what it printed cannot be read")?;
    Ok((stdout, stderr))
}

/// All runs together.
#[derive(Default)]
struct Sum {
    passed: u64,
    answered: usize,
    failed: usize,
    unknown: usize,
    despite: usize,
    faults: usize,
    simulated: Duration,
    coverage: Coverage,
    failures: Vec<u64>,
}

impl Sum {
    fn add(&mut self, seed: u64, ended: Result<Outcome>) {
        match ended {
            Ok(outcome) => {
                self.passed += 1;
                self.answered += outcome.answered;
                self.failed += outcome.failed;
                self.unknown += outcome.unknown;
                self.despite += outcome.despite;
                self.faults += outcome.faults;
                self.simulated += outcome.simulated;
                self.coverage.add(&outcome.coverage);
            }
            Err(error) => {
                eprintln!("seed {seed} FAILED: {error:#}");
                self.failures.push(seed);
            }
        }
    }

    fn print(&self, took: Duration) {
        println!("seeds            {} passed, {} failed", self.passed, self.failures.len());
        println!(
            "simulated        {:.2} hours in {:.0} s",
            self.simulated.as_secs_f64() / 3600.0,
            took.as_secs_f64()
        );
        println!("answered         {} ({} of them while something was broken)", self.answered, self.despite);
        println!("failed           {}", self.failed);
        println!("unknown          {}", self.unknown);
        println!("faults           {}", self.faults);
        for (what, count) in &self.coverage.0 {
            println!("  {count:>8}  {what}");
        }
        for seed in &self.failures {
            println!("again: RUST_LOG=info,turmoil=warn gossamer-sim seed {seed}");
        }
    }
}
