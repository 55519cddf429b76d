//! Who votes: settings, nodes that are removed, voters that are replaced.

mod generations;
mod remove;
mod settings;

use crate::cluster::{Cluster, Who};

impl Cluster {
    /// The ids of the voters as the leader knows them, sorted; none during a change of them, and while nobody leads.
    fn voters(&self) -> Option<Vec<u64>> {
        let status = self.run(&["status", "--json"]).json().pop()?;
        status["leader"].as_u64()?;
        let ids: Vec<u64> = status["voter_ids"].as_array()?.iter().filter_map(|id| id.as_u64()).collect();
        (ids.len() % 2 == 1).then_some(ids)
    }

    /// Waits until this many vote; which.
    #[track_caller]
    fn wait_voters_count(&self, count: usize) -> Vec<u64> {
        self.wait(&format!("{count} voters"), || self.voters().filter(|voters| voters.len() == count))
    }

    /// Waits until exactly these nodes vote, by position.
    #[track_caller]
    fn wait_voters_are(&self, positions: &[usize]) {
        let mut expected: Vec<u64> = positions.iter().map(|position| self.id(*position)).collect();
        expected.sort_unstable();
        self.wait(&format!("{expected:?} to be the voters"), || (self.voters()? == expected).then_some(()));
    }

    /// Ends a node that was removed: it may have noticed by itself already.
    fn kill_removed(&mut self, who: Who) {
        self.kill(who);
    }

    /// The ids of all members that `status` knows.
    fn members(&self) -> Vec<u64> {
        let status = self.run(&["status", "--json"]).json().pop().unwrap();
        let ids =
            ["voter_ids", "replica_ids"].into_iter().flat_map(|key| status[key].as_array().unwrap().clone());
        ids.filter_map(|id| id.as_u64()).collect()
    }
}
