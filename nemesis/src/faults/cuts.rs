//! Cables: cut between some hosts, in both directions or one; and what happens to packets on them.

use std::time::Duration;

use rand::Rng;

use super::{Field, Kind, Undo};
use crate::lab::{Cables, Host, Weather};

impl Field<'_> {
    /// One cut at a time: whatever else is broken beside it.
    pub(super) fn cut(&mut self, kind: Kind) -> anyhow::Result<Option<Undo>> {
        if self.is_cut {
            return Ok(None);
        }
        let Some((leader, others)) = self.roles() else { return Ok(None) };
        let nodes = self.cluster.first_nodes();
        // Whoever is down has a side too.
        let mut rest = others.clone();
        rest.extend(nodes.iter().filter(|host| **host != leader && !others.contains(host)));
        let (Some(other), minority) = (others.first().copied(), (nodes.len() - 1) / 2) else {
            return Ok(None);
        };
        let without =
            |host: Host| -> Vec<Host> { nodes.iter().copied().filter(|node| *node != host).collect() };
        let pairs = match kind {
            Kind::IsolateLeader => Cables::between(&[leader], &rest),
            Kind::IsolateFollower => Cables::between(&[other], &without(other)),
            Kind::Mute => rest.iter().map(|hearer| (*hearer, leader)).collect(),
            Kind::Deaf => rest.iter().map(|sender| (leader, *sender)).collect(),
            Kind::MinorityWithLeader => halves(leader, &rest, minority),
            Kind::MajorityWithLeader => halves(leader, &rest, minority + 1),
            Kind::Partial => Cables::between(&[leader], &[other]),
            Kind::Ring => ring(&nodes),
            _ => return Ok(None),
        };
        self.cables.cut(&self.cluster.lab, &pairs)?;
        self.is_cut = true;
        Ok(Some(Undo::Mend(pairs)))
    }

    /// All nodes' packets, each of its own chance.
    pub(super) fn storm(&mut self) -> anyhow::Result<Option<Undo>> {
        if self.is_stormy {
            return Ok(None);
        }
        let mut ms = |most| Duration::from_millis(self.random.random_range(1..most));
        let (delay, jitter) = (ms(20), ms(20));
        let weather = Weather { delay, jitter, loss: self.random.random_range(0.0..0.05), twice: 0.05 };
        let nodes = self.cluster.first_nodes();
        for host in &nodes {
            self.cables.begin_weather(&self.cluster.lab, *host, weather, self.random.random())?;
        }
        self.is_stormy = true;
        Ok(Some(Undo::Clear(nodes)))
    }
}

/// The leader and the first of the rest on one side, `size` in all.
fn halves(leader: Host, rest: &[Host], size: usize) -> Vec<(Host, Host)> {
    let (with, without) = rest.split_at(size.saturating_sub(1).min(rest.len()));
    Cables::between(&[&[leader], with].concat(), without)
}

/// Each hears its neighbours in a circle, two on each side, as far as there are more.
fn ring(nodes: &[Host]) -> Vec<(Host, Host)> {
    let count = nodes.len();
    let near = count / 4;
    let distance = |a: usize, b: usize| a.abs_diff(b).min(count - a.abs_diff(b));
    let pairs = (0..count).flat_map(|a| (0..count).map(move |b| (a, b)));
    pairs.filter(|(a, b)| distance(*a, *b) > near).map(|(a, b)| (nodes[a], nodes[b])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In a ring of five each hears two others, with itself a majority, and no two hear the same.
    #[test]
    fn a_ring_of_majorities() {
        let nodes: Vec<Host> = (1..=5).map(Host).collect();
        let cut = ring(&nodes);
        let heard = |hearer: Host| -> Vec<Host> {
            nodes.iter().copied().filter(|sender| !cut.contains(&(hearer, *sender))).collect()
        };
        let all: std::collections::BTreeSet<Vec<Host>> = nodes.iter().map(|host| heard(*host)).collect();
        assert_eq!(all.len(), 5);
        assert!(all.iter().all(|heard| heard.len() == 3), "{all:?}");
    }

    /// The sides are of the sizes that their names say.
    #[test]
    fn sides() {
        let rest = [Host(2), Host(3), Host(4), Host(5)];
        assert_eq!(halves(Host(1), &rest, 2).len(), 2 * 2 * 3);
        assert_eq!(halves(Host(1), &rest, 3).len(), 2 * 3 * 2);
        assert_eq!(halves(Host(1), &rest, 1), Cables::between(&[Host(1)], &rest));
    }
}
