//! A node's stores on a disk in memory that goes bad, scrubbed in simulated time, with another node to fetch from.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use gossamer_proto::hash::Hash;
use gossamer_proto::setting::Setting;
use gossamer_proto::v1::{self, command::Kind};
use gossamer_world::files::Mode;
use gossamer_world::memory::Memory;
use gossamer_world::network::BoxFuture;
use gossamer_world::{Blocking, Clock, Files, World};
use tokio::time::{Instant, sleep};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Cut, LOOK, Progress, Scrub, run};
use crate::storage::catalogue::backend::Backend;
use crate::storage::catalogue::tests::random::{entry, own, put};
use crate::storage::catalogue::{Catalogue, memory};
use crate::storage::extents::tests::chunk;
use crate::storage::extents::{self, Chunks, Purpose};
use crate::storage::log::{self, Log};
use crate::storage::snapshot::Snapshots;
use crate::storage::{position::Position, repair};

const MIB: usize = 1 << 20;
/// Longer than any step of a scenario, in simulated time.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Wall-clock time that goes with tokio's.
struct Simulated(Instant);

impl Clock for Simulated {
    fn unix_ms(&self) -> u64 {
        1_800_000_000_000 + self.0.elapsed().as_millis() as u64
    }
}

/// Another node that has everything.
#[derive(Clone, Default)]
struct Other(Arc<Mutex<BTreeMap<Hash, Bytes>>>);

impl repair::Source for Other {
    fn fetch(&self, hashes: Vec<Hash>) -> BoxFuture<'_, Vec<(Hash, Bytes)>> {
        let held = self.0.lock().unwrap();
        let found = hashes.iter().filter_map(|hash| Some((*hash, held.get(hash)?.clone()))).collect();
        Box::pin(async move { found })
    }
}

/// Raft, as far as the log is concerned.
struct Purge(Log);

impl Cut for Purge {
    fn towards(&self, index: u64) -> BoxFuture<'_, ()> {
        Box::pin(async move { self.0.purge(index, Bytes::from_static(b"id")).await.unwrap() })
    }
}

/// What outlives a process.
struct Machine {
    disk: Memory,
    backend: Arc<memory::Memory>,
    other: Other,
    clock: Arc<Simulated>,
}

/// A process on it that scrubs and repairs.
struct Node {
    scrub: Scrub,
    shutdown: CancellationToken,
    _stop: DropGuard,
}

impl Machine {
    fn new() -> Self {
        let clock = Arc::new(Simulated(Instant::now()));
        Machine { disk: Memory::new(), backend: Arc::default(), other: Other::default(), clock }
    }

    async fn open(&self) -> Scrub {
        let files = Arc::new(self.disk.clone());
        let world = World { files, clock: self.clock.clone(), blocking: Blocking::Inline, ..World::real() };
        let dir = Path::new("/node");
        let backend = Arc::clone(&self.backend) as Arc<dyn Backend>;
        let settings = extents::Config { extent_bytes: 4 * MIB as u64, reserve_bytes: 0, after_crash: false };
        let chunks = Chunks::open(&world, &dir.join("extents"), backend.clone(), settings).unwrap();
        let catalogue = Arc::new(Catalogue::open(backend, chunks.clone()).unwrap());
        let config = log::Config { segment_bytes: 1024, cache_bytes: 0 };
        let log = Log::open(&world, &dir.join("log"), config).await.unwrap();
        let snapshots = Snapshots::open(&world, &dir.join("snapshots")).unwrap();
        let (cut, progress) = (Arc::new(Purge(log.clone())), Arc::<Progress>::default());
        let (dir, stepping) = (dir.to_owned(), Arc::default());
        Scrub { world, dir, catalogue, chunks, snapshots, log, cut, progress, stepping }
    }

    fn run(&self, scrub: Scrub) -> Node {
        let shutdown = CancellationToken::new();
        let (world, chunks) = (scrub.world.clone(), scrub.chunks.clone());
        tokio::spawn(repair::run(world, chunks, Arc::new(self.other.clone()), shutdown.clone()));
        tokio::spawn(run(scrub.clone(), shutdown.clone()));
        Node { scrub, _stop: shutdown.clone().drop_guard(), shutdown }
    }

