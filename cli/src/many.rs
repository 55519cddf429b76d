//! Many files side by side: what fails is kept for the end, and the rest goes on.

use futures_util::StreamExt;
use futures_util::stream::{self, FuturesUnordered};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::failure::{FAILED, Failure, REFUSED};

/// Small files on their way into the store at a time: enough that the leader fills whole batches from one client.
pub(crate) const SIDE_BY_SIDE: usize = 128;
/// And to here, where nothing has to be gathered: what is on its way when a command is killed comes once more.
pub(crate) const FETCHED_SIDE_BY_SIDE: usize = 32;
/// Names that were typed one by one and are looked at, before anything is copied.
pub(crate) const LOOKED_AT: usize = 16;

/// Failures whose text is kept.
const KEPT: usize = 1000;

/// Bytes of content that files under way may have in memory together: one large file and its neighbours.
const BUDGET_BYTES: u64 = 96 << 20;
/// A file has at most so much of itself in memory, however large it is.
const LARGEST_BYTES: u64 = 64 << 20;

/// Room in memory: many small files at a time, or one or two large ones.
pub(crate) struct Budget(Semaphore);

impl Default for Budget {
    fn default() -> Self {
        Budget(Semaphore::new(kib(BUDGET_BYTES) as usize))
    }
}

impl Budget {
    /// Waits until there is room for a file of so many bytes; it is there until this is dropped.
    pub(crate) async fn room(&self, bytes: u64) -> SemaphorePermit<'_> {
        let permits = kib(bytes.min(LARGEST_BYTES)) + 1;
        self.0.acquire_many(permits).await.expect("it is never closed")
    }
}

fn kib(bytes: u64) -> u32 {
    (bytes >> 10) as u32
}

/// What failed while the rest went on.
#[derive(Default)]
pub(crate) struct Failures {
    kept: Vec<Failure>,
    more: usize,
    /// What was not tried, because going on was pointless.
    left_out: usize,
}

impl Failures {
    /// Keeps a failure for the end.
    pub(crate) fn add(&mut self, failure: Failure) {
        // One that ends it all is always kept: it decides what follows.
        if self.kept.len() < KEPT || is_final(failure.code) && !self.is_final() {
            self.kept.push(failure);
        } else {
            self.more += 1;
        }
    }

    /// Keeps those of a part of the work, too.
    pub(crate) fn append(&mut self, other: Failures) {
        self.more += other.more;
        self.left_out += other.left_out;
        other.kept.into_iter().for_each(|failure| self.add(failure));
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.kept.len() + self.more
    }

    /// Whether going on is pointless.
    pub(crate) fn is_final(&self) -> bool {
        self.kept.iter().any(|failure| is_final(failure.code))
    }

    /// Lists them, with `done` (what happened to the rest) in the last line. Exit code 1, or that of what made going on
    /// pointless.
    pub(crate) fn end(self, done: &str) -> Result<(), Failure> {
        let count = self.count();
        if count == 0 {
            return Ok(());
        }
        self.kept.iter().for_each(|failure| eprintln!("gossamer: {}", failure.message));
        if self.more > 0 {
            eprintln!("gossamer: and {} more like these", self.more);
        }
        let code = self.kept.iter().map(|failure| failure.code).find(|code| is_final(*code));
        let failures = if count == 1 { "1 failure".to_owned() } else { format!("{count} failures") };
        let left_out = match self.left_out {
            0 => String::new(),
            left_out => format!("; {left_out} more were not tried, the same command goes on with them"),
        };
        Err(Failure::new(code.unwrap_or(FAILED), format!("{failures}; {done}{left_out}")))
    }
}

/// Whether what comes next would fail alike: no cluster, or not for this client.
pub(crate) fn is_final(code: u8) -> bool {
    matches!(code, 5 | REFUSED)
}

/// Does `each` to all `items`, at most `width` at a time. After a failure that the others would share, now or in an earlier
/// call, nothing new is begun, and what is left out is counted.
pub(crate) async fn many<T, F>(
    items: impl IntoIterator<Item = T>,
    width: usize,
    failures: &mut Failures,
    each: impl Fn(T) -> F,
) where
    F: Future<Output = Result<(), Failure>>,
{
    let mut items = stream::iter(items);
    let mut running = FuturesUnordered::new();
    loop {
        while !failures.is_final()
            && running.len() < width
            && let Some(item) = items.next().await
        {
            running.push(each(item));
        }
        match running.next().await {
            Some(Ok(())) => {}
            Some(Err(failure)) => failures.add(failure),
            None => break,
        }
    }
    while items.next().await.is_some() {
        failures.left_out += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Never more than `width` at a time; every failure is kept; one that all would share ends it, and what was not tried
    /// is counted.
    #[tokio::test]
    async fn side_by_side() {
        let (running, most, tried) = (Cell::new(0), Cell::new(0), Cell::new(0));
        let each = |item: u32| {
            let (running, most, tried) = (&running, &most, &tried);
            async move {
                running.set(running.get() + 1);
                most.set(most.get().max(running.get()));
                tokio::task::yield_now().await;
                running.set(running.get() - 1);
                tried.set(tried.get() + 1);
                match item {
                    50 => Err(Failure::new(5, "no cluster")),
                    item if item < 50 && item % 10 == 0 => Err(Failure::new(1, item)),
                    _ => Ok(()),
                }
            }
        };
        let mut failures = Failures::default();
        many(0..1000, 7, &mut failures, each).await;
        assert_eq!(most.get(), 7);
        assert_eq!(tried.get() + failures.left_out, 1000);
        many(0..5, 7, &mut failures, each).await;
        let left_out = failures.left_out;
        assert_eq!(tried.get() + left_out, 1005, "nothing new is begun");
        assert!((51..=50 + 2 * 7).contains(&tried.get()), "{}", tried.get());
        assert_eq!(failures.count(), 6);
        let failure = failures.end("the rest was done").unwrap_err();
        let expected = format!("6 failures; the rest was done; {left_out} more were not tried");
        assert!(failure.code == 5 && failure.message.starts_with(&expected), "{}", failure.message);
        assert!(Failures::default().end("all of it").is_ok());
    }
}
