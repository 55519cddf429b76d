//! Writers as fast as they are answered, readers beside them, and the book of what they were told.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use blake3::Hash;
use bytes::Bytes;
use gossamer_client::{Client, Info, Kind, PutOptions};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::cluster::{Cluster, wait};

/// Names that each writer overwrites in turn.
const NAMES: u64 = 24;
/// Writers of files that ride the queue, and of those that don't.
const SMALL: u64 = 8;
const LARGE: u64 = 1;
const READERS: u64 = 2;
const KIB: usize = 1 << 10;

/// The running load: pausing it leaves no operation half done.
pub(super) struct Load {
    runtime: Runtime,
    shared: Arc<Shared>,
    pause: watch::Sender<bool>,
    tasks: JoinSet<()>,
    resting: watch::Receiver<u64>,
}

struct Shared {
    book: Mutex<Book>,
    acknowledged: AtomicU64,
    read: AtomicU64,
    resting: watch::Sender<u64>,
}

/// What was told to whom.
#[derive(Default)]
struct Book {
    /// By name: the last version acknowledged, and the hash of what was written.
    written: BTreeMap<String, (u64, Hash)>,
    /// By name: the newest version that a reader got, and the hash of what it got.
    read: BTreeMap<String, (u64, Hash)>,
    /// What must not be.
    wrong: Vec<String>,
    /// How long each put took.
    took: Vec<Duration>,
}

impl Load {
    /// Starts it; what is written follows from `seed`.
    pub(super) fn start(cluster: &Cluster, seed: u64) -> Load {
        let runtime = Runtime::new().unwrap();
        let (pause, paused) = watch::channel(false);
        let (resting, rests) = watch::channel(0);
        let (book, acknowledged, read) = Default::default();
        let shared = Arc::new(Shared { book, acknowledged, read, resting });
        let mut tasks = JoinSet::new();
        for number in 0..SMALL + LARGE + READERS {
            let worker = Worker {
                client: {
                    let _entered = runtime.enter();
                    cluster.client()
                },
                shared: shared.clone(),
                paused: paused.clone(),
                random: SmallRng::seed_from_u64(seed ^ number << 48),
                number,
            };
            tasks.spawn_on(worker.run(), runtime.handle());
        }
        let load = Load { runtime, shared, pause, tasks, resting: rests };
        load.goes_on(20);
        load
    }

    /// Waits until this many puts more are acknowledged.
    #[track_caller]
    pub(super) fn goes_on(&self, puts: u64) {
        let until = self.acknowledged() + puts;
        wait("puts to be acknowledged", || (self.acknowledged() >= until).then_some(()));
    }

    /// Puts acknowledged so far.
    pub(super) fn acknowledged(&self) -> u64 {
        self.shared.acknowledged.load(Ordering::Relaxed)
    }

    /// Files read so far.
    pub(super) fn read(&self) -> u64 {
        self.shared.read.load(Ordering::Relaxed)
    }

    /// No operation begins from now on. Returns before those under way have ended.
    pub(super) fn pause(&self) {
        self.pause.send_replace(true);
    }

    /// Waits until the operations that were under way when it was paused have ended.
    #[track_caller]
    pub(super) fn rest(&mut self) {
        let workers = SMALL + LARGE + READERS;
        let Load { runtime, resting, tasks, .. } = self;
        runtime.block_on(async {
            tokio::select! {
                rests = tokio::time::timeout(Duration::from_secs(90), resting.wait_for(|rest| *rest == workers)) => {
                    rests.expect("operations that were under way end").unwrap();
                }
                ended = tasks.join_next() => panic!("a worker has ended: {ended:?}"),
            }
        });
    }

    /// Goes on after a pause.
    pub(super) fn resume(&self) {
        self.pause.send_replace(false);
    }

    /// How long each put has taken since this was asked last, sorted.
    pub(super) fn latencies(&self) -> Vec<Duration> {
        let mut took = std::mem::take(&mut self.shared.book().took);
        took.sort_unstable();
        took
    }

    /// Compares what is there with the book while it rests; what is wrong, one line each.
    pub(super) fn audit(&self, cluster: &Cluster) -> Vec<String> {
        self.runtime.block_on(async {
            let client = cluster.client();
            let there = list(&client).await;
            let (written, read, mut wrong) = {
                let mut book = self.shared.book();
                (book.written.clone(), book.read.clone(), std::mem::take(&mut book.wrong))
            };
            for (name, (version, hash)) in &written {
                match there.get(name) {
                    None => wrong.push(format!("{name}: version {version} was acknowledged, and it is gone")),
                    Some(info) if !is(info, *version, hash) => wrong.push(format!(
                        "{name}: version {version} was acknowledged, and it is {}",
                        info.version
                    )),
                    Some(_) => {}
                }
            }
            for (name, (version, hash)) in &read {
                let keeps = |info: &&Info| info.version > *version || is(info, *version, hash);
                if there.get(name).filter(keeps).is_none() {
                    wrong.push(format!("{name}: version {version} was read, and it is gone"));
                }
            }
            for (name, (version, hash)) in written.iter().step_by(5) {
                match client.get_bytes(name, 8 << 20).await {
                    Ok((_, bytes)) if blake3::hash(&bytes) == *hash => {}
                    got => wrong.push(format!(
                        "{name}: version {version} has other bytes: {:?}",
                        got.map(|got| got.0)
                    )),
                }
            }
            wrong
        })
    }
}

