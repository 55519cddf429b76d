//! `gossamer doctor`: what is wrong here or in the cluster, and what to do. Changes nothing but a file of its own, which
//! goes again; waits for nothing longer than a few seconds; needs no cluster.
//!
//! # Layout
//! - [`folder`], [`disk`]: this machine's folder
//! - [`broadcast`]: who is on the LAN; [`seen`]: the cluster, as far as it answers
//! - [`ports`], [`clocks`], [`versions`], [`health`]: what follows from that

mod broadcast;
mod clocks;
mod disk;
mod folder;
mod health;
mod ports;
mod seen;
mod versions;

use std::path::{Path, PathBuf};
use std::time::Duration;

use gossamer_world::World;
use serde::Serialize;

use super::node::absolute;
use crate::args::{Common, Doctor};
use crate::failure::{FAILED, Failure};
use crate::show::colour::{Tone, paint};
use crate::show::width::wrap;
use crate::{place, show};

/// How long a disk may take: one that hangs is a finding, too.
const DISK_WITHIN: Duration = Duration::from_secs(3);
/// Where what was found begins in its line.
const INDENT: usize = 18;

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    /// It works, and somebody should look.
    Warn,
    /// It has to be mended.
    Fail,
}

/// What was found. Fields are only ever added.
#[derive(Debug, Serialize)]
struct Check {
    check: &'static str,
    verdict: Verdict,
    found: String,
    /// What to do.
    next: Option<String>,
}

impl Check {
    fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Check { check, verdict: Verdict::Ok, found: found.into(), next: None }
    }

    fn warn(check: &'static str, found: impl Into<String>, next: impl Into<String>) -> Self {
        Check { check, verdict: Verdict::Warn, found: found.into(), next: Some(next.into()) }
    }

    fn fail(check: &'static str, found: impl Into<String>, next: impl Into<String>) -> Self {
        Check { verdict: Verdict::Fail, ..Check::warn(check, found, next) }
    }

    fn lines(&self) -> Vec<String> {
        let (word, tone) = match self.verdict {
            Verdict::Ok => ("ok", Tone::Good),
            Verdict::Warn => ("warn", Tone::Warning),
            Verdict::Fail => ("FAIL", Tone::Bad),
        };
        let mut lines = wrap(&self.found, INDENT);
        if let Some(first) = lines.first_mut() {
            // Painted after padding: what a terminal does not show has no width.
            *first =
                format!("{}{:<12}{}", paint(&format!("{word:<6}"), tone), self.check, first.trim_start());
        }
        lines.extend(self.next.iter().flat_map(|next| wrap(&format!("-> {next}"), INDENT)));
        lines
    }
}

pub(super) async fn run(common: &Common, args: Doctor) -> Result<(), Failure> {
    let dir = args.dir.map_or_else(place::base, absolute)?;
    let token = seen::token(common, &dir)?;
    let mut findings = Findings { json: common.json, failed: 0 };
    let (here, heard) = tokio::join!(of_folder(&dir), broadcast::listen(common, token.as_ref()));
    findings.tell(here)?;
    findings.tell([heard.check(token.as_ref())])?;
    let seen = seen::look(common, token, heard.queue_servers()).await;
    findings.tell(health::checks(&seen))?;
    if let Ok(seen) = &seen {
        findings.tell([clocks::check(seen), versions::check(&seen.description)])?;
    }
    findings.tell(ports::checks(seen.as_ref().ok()).await)?;
    findings.end()
}

/// What there is to say of the folder and its disk.
async fn of_folder(dir: &Path) -> Vec<Check> {
    let folder: PathBuf = dir.to_owned();
    let look = World::real().blocking.run(move || {
        let mut checks = folder::checks(&folder);
        checks.extend(disk::checks(&folder));
        checks
    });
    tokio::time::timeout(DISK_WITHIN, look).await.unwrap_or_else(|_| {
        let found = format!("{} does not answer within {DISK_WITHIN:?}", dir.display());
        vec![Check::fail("disk", found, "a disk or file server hangs: `dmesg` and `mount` say which")]
    })
}

/// Tells what was found, as it is found.
struct Findings {
    json: bool,
    failed: usize,
}

impl Findings {
    fn tell(&mut self, checks: impl IntoIterator<Item = Check>) -> Result<(), Failure> {
        for check in checks {
            self.failed += usize::from(check.verdict == Verdict::Fail);
            if self.json {
                show::json(&check)?;
            } else {
                check.lines().iter().try_for_each(|line| show::line(line))?;
            }
        }
        Ok(())
    }

    fn end(self) -> Result<(), Failure> {
        match self.failed {
            0 => Ok(()),
            1 => Err(Failure::new(FAILED, "one thing has to be mended")),
            more => Err(Failure::new(FAILED, format!("{more} things have to be mended"))),
        }
    }
}
