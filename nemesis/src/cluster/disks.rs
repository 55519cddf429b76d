//! The machines' data folders, each on a disk of its own, and their power.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, ensure};
use rand::Rng;
use rand::rngs::SmallRng;
use tokio::time::Instant;

use super::{Cluster, Layout};
use crate::disk::{Disk, Loss};
use crate::lab::{Host, Process};

/// Machines whose power fails at once have lost it within this.
const AT_ONCE: Duration = Duration::from_millis(50);

/// Whether a file is the catalogue's, which is built anew from all others where it is wanting. sled goes on after a failed
/// sync of its own, so its node need not end.
pub fn is_rebuilt(file: &Path) -> bool {
    file.components().any(|name| name.as_os_str() == "catalogue")
}

impl Cluster {
    /// Before anything runs: a process sees what was mounted when it was started.
    pub(super) fn mount_disks(&mut self) -> anyhow::Result<()> {
        if !self.plan.disks {
            return Ok(());
        }
        for host in self.machines() {
            let folder = self.lab.path(host).join("data");
            let disk = Disk::mount(&folder).with_context(|| format!("a disk for {host}"))?;
            self.disks.insert(host, disk);
        }
        Ok(())
    }

    /// The disk of a machine, if it has one of its own.
    pub fn disk(&self, host: Host) -> Option<&Disk> {
        self.disks.get(&host)
    }

    /// All hosts with a folder: of nodes, and of queue servers that are apart.
    fn machines(&self) -> Vec<Host> {
        let mut hosts = self.nodes();
        if self.plan.layout == Layout::Apart {
            hosts.extend(self.queues());
        }
        hosts
    }

    /// The machines that lose their power when all do: those of [`Cluster::first_nodes`] and of queue servers apart.
    pub fn powered(&self) -> Vec<Host> {
        let first = self.first_nodes();
        let spare = |host: &Host| self.nodes().contains(host) && !first.contains(host);
        self.machines().into_iter().filter(|host| !spare(host)).collect()
    }

    fn program_of(&self, host: Host) -> anyhow::Result<Process> {
        if self.nodes().contains(&host) { self.node(host) } else { self.queue(host) }
    }

    /// Whether the program of a machine runs: its node, or its queue server.
    pub fn runs(&self, host: Host) -> bool {
        self.program_of(host).is_ok_and(|program| program.lives())
    }

    /// The power of these machines fails, one a few milliseconds after the other; some run for a moment without a disk.
    /// What they have not synced is lost, or torn.
    pub fn lose_power(&self, hosts: &[Host], random: &mut SmallRng) -> anyhow::Result<()> {
        let mut failing = Vec::new();
        for host in hosts {
            let disk = self.disk(*host).with_context(|| format!("{host} has no disk"))?;
            let loss = if random.random() { Loss::All } else { Loss::Torn(random.random()) };
            let (after, runs_on) = (AT_ONCE.mul_f64(random.random_range(0.0..0.5)), random.random());
            failing.push((disk, self.program_of(*host)?, loss, after, runs_on));
        }
        let begun = Instant::now();
        let failed: anyhow::Result<Vec<Duration>> = std::thread::scope(|scope| {
            let fail = |(disk, program, loss, after, runs_on): (&'_ Disk, Process, Loss, Duration, bool)| {
                sleep(after);
                let failed = begun.elapsed();
                if !runs_on {
                    program.begin_kill()?;
                }
                disk.lose_power(loss);
                program.begin_kill()?;
                program.ended()?;
                Ok(failed)
            };
            let threads: Vec<_> = failing.into_iter().map(|one| scope.spawn(move || fail(one))).collect();
            threads.into_iter().map(|it| it.join().expect("a power loss does not panic")).collect()
        });
        let last = failed?.into_iter().max().unwrap_or_default();
        if last > AT_ONCE {
            eprintln!("the power of {hosts:?} took {last:?} to fail: this machine is busy");
        }
        Ok(())
    }

    /// Their power is back: a boot like every other, on what is left.
    pub fn power_on(&self, hosts: &[Host]) -> anyhow::Result<()> {
        for host in hosts {
            let disk = self.disk(*host).with_context(|| format!("{host} has no disk"))?;
            ensure!(disk.power_on(), "the power of {host} had not failed");
        }
        let names: Vec<String> = hosts.iter().map(Host::to_string).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        self.lab.call(&[&["power-cycle"], &names[..]].concat())?;
        for host in hosts {
            if self.nodes().contains(host) { self.start_node(*host)? } else { self.start_queue(*host)? }
        }
        Ok(())
    }

    /// Empties the folder of a host's node, which does not run: for ever, also if the power fails next.
    pub fn empty(&self, host: Host) -> anyhow::Result<()> {
        if let Some(disk) = self.disk(host) {
            disk.wipe();
            return Ok(());
        }
        let folder = self.node_folder(host);
        fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
        Ok(fs::create_dir(&folder)?)
    }

    /// Bytes that were not synced when the power failed, and are lost: of all machines together.
    pub fn lost_bytes(&self) -> u64 {
        self.disks.values().map(|disk| disk.events().lost_bytes).sum()
    }
}
