//! What was done, in one line.

use std::cell::Cell;

use serde::Serialize;
use tokio::time::Instant;

use super::compare::Plan;
use super::{Entry, Options, Pair};
use crate::args::Common;
use crate::failure::Failure;
use crate::many::Failures;
use crate::show::{self, size};

/// Counts while files are copied side by side.
pub(crate) struct Tally {
    began: Instant,
    pub(crate) files: Count,
    pub(crate) bytes: Count,
    /// Of the bytes, those that the target had already.
    pub(crate) resumed_bytes: Count,
    pub(crate) deleted: Count,
}

/// A number that grows.
#[derive(Default)]
pub(crate) struct Count(Cell<u64>);

impl Count {
    /// Adds to it.
    pub(crate) fn add(&self, more: u64) {
        self.0.set(self.0.get() + more);
    }
}

/// What `--dry-run` says of one file in JSON. Fields are only ever added.
#[derive(Serialize)]
struct Would<'a> {
    /// `put`, `get` or `delete`.
    would: &'a str,
    name: &'a str,
}

/// In JSON. Fields are only ever added.
#[derive(Serialize)]
struct Outcome {
    /// `stored` or `fetched`.
    verb: &'static str,
    dry_run: bool,
    files: u64,
    bytes: u64,
    resumed_bytes: u64,
    deleted: u64,
    unchanged: u64,
    failed: usize,
    seconds: f64,
}

impl Tally {
    /// Time counts from now.
    pub(crate) fn begin() -> Self {
        Tally {
            began: Instant::now(),
            files: Count::default(),
            bytes: Count::default(),
            resumed_bytes: Count::default(),
            deleted: Count::default(),
        }
    }

    /// Counts what plans would do, and prints it: `verb` of files that would be copied, at the place that `target` says.
    pub(crate) fn would(
        &self,
        common: &Common,
        plans: &[(Pair, Plan)],
        verb: &str,
        target: impl Fn(&Pair, &Entry) -> String,
    ) -> Result<(), Failure> {
        for (pair, plan) in plans {
            let deleted = plan.clear.iter().chain(&plan.delete);
            for entry in deleted.filter(|entry| !entry.is_folder() && entry.is_deletable()) {
                self.deleted.add(1);
                say(common, "delete", &target(pair, entry))?;
            }
            for entry in plan.files.iter().chain(&plan.blocked) {
                self.files.add(1);
                self.bytes.add(entry.size);
                say(common, verb, &target(pair, entry))?;
            }
        }
        Ok(())
    }

    /// Says what was done, or with `--dry-run` would be; fails if something failed. `verb`: `stored` or `fetched`.
    pub(crate) fn end<'a>(
        &self,
        common: &Common,
        options: &Options,
        verb: &'static str,
        plans: impl Iterator<Item = &'a Plan>,
        failures: Failures,
    ) -> Result<(), Failure> {
        let unchanged = plans.map(|plan| plan.unchanged).sum();
        let outcome = Outcome {
            verb,
            dry_run: options.dry_run,
            files: self.files.0.get(),
            bytes: self.bytes.0.get(),
            resumed_bytes: self.resumed_bytes.0.get(),
            deleted: self.deleted.0.get(),
            unchanged,
            failed: failures.count(),
            seconds: self.began.elapsed().as_secs_f64(),
        };
        if common.json {
            show::json(&outcome)?;
        } else if failures.count() == 0 && !common.quiet {
            eprintln!("gossamer: {}", outcome.line());
        }
        failures.end(&outcome.line())
    }
}

fn say(common: &Common, verb: &str, name: &str) -> Result<(), Failure> {
    if common.json { show::json(&Would { would: verb, name }) } else { show::line(&format!("{verb} {name}")) }
}

impl Outcome {
    fn line(&self) -> String {
        let would = |done: &str| if self.dry_run { format!("would have {done}") } else { done.to_owned() };
        let mut line =
            format!("{} {}, {}", would(self.verb), size::files(self.files), size::bytes(self.bytes));
        if self.resumed_bytes > 0 {
            line += &format!(" ({} of it was there already)", size::bytes(self.resumed_bytes));
        }
        if self.deleted > 0 {
            line += &format!("; {} {}", would("deleted"), size::count(self.deleted));
        }
        if self.unchanged > 0 {
            line += &format!("; {} unchanged", size::count(self.unchanged));
        }
        if !self.dry_run {
            line += &format!("; {:.1} s", self.seconds);
        }
        line
    }
}