    async fn start(&self) -> Node {
        self.run(self.open().await)
    }

    /// Flips a bit in the first of these bytes in a file.
    fn flip(&self, path: &str, wanted: &[u8]) {
        let path = Path::new(path);
        let file = self.disk.open(path, Mode::Read).unwrap();
        let mut bytes = vec![0; file.len().unwrap() as usize];
        file.read_exact_at(&mut bytes, 0).unwrap();
        let at = bytes.windows(wanted.len()).position(|window| window == wanted).unwrap();
        self.disk.flip(path, at as u64, 0x10).unwrap();
    }
}

impl Node {
    async fn until(&self, what: &str, condition: impl Fn(&Scrub) -> bool) {
        let began = Instant::now();
        while !condition(&self.scrub) {
            assert!(began.elapsed() < PATIENCE, "waited for {what}: {:?}", self.scrub.progress.standing());
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits for the end of a pass that begins from now on.
    async fn pass(&self) {
        let before = self.scrub.progress.standing();
        self.until("a pass", |scrub| {
            let now = scrub.progress.standing();
            now.begun_ms > before.begun_ms && now.finished_ms >= now.begun_ms
        })
        .await;
    }
}

/// Stores these chunks here and on the other node, and commits a file of them in entry `index`.
fn store(machine: &Machine, scrub: &Scrub, index: u64, contents: &[(Hash, Bytes)]) {
    for (hash, data) in contents {
        scrub.chunks.put(*hash, data, Purpose::Upload).unwrap();
    }
    scrub.chunks.sync().unwrap();
    commit(machine, scrub, index, contents);
}

/// Commits a file whose chunks the other node has.
fn commit(machine: &Machine, scrub: &Scrub, index: u64, contents: &[(Hash, Bytes)]) {
    machine.other.0.lock().unwrap().extend(contents.iter().cloned());
    let membership = scrub.catalogue.applied().membership_at.map(Into::into);
    let hashes: Vec<Hash> = contents.iter().map(|(hash, _)| *hash).collect();
    let commit = v1::Commit {
        name: format!("files/{index}"),
        size: contents.iter().map(|(_, data)| data.len() as u64).sum(),
        blake3: vec![7; 32].into(),
        chunks: Hash::join(&hashes),
        sealed_under: membership,
        ..v1::Commit::default()
    };
    scrub.catalogue.apply(vec![entry(index, vec![own(Kind::Commit(commit))])]).unwrap();
    assert!(scrub.catalogue.file(&format!("files/{index}")).unwrap().is_some(), "it was committed");
}

fn set(scrub: &Scrub, index: u64, setting: Setting, value: u64) {
    let set = v1::SetSetting { key: setting.key().to_owned(), value };
    scrub.catalogue.apply(vec![entry(index, vec![own(Kind::SetSetting(set))])]).unwrap();
}

/// A membership, without which nothing can be committed, and a pass every minute at a MiB a second.
fn found(scrub: &Scrub) {
    let membership = v1::Membership { configs: vec![v1::Voters { ids: vec![1] }], nodes: vec![1] };
    let at = Position { term: 1, node: 1, index: 1 };
    let payload = crate::storage::catalogue::Payload::Membership(membership);
    scrub.catalogue.apply(vec![crate::storage::catalogue::Entry { at, payload }]).unwrap();
    set(scrub, 2, Setting::ScrubEvery, 60_000);
    set(scrub, 3, Setting::ScrubRate, MIB as u64);
}

/// Chunks whose bytes, or whose header, have changed are found by the next pass without anybody reading them, and come back
/// from the other node; the figures say so, and nothing is missing but meanwhile.
#[tokio::test(start_paused = true)]
async fn flipped_bits_heal() {
    let machine = Machine::new();
    let scrub = machine.open().await;
    found(&scrub);
    let contents: Vec<_> = (0..12).map(|seed| chunk(seed, MIB)).collect();
    store(&machine, &scrub, 4, &contents);
    let node = machine.run(scrub);
    node.pass().await;
    assert_eq!(node.scrub.chunks.healing(), extents::Healing::default());
    let extent = "/node/extents/000000000001.extent";
    machine.flip(extent, &contents[1].1[500..600]);
    machine.flip(extent, contents[2].0.as_bytes());
    node.pass().await;
    node.until("the chunks", |scrub| scrub.chunks.missing_count() == 0).await;
    let healing = node.scrub.chunks.healing();
    assert_eq!((healing.bad, healing.healed, healing.missing_bytes), (2, 2, 0));
    assert_eq!((healing.fetched, healing.fetched_bytes), (2, 2 * MIB as u64));
    for (hash, data) in &contents {
        assert_eq!(node.scrub.chunks.get_checked(hash).unwrap().as_ref(), Some(data));
    }
    node.pass().await;
    assert_eq!(node.scrub.chunks.healing().bad, 2, "nothing else is bad");
}

/// Twelve MiB at one MiB a second take twelve seconds; a pass broken off in the middle goes on there after a restart, and the
/// end of the one before is still known.
#[tokio::test(start_paused = true)]
async fn keeps_its_rate_and_its_place() {
    let machine = Machine::new();
    let scrub = machine.open().await;
    found(&scrub);
    store(&machine, &scrub, 4, &(0..12).map(|seed| chunk(seed, MIB)).collect::<Vec<_>>());
    let node = machine.run(scrub);
    node.pass().await;
    let first = node.scrub.progress.standing();
    let took = first.finished_ms - first.begun_ms;
    assert!((12_000..13_500).contains(&took), "{took} ms for 12 MiB");

    node.until("the second pass", |scrub| scrub.progress.standing().done_bytes > 7 * MIB as u64).await;
    let broken_off = node.scrub.progress.standing();
    assert!(broken_off.done_bytes < broken_off.total_bytes && broken_off.begun_ms > first.begun_ms);
    node.shutdown.cancel();
    sleep(LOOK).await;
    drop(node);
    machine.disk.kill();
    let began = Instant::now();
    let node = machine.start().await;
    node.until("the rest", |scrub| scrub.progress.standing().finished_ms > first.finished_ms).await;
    let standing = node.scrub.progress.standing();
    assert_eq!(standing.begun_ms, broken_off.begun_ms, "it is the same pass");
    assert!(began.elapsed() < Duration::from_secs(7), "{:?} for the rest", began.elapsed());
}

/// Of chunks that were never here it is known how many bytes are still to come, and for how long none came.
#[tokio::test(start_paused = true)]
async fn what_is_missing_is_known() {
    let machine = Machine::new();
    let scrub = machine.open().await;
    found(&scrub);
    let contents = [chunk(1, MIB), chunk(2, MIB), chunk(3, 100)];
    commit(&machine, &scrub, 4, &contents);
    sleep(PATIENCE).await;
    let healing = scrub.chunks.healing();
    assert_eq!((scrub.chunks.missing_count(), healing.missing_bytes), (3, 2 * MIB as u64 + 100));
    assert_eq!((healing.idle, healing.bad), (PATIENCE, 0));
    drop(scrub);
    machine.disk.kill();
    let node = machine.start().await;
    assert_eq!(node.scrub.chunks.healing().missing_bytes, 2 * MIB as u64 + 100, "also after a restart");
    node.until("the chunks", |scrub| scrub.chunks.missing_count() == 0).await;
    let expected = extents::Healing { fetched: 3, fetched_bytes: 2 * MIB as u64 + 100, ..Default::default() };
    assert_eq!(node.scrub.chunks.healing(), expected);
}

/// A damaged snapshot is replaced by a sound one of the catalogue: by a pass, or without waiting for one when another node could
/// not use it.
#[tokio::test(start_paused = true)]
async fn a_damaged_snapshot_is_built_anew() {
    for suspected in [false, true] {
        let machine = Machine::new();
        let scrub = machine.open().await;
        found(&scrub);
        let files = (0..50).map(|n| own(Kind::Put(put(&format!("files/{n}"), b"content")))).collect();
        scrub.catalogue.apply(vec![entry(4, files)]).unwrap();
        scrub.snapshots.build(&scrub.catalogue, &|| Ok(())).unwrap();
        let node = machine.run(scrub);
        node.pass().await;
        machine.flip("/node/snapshots/current", b"files/33");
        assert!(node.scrub.snapshots.check().is_err());
        if suspected {
            node.scrub.snapshots.suspect();
            node.until("a sound snapshot", |scrub| scrub.snapshots.check().is_ok()).await;
        } else {
            node.pass().await;
        }
        node.scrub.snapshots.check().unwrap();
        assert_eq!(node.scrub.snapshots.current().unwrap().meta.at, node.scrub.catalogue.applied().at);
        let standing = node.scrub.progress.standing();
        assert_eq!((standing.bad, standing.healed), (1, 1));
    }
}

/// However often it is looked at, until it is gone one damaged segment is one.
#[tokio::test(start_paused = true)]
async fn one_damage_is_counted_once() {
    /// Never gets to it.
    struct Idle;
    impl Cut for Idle {
        fn towards(&self, _: u64) -> BoxFuture<'_, ()> {
            Box::pin(async {})
        }
    }
    let machine = Machine::new();
    let scrub = Scrub { cut: Arc::new(Idle), ..machine.open().await };
    found(&scrub);
    fill(&scrub.log).await;
    let node = machine.run(scrub);
    node.pass().await;
    machine.flip("/node/log/0000000000000002.log", &[8; 100]);
    for _ in 0..3 {
        node.pass().await;
        let standing = node.scrub.progress.standing();
        assert_eq!((standing.bad, standing.healed), (1, 0));
    }
}

/// Forty entries in several segments.
async fn fill(log: &Log) {
    for index in 0..40u64 {
        let (done, durable) = tokio::sync::oneshot::channel();
        let entry = (index, Bytes::from(vec![index as u8 + 1; 100]));
        log.append(vec![entry], Box::new(move |result| drop(done.send(result)))).await.unwrap();
        durable.await.unwrap().unwrap();
    }
}

/// A damaged closed segment of the log is purged, and the log opens again without it.
#[tokio::test(start_paused = true)]
async fn a_damaged_segment_goes() {
    let machine = Machine::new();
    let scrub = machine.open().await;
    found(&scrub);
    fill(&scrub.log).await;
    let node = machine.run(scrub);
    node.pass().await;
    assert_eq!((node.scrub.log.indexes(), node.scrub.progress.standing().bad), (0..40, 0));
    let newest = format!("/node/log/{:016}.log", node.scrub.log.closed().len());
    machine.flip("/node/log/0000000000000002.log", &[8; 100]);
    node.pass().await;
    node.until("the segment to go", |scrub| scrub.progress.standing().healed == 1).await;
    let held = node.scrub.log.indexes();
    assert!(held.start > 8 && held.end == 40, "{held:?}");
    assert!(machine.disk.exists(Path::new(&newest)).unwrap(), "no more than need be");
    drop(node);
    machine.disk.kill();
    assert_eq!(machine.open().await.log.indexes(), held);
}

/// A row that is not what was applied stops the node: with the reason, so that the next start builds the catalogue anew; and
/// no snapshot is made of it.
#[tokio::test(start_paused = true)]
async fn a_changed_row_stops_the_node() {
    let machine = Machine::new();
    let node = machine.start().await;
    found(&node.scrub);
    node.scrub.catalogue.apply(vec![entry(4, vec![own(Kind::Put(put("files/1", b"x")))])]).unwrap();
    node.pass().await;
    let row = machine.backend.get(b"ffiles/1").unwrap().unwrap();
    let changed = [&row[..row.len() - 1], &[row[row.len() - 1] ^ 1]].concat();
    machine.backend.write(vec![(Bytes::from_static(b"ffiles/1"), Some(changed.into()))]).unwrap();
    assert!(node.scrub.snapshots.build(&node.scrub.catalogue, &|| Ok(())).is_err());
    assert!(node.scrub.snapshots.current().is_none());
    let why = tokio::time::timeout(PATIENCE, node.scrub.progress.failed()).await.unwrap();
    assert!(why.contains("do not match its digest"), "{why}");
}
