//! Messages that do not arrive, or late; connections that break.

use turmoil::Sim;

use super::Fault;
use super::nemesis::Nemesis;

/// Two hosts.
type Link = (String, String);

impl Nemesis {
    /// Cuts. Not all have an effect: whether connections broke.
    pub(super) fn cut(&self, sim: &Sim<'_>, fault: &Fault) -> bool {
        match fault {
            Fault::OneWay(a, b) => sim.partition_oneway(a.as_str(), b.as_str()),
            Fault::Freeze(_) => self.links(fault).iter().for_each(|(a, b)| sim.hold(a.as_str(), b.as_str())),
            Fault::Slow(a, b, longest) => {
                sim.set_link_max_message_latency(a.as_str(), b.as_str(), *longest);
            }
            Fault::Break(number) => return self.wires.cut(*number),
            _ => self.links(fault).iter().for_each(|(a, b)| sim.partition(a.as_str(), b.as_str())),
        }
        true
    }

    /// Undoes it.
    pub(super) fn rejoin(&self, sim: &Sim<'_>, fault: &Fault) {
        match fault {
            Fault::OneWay(a, b) => sim.repair(a.as_str(), b.as_str()),
            Fault::Freeze(_) => {
                self.links(fault).iter().for_each(|(a, b)| sim.release(a.as_str(), b.as_str()))
            }
            Fault::Slow(a, b, _) => {
                sim.set_link_max_message_latency(a.as_str(), b.as_str(), self.setup.latency);
            }
            _ => self.links(fault).iter().for_each(|(a, b)| sim.repair(a.as_str(), b.as_str())),
        }
    }

    /// The links that a fault cuts.
    fn links(&self, fault: &Fault) -> Vec<Link> {
        let all = self.setup.hosts();
        let pairs = |cut: &dyn Fn(&String, &String) -> bool| {
            let mut links = Vec::new();
            for (at, a) in all.iter().enumerate() {
                let others = all[at + 1..].iter().filter(|b| cut(a, b));
                links.extend(others.map(|b| (a.clone(), b.clone())));
            }
            links
        };
        match fault {
            Fault::Partition(a, b) => vec![(a.clone(), b.clone())],
            Fault::Isolate(host) | Fault::Freeze(host) => pairs(&|a, b| (a == host) != (b == host)),
            Fault::Halves(half) => pairs(&|a, b| half.contains(a) != half.contains(b)),
            Fault::Ring(ring) => pairs(&|a, b| {
                let place = |host| ring.iter().position(|other| other == host);
                match (place(a), place(b)) {
                    (Some(a), Some(b)) => !matches!(a.abs_diff(b), 1) && a.abs_diff(b) != ring.len() - 1,
                    _ => false,
                }
            }),
            _ => Vec::new(),
        }
    }

    /// Cuts a host off, or lets it back; what else is cut stays so.
    pub(super) fn unplug(&self, sim: &Sim<'_>, host: &str, cut: bool) {
        for (a, b) in self.links(&Fault::Isolate(host.to_owned())) {
            if cut {
                sim.partition(a.as_str(), b.as_str());
            } else {
                sim.repair(a.as_str(), b.as_str());
            }
        }
        if !cut && let Some(fault) = self.network_fault() {
            self.cut(sim, &fault);
        }
    }

    /// What a cut means for whoever leads: is it with a majority of the nodes, or not?
    pub(super) fn note_leader(&self, fault: &Fault) {
        let Some(leader) = self.ledger.leader() else { return };
        let links = self.links(fault);
        if links.is_empty() || matches!(fault, Fault::Freeze(_)) {
            return;
        }
        let cut_from = |host: &String| {
            links.iter().any(|(a, b)| (*a == leader && b == host) || (*b == leader && a == host))
        };
        let nodes = self.setup.node_hosts();
        let unreachable = nodes.iter().filter(|host| cut_from(host)).count();
        if unreachable * 2 > nodes.len() {
            self.counter.happened("leader in the minority");
        } else if unreachable > 0 {
            self.counter.happened("leader in the majority");
        }
    }
}
