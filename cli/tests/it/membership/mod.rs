//! Who votes: settings, nodes that are removed, voters that are replaced.

mod generations;
mod remove;
mod settings;

use crate::cluster::{Cluster, Who};

impl Cluster {
    /// The ids of the voters, sorted; of both sets in a joint change. None while nobody leads.
    fn voters(&self) -> Option<Vec<u64>> {
        let status = self.run(&["status", "--json"]).json().pop()?;
        status["leader"].as_u64()?;
        let ids = status["voter_ids"].as_array()?.iter().filter_map(|id| id.as_u64());
        Some(ids.collect())
    }

    /// Waits until this many vote.
    #[track_caller]
    fn wait_voters_count(&self, count: usize) {
        self.wait(&format!("{count} voters"), || (self.voters()?.len() == count).then_some(()));
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
