//! Processes: killed, paused, stopped, wiped.

use super::{Field, Kind, Undo};
use crate::cluster::Layout;
use crate::lab::Host;

impl Field<'_> {
    pub(super) fn break_processes(&mut self, kind: Kind) -> anyhow::Result<Option<Undo>> {
        let nodes = self.cluster.first_nodes();
        if matches!(kind, Kind::KillQueue | Kind::PauseQueue) {
            return self.break_queue(kind);
        }
        if kind == Kind::KillAll || kind == Kind::KillMajority {
            // While the members change, the dead may be more than a majority of the voters for ever.
            if self.is_changing || nodes.iter().any(|host| self.down.contains(host)) {
                return Ok(None);
            }
            let Some((leader, others)) = self.roles() else { return Ok(None) };
            let mut hosts = [&[leader], &others[..]].concat();
            if kind == Kind::KillMajority {
                hosts.truncate(nodes.len() / 2 + 1);
            }
            return self.kill(hosts).map(Some);
        }
        if !self.can_spare() {
            return Ok(None);
        }
        let Some((leader, others)) = self.roles() else { return Ok(None) };
        let Some(other) = others.first().copied() else { return Ok(None) };
        match kind {
            Kind::KillLeader => self.kill(vec![leader]).map(Some),
            Kind::KillFollower => self.kill(vec![other]).map(Some),
            Kind::Stop => {
                let host = if self.down.is_empty() { leader } else { other };
                self.cluster.node(host)?.stop()?;
                self.down.insert(host);
                Ok(Some(Undo::StartNodes(vec![host])))
            }
            Kind::PauseLeader => self.pause(leader).map(Some),
            Kind::PauseFollower => self.pause(other).map(Some),
            Kind::Wipe => self.wipe(other),
            _ => Ok(None),
        }
    }

    fn break_queue(&mut self, kind: Kind) -> anyhow::Result<Option<Undo>> {
        let queues = self.cluster.queues();
        if self.cluster.layout() != Layout::Apart || queues.iter().any(|host| self.down.contains(host)) {
            return Ok(None);
        }
        let queue = queues[rand::Rng::random_range(&mut self.random, 0..queues.len())];
        let process = self.cluster.queue(queue)?;
        self.down.insert(queue);
        if kind == Kind::KillQueue {
            process.kill()?;
            return Ok(Some(Undo::StartQueue(queue)));
        }
        process.pause()?;
        Ok(Some(Undo::Resume(process)))
    }

    /// All at once: nobody waits for the end of another.
    fn kill(&mut self, hosts: Vec<Host>) -> anyhow::Result<Undo> {
        std::thread::scope(|scope| {
            let cluster = self.cluster;
            let kill = |host: &Host| {
                let host = *host;
                scope.spawn(move || cluster.node(host)?.kill())
            };
            let killing: Vec<_> = hosts.iter().map(kill).collect();
            killing.into_iter().try_for_each(|it| it.join().expect("killing does not panic").map(drop))
        })?;
        self.down.extend(&hosts);
        Ok(Undo::StartNodes(hosts))
    }

    fn pause(&mut self, host: Host) -> anyhow::Result<Undo> {
        let process = self.cluster.node(host)?;
        process.pause()?;
        self.down.insert(host);
        Ok(Undo::Resume(process))
    }

    /// Only while all else is whole: what it held is lost for ever.
    fn wipe(&mut self, host: Host) -> anyhow::Result<Option<Undo>> {
        if !self.is_whole() {
            return Ok(None);
        }
        self.cluster.node(host)?.kill()?;
        self.cluster.empty(host)?;
        (self.is_changing, _) = (true, self.down.insert(host));
        Ok(Some(Undo::StartNodes(vec![host])))
    }
}
