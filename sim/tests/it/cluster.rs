//! The real services under faults: every history is linearizable, and all is well when nothing is broken any more.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use gossamer_sim::run;

const SEEDS: std::ops::Range<u64> = 1..21;

/// Twenty seeds, or the one in GOSSAMER_SEED, which also says what happens (RUST_LOG decides how much of it):
///
/// ```text
/// GOSSAMER_SEED=7 cargo test --release -p gossamer-sim cluster -- --nocapture
/// ```
#[test]
fn seeds_pass() {
    let seeds = match std::env::var("GOSSAMER_SEED") {
        Ok(seed) => {
            log();
            let seed = seed.parse().expect("GOSSAMER_SEED is a number");
            seed..seed + 1
        }
        Err(_) => SEEDS,
    };
    let (next, failures) = (AtomicU64::new(seeds.start), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return;
            }
            match std::panic::catch_unwind(|| run::seed(seed)) {
                Ok(Ok(outcome)) => println!("seed {seed}: {outcome:?}"),
                Ok(Err(error)) => failures.lock().unwrap().push(format!("seed {seed}: {error:#}")),
                Err(_) => failures.lock().unwrap().push(format!("seed {seed}: panicked")),
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{}\nRun one alone with GOSSAMER_SEED=n.", failures.join("\n"));
}

fn log() {
    let filter = std::env::var("RUST_LOG").unwrap_or_else(|_| "info,turmoil=warn".to_owned());
    tracing_subscriber::fmt().with_env_filter(filter).with_timer(Simulated).with_ansi(false).init();
}

/// Simulated seconds since the start, where there are any.
struct Simulated;

impl tracing_subscriber::fmt::time::FormatTime for Simulated {
    fn format_time(&self, out: &mut tracing_subscriber::fmt::format::Writer<'_>) -> std::fmt::Result {
        match turmoil::sim_elapsed() {
            Some(elapsed) => write!(out, "{:.3}", elapsed.as_secs_f64()),
            None => write!(out, "-"),
        }
    }
}
