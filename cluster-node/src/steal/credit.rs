//! The standing offer: how many tasks of each queue the queue server may assign.

use gossamer_proto::limits::{LEADER_CREDITS, READ_CREDITS};
use gossamer_proto::v1::{Credit, Queue};

use super::pace::Pace;
use crate::raft::View;

/// What this node may take now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// The term in which it leads with a quorum.
    pub(super) leads: Option<u64>,
    /// Whether it may serve reads: it is a member and knows a leader to ask for read barriers.
    pub(super) reads: bool,
}

impl Standing {
    pub(super) const NONE: Self = Standing { leads: None, reads: false };

    pub(super) fn of(view: &View) -> Self {
        let member = view.voters.contains(&view.id) || view.replicas.contains(&view.id);
        Standing { leads: view.leading.then_some(view.term), reads: member && view.leader.is_some() }
    }
}

/// What of a queue is being worked on, and for how many more its consumer has room.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    pub(super) unfinished: u32,
    pub(super) room: u32,
}

/// The offers of one stream to both queues.
pub(super) struct Credits {
    leader: Offer,
    read: Offer,
    pub(super) pace: Pace,
}

impl Credits {
    pub(super) fn new() -> Self {
        Credits {
            leader: Offer::of(Queue::LeaderQueue),
            read: Offer::of(Queue::ReadQueue),
            pace: Pace::new(),
        }
    }

    /// The term under which leader credits were last offered.
    ///
    /// An assignment that crossed a newer offer on the wire is thereby taken for one of the newer term. The queue server
    /// revokes it on seeing that offer, so that its answer goes nowhere.
    pub(super) fn term(&self) -> u64 {
        self.leader.term
    }

    /// A task was assigned: one credit is used up.
    pub(super) fn used(&mut self, queue: Queue) {
        match queue {
            Queue::LeaderQueue => self.leader.open = self.leader.open.saturating_sub(1),
            Queue::ReadQueue => self.read.open = self.read.open.saturating_sub(1),
            Queue::Unspecified => {}
        }
    }

    /// What to tell the queue server so that the offer is again what it should be. Empty if it is.
    pub(super) fn balance(&mut self, standing: Standing, leader: Load, read: Load) -> Vec<Credit> {
        let mut tell = Vec::new();
        let leads = standing.leads.map(|term| (term, LEADER_CREDITS.saturating_sub(leader.unfinished)));
        self.leader.keep(leads, leader.room, &mut tell);
        let window = self.pace.window().min(READ_CREDITS);
        let reads = standing.reads.then(|| (0, window.saturating_sub(read.unfinished)));
        self.read.keep(reads, read.room, &mut tell);
        tell
    }
}

/// The offer to one queue, as the queue server knows it once it has read everything sent.
struct Offer {
    queue: Queue,
    term: u64,
    open: u32,
    /// Something was offered since the last withdrawal.
    standing: bool,
}

impl Offer {
    fn of(queue: Queue) -> Self {
        Offer { queue, term: 0, open: 0, standing: false }
    }

    /// `wanted`: the term, and how many credits should be open; none: withdraw. No more is added than there is room for,
    /// else the leader queue would assign and the node refuse the same task over and over.
    fn keep(&mut self, wanted: Option<(u64, u32)>, room: u32, tell: &mut Vec<Credit>) {
        let Some((term, open)) = wanted else {
            return self.withdraw(tell);
        };
        if term != self.term {
            // The credits of the older term are void as soon as this one is heard.
            self.term = term;
            self.open = 0;
        }
        if self.open > open {
            self.withdraw(tell);
        }
        let count = open.min(room).saturating_sub(self.open);
        if count > 0 {
            self.open += count;
            self.standing = true;
            tell.push(Credit { queue: self.queue as i32, count, term, withdraw: false });
        }
    }

