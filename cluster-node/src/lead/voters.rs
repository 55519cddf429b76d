//! Which voters there should be: a pure function of what the leader knows.
//!
//! # Invariants
//! - The number of voters stays odd, and the leader stays among them unless it is the only one.
//! - One leaves for each that comes, or some only leave, or some only come: never two replaced at once, so that what a
//!   majority held, a majority of the new ones holds.
//! - Of the new voters a majority holds everything ([`is_safe`]), and so does each of those that come.

use std::collections::{BTreeMap, BTreeSet};

use crate::raft::View;

/// What the leader knows.
#[derive(Clone, Debug, Default)]
pub(super) struct Situation {
    /// The leader's own id.
    pub(super) leader: u64,
    /// Who votes now. Sorted.
    pub(super) voters: Vec<u64>,
    /// How many should.
    pub(super) target: usize,
    /// Replicas that could become voters: they hold everything.
    pub(super) ready: BTreeSet<u64>,
    /// Members that answered, and hold everything; the leader may be one of them.
    pub(super) whole: BTreeSet<u64>,
    /// Voters that have been silent for too long.
    pub(super) gone: BTreeSet<u64>,
    /// Nodes that were removed: whether they may leave without a successor.
    pub(super) retired: BTreeMap<u64, bool>,
    /// Ready replicas that are the same folder as a voter that lost its log.
    pub(super) successors: BTreeMap<u64, u64>,
    /// Replicas whose folder has come back as another member: nobody will ever answer for them again.
    pub(super) superseded: Vec<u64>,
}

/// A change of the voters.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// The new voters. Sorted.
    pub(super) voters: Vec<u64>,
    /// Whether voters that leave stay replicas: not when their folder is gone for ever.
    pub(super) retain: bool,
}

impl Situation {
    /// The members of the view, with nothing known of them yet.
    pub(super) fn of(view: &View, target: u64, retired: BTreeMap<u64, bool>) -> Self {
        Situation {
            leader: view.id,
            voters: view.voters.clone(),
            target: target as usize,
            retired,
            ..Situation::default()
        }
    }

    /// Whether voters have to leave, whoever may come.
    pub(super) fn has_leaving(&self) -> bool {
        self.voters.len() > self.target || self.leaving().next().is_some()
    }

    fn leaving(&self) -> impl Iterator<Item = u64> + '_ {
        self.voters.iter().copied().filter(|voter| self.retired.contains_key(voter))
    }

    /// How many voters there will be once those that were removed have left: 0 if nobody could take over.
    pub(super) fn voters_then(&self) -> usize {
        let staying = self.voters.len() - self.leaving().count() + self.ready.len();
        odd(staying.min(self.voters.len()).min(self.target))
    }

    /// How many there are, or will be without anybody leaving.
    pub(super) fn voters_now(&self) -> usize {
        self.voters.len().min(self.target)
    }

    fn without(&self, count: usize) -> Option<Change> {
        let mut order = self.voters.clone();
        // Who stays first; the last leave.
        order.sort_by_key(|id| {
            (
                *id != self.leader,
                self.retired.contains_key(id),
                self.gone.contains(id),
                !self.whole.contains(id),
                *id,
            )
        });
        order.truncate(count);
        order.sort_unstable();
        (!order.is_empty()).then_some(Change { voters: order, retain: true })
    }

    fn replace(&self, old: u64, new: u64) -> Change {
        let mut voters: Vec<u64> =
            self.voters.iter().map(|voter| if *voter == old { new } else { *voter }).collect();
        voters.sort_unstable();
        Change { voters, retain: true }
    }
}

/// The next change, if it is not well as it is.
pub(super) fn wanted(now: &Situation) -> Option<Change> {
    if let Some((old, new)) = now.successors.iter().find(|(old, _)| now.voters.contains(old)) {
        return Some(Change { retain: false, ..now.replace(*old, *new) });
    }
    let most = odd(now.voters.len().min(now.target));
    if now.voters.len() > most {
        return now.without(most);
    }
    let leaves = |voter: &u64| *voter != now.leader || now.voters.len() == 1;
    if let (Some(old), Some(new)) = (now.leaving().find(leaves), now.ready.first()) {
        return Some(now.replace(old, *new));
    }
    let agreed = now.leaving().filter(leaves).filter(|voter| now.retired[voter]).count();
    if agreed > 0 {
        return now.without(odd(now.voters.len() - agreed));
    }
    if let (Some(old), Some(new)) = (now.gone.iter().find(|old| now.voters.contains(old)), now.ready.first())
    {
        return Some(now.replace(*old, *new));
    }
    let goal = odd((now.voters.len() + now.ready.len()).min(now.target));
    if goal <= now.voters.len() {
        return None;
    }
    let newcomers = now.ready.iter().take(goal - now.voters.len());
    let mut voters: Vec<u64> = now.voters.iter().chain(newcomers).copied().collect();
    voters.sort_unstable();
    Some(Change { voters, retain: true })
}

/// Whether a majority of the new voters, and each that comes, holds everything.
pub(super) fn is_safe(now: &Situation, change: &Change) -> bool {
    let whole = change.voters.iter().filter(|voter| now.whole.contains(voter)).count();
    let come = change.voters.iter().filter(|voter| !now.voters.contains(voter));
    whole > change.voters.len() / 2 && come.into_iter().all(|voter| now.whole.contains(voter))
}

/// The largest odd number that is not larger; 0 of 0.
fn odd(count: usize) -> usize {
    if count.is_multiple_of(2) { count.saturating_sub(1) } else { count }
}