async fn list(client: &Client) -> BTreeMap<String, Info> {
    let (mut there, mut after, mut more) = (BTreeMap::new(), String::new(), true);
    while more {
        let page = client.list("", &after, 1000).await.unwrap();
        after = page.0.last().map(|info| info.name.clone()).unwrap_or_default();
        there.extend(page.0.into_iter().map(|info| (info.name.clone(), info)));
        more = page.1;
    }
    there
}

fn is(info: &Info, version: u64, hash: &Hash) -> bool {
    info.version == version && info.blake3.as_bytes() == hash.as_bytes()
}

impl Shared {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Worker {
    client: Client,
    shared: Arc<Shared>,
    paused: watch::Receiver<bool>,
    random: SmallRng,
    number: u64,
}

impl Worker {
    async fn run(mut self) {
        for count in 0.. {
            if *self.paused.borrow() {
                self.shared.resting.send_modify(|resting| *resting += 1);
                if self.paused.wait_for(|paused| !paused).await.is_err() {
                    return;
                }
                self.shared.resting.send_modify(|resting| *resting -= 1);
            }
            match self.number {
                number if number < SMALL => self.write(count, &[1, 100, 4 * KIB, 16 * KIB, 64 * KIB]).await,
                number if number >= READING => self.read().await,
                _ => {
                    self.write(count, &[128 * KIB + 1, 128 * KIB + 1, 300 * KIB, 300 * KIB, 1 << 20, 5 << 20])
                        .await
                }
            }
        }
    }

    /// Overwrites a name that nobody else writes: its versions must grow.
    async fn write(&mut self, count: u64, lengths: &[usize]) {
        let name = format!("load/{}-{}", self.number, count % NAMES);
        let most = lengths[self.random.random_range(0..lengths.len())];
        let length = if most < 128 * KIB { self.random.random_range(1..=most) } else { most };
        let mut content = vec![0; length];
        self.random.fill(&mut content[..]);
        let (content, began) = (Bytes::from(content), Instant::now());
        let hash = blake3::hash(&content);
        let stored = self.client.put_bytes(&name, content, PutOptions::default()).await;
        let version = stored.unwrap_or_else(|error| panic!("put {name}: {error}")).version;
        let mut book = self.shared.book();
        book.took.push(began.elapsed());
        if let Some((before, _)) = book.written.insert(name.clone(), (version, hash))
            && before >= version
        {
            book.wrong.push(format!("{name}: version {version} after {before}"));
        }
        self.shared.acknowledged.fetch_add(1, Ordering::Relaxed);
    }

    /// Reads some name: never less than what was acknowledged or read before.
    async fn read(&mut self) {
        let writer = self.random.random_range(0..SMALL + LARGE);
        let name = format!("load/{writer}-{}", self.random.random_range(0..NAMES));
        let expected = {
            let book = self.shared.book();
            book.written.get(&name).copied().max_by_version(book.read.get(&name).copied())
        };
        let (version, hash) = match self.client.get_bytes(&name, 8 << 20).await {
            Ok((info, bytes)) => (info.version, blake3::hash(&bytes)),
            Err(error) if error.kind() == Kind::NotFound => (0, blake3::hash(b"")),
            Err(error) => panic!("get {name}: {error}"),
        };
        let mut book = self.shared.book();
        if let Some((before, of)) = expected
            && (version < before || (version == before && hash != of))
        {
            book.wrong.push(format!("{name}: a reader got version {version} after {before}"));
        }
        if version > 0 {
            let newest = book.read.get(&name).copied().max_by_version(Some((version, hash)));
            book.read.extend(newest.map(|newest| (name, newest)));
            self.shared.read.fetch_add(1, Ordering::Relaxed);
        }
    }
}

const READING: u64 = SMALL + LARGE;

/// The one with the newer version.
trait MaxByVersion {
    fn max_by_version(self, other: Self) -> Self;
}

impl MaxByVersion for Option<(u64, Hash)> {
    fn max_by_version(self, other: Self) -> Self {
        self.into_iter().chain(other).max_by_key(|(version, _)| *version)
    }
}
