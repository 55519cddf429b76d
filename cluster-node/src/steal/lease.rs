//! The leases of one stream: what this node is working on.

use std::collections::BTreeMap;
use std::time::Duration;

use gossamer_proto::v1::Queue;
use tokio::time::Instant;

/// A lease that was not yet answered.
struct Held {
    queue: Queue,
    since: Instant,
    revoked: bool,
}

/// An answered lease.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) queue: Queue,
    pub(super) took: Duration,
}

/// All leases that were not yet answered. A revoked one stays until its worker is done with it: it still costs work.
#[derive(Default)]
pub(super) struct Leases {
    held: BTreeMap<u64, Held>,
    /// How many of `held` are of which queue, by its number.
    unfinished: [u32; 3],
}

impl Leases {
    /// Notes a new lease. False if it is there already.
    pub(super) fn begin(&mut self, lease: u64, queue: Queue) -> bool {
        if self.held.contains_key(&lease) {
            return false;
        }
        self.unfinished[queue as usize] += 1;
        self.held.insert(lease, Held { queue, since: Instant::now(), revoked: false });
        true
    }

    /// Ends a lease. None if the answer must not be sent: revoked.
    pub(super) fn end(&mut self, lease: u64) -> Option<Ended> {
        let held = self.held.remove(&lease)?;
        self.unfinished[held.queue as usize] -= 1;
        (!held.revoked).then(|| Ended { queue: held.queue, took: held.since.elapsed() })
    }

    /// The queue server took these back.
    pub(super) fn revoke(&mut self, leases: &[u64]) {
        for lease in leases {
            if let Some(held) = self.held.get_mut(lease) {
                held.revoked = true;
            }
        }
    }

    /// Those to be extended.
    pub(super) fn live(&self) -> Vec<u64> {
        self.held.iter().filter(|(_, held)| !held.revoked).map(|(lease, _)| *lease).collect()
    }

    /// Tasks of this queue being worked on.
    pub(super) fn unfinished(&self, queue: Queue) -> u32 {
        self.unfinished[queue as usize]
    }

    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A revoked lease is neither extended nor answered, but counts as work until it ends.
    #[tokio::test]
    async fn revoked() {
        let mut leases = Leases::default();
        assert!(leases.begin(1, Queue::LeaderQueue) && leases.begin(2, Queue::ReadQueue));
        assert!(!leases.begin(1, Queue::LeaderQueue));
        leases.revoke(&[1, 9]);
        assert_eq!((leases.live(), leases.unfinished(Queue::LeaderQueue)), (vec![2], 1));
        assert_eq!(leases.end(1), None);
        assert_eq!(leases.unfinished(Queue::LeaderQueue), 0);
        assert_eq!(leases.end(2).map(|ended| ended.queue), Some(Queue::ReadQueue));
        assert!(leases.end(2).is_none() && leases.is_empty());
    }
}
