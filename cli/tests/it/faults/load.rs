//! A stream of small puts by several clients, and the book of what was acknowledged to them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use futures_util::{StreamExt, stream};
use gossamer_client::{Client, Condition, Kind, PutOptions};

use crate::cluster::{Cluster, wait};
use crate::content;

/// Names that each writer overwrites in turn.
const NAMES: u64 = 40;
/// Writers that race for the same names with if-absent.
const RACERS: u64 = 2;

/// The running load.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicU64>,
    writing: Option<JoinHandle<Vec<Book>>>,
}

/// What was acknowledged: the newest version of each name with the seed of its content.
#[derive(Default)]
pub(crate) struct Book {
    files: BTreeMap<String, Written>,
    /// Names put with if-absent that this writer was told it had won.
    won: Vec<String>,
    /// Names put with if-absent that this writer was told somebody else had won.
    lost: Vec<String>,
}

#[derive(Clone, Copy)]
struct Written {
    version: u64,
    seed: u64,
}

impl Load {
    /// Starts `writers` that overwrite names of their own as fast as they are answered, and two more that race for
    /// names with if-absent.
    pub(crate) fn start(cluster: &Cluster, writers: u64) -> Load {
        let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let clients: Vec<Client> = {
            let _entered = runtime.enter();
            (0..writers + RACERS).map(|_| cluster.client()).collect()
        };
        let (stopped, counted) = (stop.clone(), acknowledged.clone());
        let writing = std::thread::spawn(move || {
            let books = clients.into_iter().zip(0..).map(|(client, writer)| {
                let (stop, count) = (stopped.clone(), counted.clone());
                runtime.spawn(async move {
                    if writer < writers {
                        overwrite(client, writer, &stop, &count).await
                    } else {
                        race(client, writer, &stop, &count).await
                    }
                })
            });
            let books: Vec<_> = books.collect();
            runtime.block_on(async {
                stream::iter(books).then(|book| async { book.await.unwrap() }).collect().await
            })
        });
        let load = Load { stop, acknowledged, writing: Some(writing) };
        load.goes_on();
        load
    }

    /// Waits until more has been acknowledged by every measure: fails if the load is stuck or has failed.
    #[track_caller]
    pub(crate) fn goes_on(&self) {
        let before = self.acknowledged.load(Ordering::Relaxed);
        wait("small puts to be acknowledged", || {
            assert!(!self.writing.as_ref().unwrap().is_finished(), "a writer has failed");
            (self.acknowledged.load(Ordering::Relaxed) >= before + 100).then_some(())
        });
    }

    /// Ends the load and merges the books. Every put must have succeeded, and every race have one winner.
    #[track_caller]
    pub(crate) fn stop(mut self) -> Book {
        self.stop.store(true, Ordering::Relaxed);
        let books = self.writing.take().unwrap().join().expect("every put succeeds");
        let mut all = Book::default();
        for book in books {
            all.files.extend(book.files);
            all.won.extend(book.won);
            all.lost.extend(book.lost);
        }
        let wins = all.won.len();
        all.won.sort();
        all.won.dedup();
        assert_eq!(all.won.len(), wins, "a name that was put with if-absent has one winner");
        let orphan = all.lost.iter().find(|name| all.won.binary_search(name).is_err());
        assert_eq!(orphan, None, "a name that was lost was won by somebody");
        all
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Overwrites names that nobody else writes: their versions must strictly grow.
async fn overwrite(client: Client, writer: u64, stop: &AtomicBool, count: &AtomicU64) -> Book {
    let mut book = Book::default();
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let name = format!("load/{writer}/{}", number % NAMES);
        let seed = writer << 32 | number;
        let stored = client.put_bytes(&name, small(seed), PutOptions::default()).await;
        let version = stored.unwrap_or_else(|error| panic!("put {name}: {error}")).version;
        let before = book.files.insert(name.clone(), Written { version, seed });
        assert!(before.is_none_or(|before| before.version < version), "{name}: versions grow");
        count.fetch_add(1, Ordering::Relaxed);
    }
    book
}

/// Puts names that the other racers put too, with if-absent: of each name one put succeeds, the others hear why not.
async fn race(client: Client, writer: u64, stop: &AtomicBool, count: &AtomicU64) -> Book {
    let mut book = Book::default();
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let name = format!("race/{number}");
        let seed = writer << 32 | number;
        let options = PutOptions { condition: Some(Condition::IfAbsent), ..PutOptions::default() };
        match client.put_bytes(&name, small(seed), options).await {
            Ok(stored) => {
                book.files.insert(name.clone(), Written { version: stored.version, seed });
                book.won.push(name);
            }
            Err(error) => {
                assert_eq!(error.kind(), Kind::Condition, "put {name}: {error}");
                book.lost.push(name);
            }
        }
        count.fetch_add(1, Ordering::Relaxed);
    }
    book
}

/// 1 to 4 KiB, each another length.
fn small(seed: u64) -> bytes::Bytes {
    content::bytes(seed, 1024 + (seed as usize * 7919) % 3072).into()
}

impl Book {
    /// Asserts that every acknowledged file is there with the acknowledged version and bytes.
    #[track_caller]
    pub(crate) fn check(&self, cluster: &Cluster) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let client = cluster.client();
            let gets = stream::iter(&self.files).map(|(name, written)| {
                let client = client.clone();
                async move {
                    let expected = small(written.seed);
                    let got = client.get_bytes(name, expected.len() as u64 + 1).await;
                    let (info, got) = got.unwrap_or_else(|error| panic!("get {name}: {error}"));
                    assert_eq!(info.version, written.version, "{name} has the acknowledged version");
                    assert!(got == expected, "{name} has the acknowledged bytes");
                }
            });
            gets.buffer_unordered(16).collect::<()>().await;
        });
    }
}
