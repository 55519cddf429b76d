//! What happened lately, bounded in number and age: the oldest leave first.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// A map that forgets.
pub(crate) struct Recent<K, V> {
    capacity: usize,
    age: Duration,
    next: u64,
    entries: BTreeMap<K, Entry<V>>,
    order: BTreeMap<u64, K>,
}

struct Entry<V> {
    at: Instant,
    place: u64,
    value: V,
}

impl<K: Ord + Copy, V> Recent<K, V> {
    /// Holds `capacity` entries, each for `age`.
    pub(crate) fn new(capacity: usize, age: Duration) -> Self {
        Recent { capacity, age, next: 0, entries: BTreeMap::new(), order: BTreeMap::new() }
    }

    /// Remembers `value`; if there is no room, the oldest leaves.
    pub(crate) fn insert(&mut self, key: K, value: V, now: Instant) {
        self.take(&key, now);
        while self.entries.len() >= self.capacity {
            self.drop_oldest();
        }
        self.entries.insert(key, Entry { at: now, place: self.next, value });
        self.order.insert(self.next, key);
        self.next += 1;
    }

    /// Remembers it unless it is known, or there is no room: who is remembered keeps the place. Whether it did.
    pub(crate) fn insert_new(&mut self, key: K, value: V, now: Instant) -> bool {
        self.drop_old(now);
        let new = self.entries.len() < self.capacity && !self.entries.contains_key(&key);
        if new {
            self.insert(key, value, now);
        }
        new
    }

    /// What is remembered of `key`.
    pub(crate) fn get(&self, key: &K, now: Instant) -> Option<&V> {
        self.entries.get(key).filter(|entry| now - entry.at < self.age).map(|entry| &entry.value)
    }

    /// What is remembered of `key`, for the last time.
    pub(crate) fn take(&mut self, key: &K, now: Instant) -> Option<V> {
        let entry = self.entries.remove(key)?;
        self.order.remove(&entry.place);
        (now - entry.at < self.age).then_some(entry.value)
    }

    /// How many there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        assert_eq!(self.entries.len(), self.order.len());
        self.entries.len()
    }

    fn drop_old(&mut self, now: Instant) {
        while let Some((_, key)) = self.order.first_key_value()
            && self.entries.get(key).is_none_or(|entry| now - entry.at >= self.age)
        {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some((_, key)) = self.order.pop_first() {
            self.entries.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The oldest leave for newer ones, by number and by age; what is new only has no right to anybody's place.
    #[test]
    fn forgets() {
        let now = Instant::now();
        let second = Duration::from_secs(1);
        let mut recent = Recent::new(2, second);
        for key in 1..=3 {
            recent.insert(key, (), now);
        }
        assert_eq!((recent.get(&1, now), recent.get(&2, now), recent.len()), (None, Some(&()), 2));
        assert!(!recent.insert_new(2, (), now) && !recent.insert_new(4, (), now));
        assert_eq!(recent.get(&3, now + second), None);
        assert!(recent.insert_new(2, (), now + second) && recent.insert_new(4, (), now + second));
        assert_eq!((recent.take(&2, now + second), recent.take(&2, now + second)), (Some(()), None));
        assert_eq!(recent.len(), 1);
    }
}