    fn withdraw(&mut self, tell: &mut Vec<Credit>) {
        if self.standing {
            self.standing = false;
            self.open = 0;
            tell.push(Credit { queue: self.queue as i32, count: 0, term: self.term, withdraw: true });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const IDLE: Load = Load { unfinished: 0, room: 5000 };
    const READS: Standing = Standing { leads: None, reads: true };

    fn read(count: u32, withdraw: bool) -> Credit {
        Credit { queue: Queue::ReadQueue as i32, count, term: 0, withdraw }
    }

    /// Reads are offered by members that know a leader, the leader queue by a leader with quorum; else neither.
    #[test]
    fn standing_follows_the_view() {
        let mut view = View { id: 2, term: 4, voters: vec![1], replicas: vec![2], ..View::default() };
        assert_eq!(Standing::of(&view), Standing::NONE);
        view.leader = Some(1);
        assert_eq!(Standing::of(&view), READS);
        view.replicas.clear();
        assert_eq!(Standing::of(&view), Standing::NONE);
        view = View { id: 2, term: 4, voters: vec![2], leader: Some(2), leading: true, ..View::default() };
        assert_eq!(Standing::of(&view), Standing { leads: Some(4), reads: true });
    }

    /// One finished task makes one new credit, and unfinished plus open never exceeds the limit.
    #[test]
    fn one_for_one() {
        let mut credits = Credits::new();
        assert_eq!(credits.balance(READS, IDLE, IDLE), [read(READ_CREDITS, false)]);
        assert_eq!(credits.balance(READS, IDLE, IDLE), []);
        credits.used(Queue::ReadQueue);
        credits.used(Queue::ReadQueue);
        assert_eq!(credits.balance(READS, IDLE, Load { unfinished: 2, ..IDLE }), []);
        assert_eq!(credits.balance(READS, IDLE, Load { unfinished: 1, ..IDLE }), [read(1, false)]);
    }

    /// Where the consumer has no room nothing is added, and what it has room for later is.
    #[test]
    fn no_more_than_room() {
        let mut credits = Credits::new();
        let room = |room| Load { unfinished: 0, room };
        assert_eq!(credits.balance(READS, IDLE, room(3)), [read(3, false)]);
        assert_eq!(credits.balance(READS, IDLE, room(0)), []);
        assert_eq!(credits.balance(READS, IDLE, room(9)), [read(6, false)]);
    }

    /// A slower pace takes back what is open beyond it.
    #[test]
    fn a_slower_pace_withdraws() {
        let mut credits = Credits::new();
        credits.balance(READS, IDLE, IDLE);
        (0..16).for_each(|_| credits.pace.note(Duration::from_millis(1)));
        (0..16).for_each(|_| credits.pace.note(Duration::from_secs(1)));
        let offered = credits.balance(READS, IDLE, Load { unfinished: 8, ..IDLE });
        assert_eq!(offered, [read(0, true), read(READ_CREDITS / 2 - 8, false)]);
    }

    /// A new term is offered anew and in full; a lost leadership is withdrawn once.
    #[test]
    fn terms() {
        let mut credits = Credits::new();
        let leads = |term| Standing { leads: Some(term), reads: false };
        let leader =
            |count, term, withdraw| Credit { queue: Queue::LeaderQueue as i32, count, term, withdraw };
        assert_eq!(credits.balance(leads(3), IDLE, IDLE), [leader(LEADER_CREDITS, 3, false)]);
        assert_eq!(credits.balance(leads(5), IDLE, IDLE), [leader(LEADER_CREDITS, 5, false)]);
        assert_eq!(credits.balance(Standing::NONE, IDLE, IDLE), [leader(0, 5, true)]);
        assert_eq!(credits.balance(Standing::NONE, IDLE, IDLE), []);
        let busy = Load { unfinished: 24, ..IDLE };
        assert_eq!(credits.balance(leads(5), busy, IDLE), [leader(LEADER_CREDITS - 24, 5, false)]);
    }
}
