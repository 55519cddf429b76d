//! Processes that end.

use std::time::Duration;

use anyhow::{Result, ensure};
use turmoil::Sim;

use super::nemesis::{Current, Nemesis};
use super::{Damage, Part, disks};
use crate::host::{End, MayEnd};

/// A process looks at its disk before it does anything else.
const LOOKS: Duration = Duration::from_secs(1);

impl Nemesis {
    /// Ends the processes on these hosts; all must run.
    pub(super) fn crash(
        &self,
        sim: &mut Sim<'_>,
        hosts: &[String],
        end: End,
        damage: Option<Damage>,
    ) -> Result<()> {
        let leader = self.ledger.leader();
        if leader.is_some_and(|leader| hosts.contains(&leader)) {
            self.counter.happened("leader killed");
        }
        if end != End::Killed && hosts.len() >= self.setup.nodes && hosts[0].starts_with("node") {
            self.counter.happened("fault: power loss of all nodes");
        }
        self.counter.happened(match end {
            End::Killed => "fault: kill",
            End::PowerLost => "fault: power loss",
            End::PowerLostTorn(_) => "fault: power loss, torn",
        });
        for host in hosts {
            self.end(sim, host, end)?;
        }
        if let Some(mut damage) = damage {
            let disk = &self.server(&hosts[0]).disk;
            let mut flipped = disks::flip(disk, damage)?;
            if flipped == 0 {
                // A young node has no snapshot. A log it always has.
                damage.of = Part::Log;
                flipped = disks::flip(disk, damage)?;
            }
            ensure!(flipped > 0, "nothing on the disk of {} could be damaged", hosts[0]);
            self.counter.happened(match damage.of {
                Part::Extents => "fault: flipped bits in an extent",
                Part::Log => "fault: flipped bits in the log",
                Part::Snapshots => "fault: flipped bits in a snapshot",
            });
        }
        Ok(())
    }

    /// Starts the process on a damaged disk. It may refuse, if by what it can still read nobody else votes: then it is
    /// replaced, as an administrator would. Whether it is well.
    pub(super) fn start_damaged(
        &mut self,
        sim: &mut Sim<'_>,
        now: &mut Current,
        host: &str,
        at: Duration,
    ) -> bool {
        let server = self.server(host);
        match (now.started, now.leaving) {
            (None, _) => {
                server.start(sim);
                server.may_end(MayEnd::Damaged);
                now.started = Some(at);
                false
            }
            (Some(started), None) if at < started + LOOKS => false,
            (Some(_), None) if server.is_running(sim) => true,
            (Some(_), None) => {
                // Somebody else's log names who it was.
                now.leaving = self.ledger.ids(host).last().copied();
                self.remove_all(host);
                false
            }
            (Some(_), Some(id)) if self.removals.is_done(id) => {
                server.disk.wipe();
                self.ledger.wiped(host);
                server.start(sim);
                true
            }
            _ => false,
        }
    }

    /// Ends one process.
    pub(super) fn end(&self, sim: &mut Sim<'_>, host: &str, end: End) -> Result<()> {
        let server = self.server(host);
        if end == End::Killed {
            server.end(sim, end);
        } else {
            // Without power nobody says goodbye; and what is on the way is lost.
            let before = server.disk.events().lost_bytes;
            self.unplug(sim, host, true);
            server.end(sim, end);
            self.unplug(sim, host, false);
            if server.disk.events().lost_bytes > before {
                self.counter.happened("un-synced bytes lost with the power");
            }
        }
        self.ledger.down(host);
        ensure!(!server.is_running(sim), "{host} survived its crash");
        Ok(())
    }
}