#[cfg(test)]
mod tests {
    use rand::rngs::SmallRng;
    use rand::{Rng, SeedableRng};

    use super::*;

    /// The leader is 1; all voters and replicas are well.
    fn situation(voters: &[u64], ready: &[u64], target: usize) -> Situation {
        Situation {
            leader: 1,
            voters: voters.to_vec(),
            target,
            ready: ready.iter().copied().collect(),
            whole: voters.iter().chain(ready).copied().collect(),
            ..Situation::default()
        }
    }

    fn voters(now: &Situation) -> Option<Vec<u64>> {
        wanted(now).map(|change| change.voters)
    }

    /// More voters when there are enough ready replicas; fewer when the target is lower: the gone ones leave, then the
    /// highest ids, never the leader.
    #[test]
    fn target() {
        assert_eq!(voters(&situation(&[1], &[2], 5)), None);
        assert_eq!(voters(&situation(&[1], &[2, 3, 4], 5)), Some(vec![1, 2, 3]));
        assert_eq!(voters(&situation(&[1, 2, 3, 4, 5], &[6, 7], 5)), None);
        let mut now = Situation { leader: 5, gone: [2].into(), ..situation(&[1, 2, 3, 4, 5], &[], 3) };
        assert_eq!(voters(&now), Some(vec![1, 3, 5]));
        now.target = 1;
        assert_eq!(voters(&now), Some(vec![5]));
    }

    /// A voter that was removed is replaced, or leaves with agreement so that an odd number stays; the leader leaves
    /// only when it is alone.
    #[test]
    fn removed() {
        let mut now = Situation { retired: [(2, false)].into(), ..situation(&[1, 2, 3, 4, 5], &[6], 5) };
        assert_eq!((voters(&now), now.voters_then()), (Some(vec![1, 3, 4, 5, 6]), 5));
        now.ready.clear();
        assert_eq!((voters(&now), now.voters_then()), (None, 3));
        now.retired = [(2, true)].into();
        assert_eq!(voters(&now), Some(vec![1, 3, 4]));
        now.retired = [(1, true)].into();
        assert_eq!((voters(&now), now.voters_then()), (None, 3));
        let mut alone = Situation { retired: [(1, true)].into(), ..situation(&[1], &[2], 5) };
        assert_eq!((voters(&alone), alone.voters_then()), (Some(vec![2]), 1));
        alone.ready.clear();
        assert_eq!((voters(&alone), alone.voters_then()), (None, 0));
    }

    /// A dead voter, and one that lost its log, are replaced one at a time.
    #[test]
    fn replaced() {
        let mut now = Situation { gone: [2, 3].into(), ..situation(&[1, 2, 3, 4, 5], &[6, 7], 5) };
        assert_eq!(voters(&now), Some(vec![1, 3, 4, 5, 6]));
        now.successors = [(3, 7)].into();
        assert_eq!(wanted(&now), Some(Change { voters: vec![1, 2, 4, 5, 7], retain: false }));
    }

    /// Whatever happens: an odd number, the leader among them unless it is alone, nobody who is not ready comes, nobody
    /// who was removed comes, and doing what is wanted ends.
    #[test]
    fn always() {
        let mut random = SmallRng::seed_from_u64(3);
        for _ in 0..20_000 {
            let count = [1, 3, 5, 7][random.random_range(0..4)];
            let mut some = |from, share| -> BTreeSet<u64> {
                (from..12).filter(|_| random.random_ratio(1, share)).collect()
            };
            let (ready, gone, leaving, whole) = (some(count + 1, 3), some(2, 4), some(1, 4), some(1, 2));
            let ready: BTreeSet<u64> = &ready - &leaving;
            let mut now = situation(&(1..=count).collect::<Vec<_>>(), &[], [1, 3, 5, 7][gone.len() % 4]);
            let retired = leaving.iter().map(|id| (*id, id % 3 > 0)).collect();
            now = Situation { whole: &whole | &ready, ready, gone, retired, ..now };
            for step in 0.. {
                let Some(change) = wanted(&now) else { break };
                assert!(step < 20, "it does not end: {now:?}");
                assert!(change.voters.len() % 2 == 1, "{change:?} of {now:?}");
                assert!(change.voters.is_sorted() && change.voters != now.voters, "{change:?} of {now:?}");
                let mut come = change.voters.iter().filter(|voter| !now.voters.contains(voter));
                assert!(come.all(|voter| now.ready.contains(voter)), "{change:?} of {now:?}");
                if now.voters.len() > 1 {
                    assert!(change.voters.contains(&now.leader), "{change:?} of {now:?}");
                }
                now.ready.retain(|id| !change.voters.contains(id));
                now.leader = if change.voters.contains(&now.leader) { now.leader } else { change.voters[0] };
                now.voters = change.voters;
            }
        }
    }

    /// Fewer voters, too, must hold everything among them.
    #[test]
    fn safe() {
        let mut now = situation(&[1, 2, 3, 4, 5], &[], 3);
        now.whole = [1, 4, 5].into();
        let change = wanted(&now).unwrap();
        assert_eq!(change.voters, [1, 4, 5]);
        assert!(is_safe(&now, &change));
        now.whole = [1].into();
        assert!(!is_safe(&now, &wanted(&now).unwrap()));
        let now = situation(&[1, 2, 3], &[], 3);
        assert!(
            !is_safe(&now, &Change { voters: vec![1, 2, 9], retain: true }),
            "a newcomer that is not ready"
        );
    }
}
