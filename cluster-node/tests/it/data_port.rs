//! The data port over loopback: chunks up and down, and what bad requests get.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::{BufMut, Bytes, BytesMut};
use gossamer_cluster_node::data::ticket::{Grant, Tickets, to_hex};
use gossamer_cluster_node::data::{self, Config};
use gossamer_cluster_node::peers::{Cluster, Peers};
use gossamer_cluster_node::raft::View;
use gossamer_cluster_node::storage::catalogue::backend::{Backend, BackendError, Batch};
use gossamer_cluster_node::storage::extents::{self, Chunks};
use gossamer_proto::channel::{Channels, full};
use gossamer_proto::hash::Hash;
use gossamer_proto::limits::CHUNK_BYTES;
use gossamer_proto::listener::Bound;
use gossamer_proto::trust::Trust;
use gossamer_world::World;
use http_body_util::BodyExt;
use hyper::Request;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

/// An index that forgets: the extents bring it back.
#[derive(Default)]
struct Rows(Mutex<BTreeMap<Bytes, Bytes>>);

impl Backend for Rows {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, BackendError> {
        Ok(self.0.lock().unwrap().get(key).cloned())
    }
    fn write(&self, batch: Batch) -> Result<(), BackendError> {
        let mut rows = self.0.lock().unwrap();
        for (key, value) in batch {
            match value {
                Some(value) => rows.insert(key, value),
                None => rows.remove(&key),
            };
        }
        Ok(())
    }
    fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, BackendError> {
        let range = Bytes::copy_from_slice(from)..Bytes::copy_from_slice(to);
        Ok(self.0.lock().unwrap().range(range).take(limit).map(|(k, v)| (k.clone(), v.clone())).collect())
    }
    fn clear(&self) -> Result<(), BackendError> {
        self.0.lock().unwrap().clear();
        Ok(())
    }
    fn flush(&self) -> Result<(), BackendError> {
        Ok(())
    }
}

struct Port {
    addr: String,
    channels: Channels,
    chunks: Arc<Chunks>,
    tickets: Arc<Tickets>,
    _view: watch::Sender<View>,
    _dir: tempfile::TempDir,
    _shutdown: DropGuard,
}

impl Port {
    async fn open() -> Self {
        let (world, dir) = (World::real(), tempfile::tempdir().unwrap());
        let settings = extents::Config { extent_bytes: 64 << 20, reserve_bytes: 0, after_crash: false };
        let chunks = Chunks::open(&world, dir.path(), Arc::new(Rows::default()), settings).unwrap();
        let bound = Bound::bind(&world, "127.0.0.1:0".parse().unwrap(), &Trust::Loopback).await.unwrap();
        let (addr, channels) = (bound.addr().to_string(), Channels::new(&world, Trust::Loopback));
        let tickets = Arc::new(Tickets::new(&world));
        let (sender, view) = watch::channel(View { id: 1, voters: vec![1], ..View::default() });
        let shutdown = CancellationToken::new();
        let config = Config {
            world,
            channels: channels.clone(),
            chunks: chunks.clone(),
            tickets: tickets.clone(),
            peers: Peers::new(channels.clone(), Cluster::default()),
            view,
        };
        tokio::spawn(data::run(bound, config, shutdown.clone()));
        let _shutdown = shutdown.drop_guard();
        Port { addr, channels, chunks, tickets, _view: sender, _dir: dir, _shutdown }
    }

    async fn post(&self, path: &str, ticket: &[u8], headers: &[(&str, usize)], body: Bytes) -> (u16, Bytes) {
        let mut request = Request::post(path).header("gossamer-ticket", to_hex(ticket));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = self.channels.send(&self.addr, request.body(full(body)).unwrap()).await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.into_body().collect().await.unwrap().to_bytes())
    }

    fn ticket(&self, grant: Grant) -> Bytes {
        self.tickets.issue(&grant)
    }
}

fn chunk(seed: u64, length: usize) -> Bytes {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes.into()
}

fn frame(hash: Hash, bytes: &[u8]) -> Bytes {
    let mut frame = BytesMut::new();
    frame.put_u32_le(bytes.len() as u32);
    frame.put_slice(hash.as_bytes());
    frame.put_slice(bytes);
    frame.freeze()
}

/// What is brought is held, and is read back byte for byte, whole and in part.
#[tokio::test(flavor = "multi_thread")]
async fn there_and_back() {
    let port = Port::open().await;
    let upload = port.ticket(Grant::Upload { upload_id: [1; 16] });
    let sizes = [CHUNK_BYTES, CHUNK_BYTES, 1, CHUNK_BYTES, CHUNK_BYTES, CHUNK_BYTES, 4097];
    let chunks: Vec<Bytes> = sizes.into_iter().zip(0..).map(|(size, seed)| chunk(seed, size)).collect();
    let hashes: Vec<Hash> = chunks.iter().map(|chunk| Hash::of(chunk)).collect();
    let list = Hash::join(&hashes);
    assert_eq!(port.post("/have", &upload, &[], list.clone()).await, (200, vec![0; sizes.len()].into()));
    let body: BytesMut = hashes.iter().zip(&chunks).flat_map(|(hash, chunk)| frame(*hash, chunk)).collect();
    assert_eq!(port.post("/upload", &upload, &[], body.freeze()).await, (200, Bytes::new()));
    assert_eq!(port.post("/have", &upload, &[], list.clone()).await, (200, vec![1; sizes.len()].into()));

    let read = port.ticket(Grant::Read { list: Hash::of(&list) });
    assert!(port.post("/read", &read, &[], list.clone()).await == (200, chunks.concat().into()));
    let part = [("gossamer-from", 2), ("gossamer-to", 4)];
    assert!(port.post("/read", &read, &part, list.clone()).await == (200, chunks[2..4].concat().into()));
    for bad in [[("gossamer-from", 3), ("gossamer-to", 2)], [("gossamer-from", 0), ("gossamer-to", 8)]] {
        assert_eq!(port.post("/read", &read, &bad, list.clone()).await.0, 400);
    }
    let suspected = Bytes::copy_from_slice(hashes[0].as_bytes());
    assert_eq!(port.post("/suspect", &read, &[], suspected).await, (200, Bytes::new()));
    assert!(port.chunks.has(&hashes[0]).unwrap(), "a good chunk stays");
}

/// Every bad request gets its status and a line of text, and leaves nothing behind.
#[tokio::test(flavor = "multi_thread")]
async fn refusals() {
    let port = Port::open().await;
    let (good, bad) = (chunk(1, 70_000), chunk(2, 70_000));
    let (hash, list) = (Hash::of(&good), Hash::join(&[Hash::of(&good)]));
    let upload = port.ticket(Grant::Upload { upload_id: [1; 16] });
    let read = port.ticket(Grant::Read { list: Hash::of(&list) });
    let others = Tickets::new(&World::real()).issue(&Grant::Upload { upload_id: [1; 16] });
    let mut long = BytesMut::from(&(CHUNK_BYTES as u32 + 1).to_le_bytes()[..]);
    long.put_slice(&chunk(3, 3 << 20));
    let whole = frame(hash, &good);
    for (status, path, ticket, body) in [
        (404, "/", &upload, Bytes::new()),
        (403, "/upload", &others, whole.clone()),
        (403, "/upload", &read, whole.clone()),
        (403, "/have", &read, list.clone()),
        (403, "/read", &upload, list.clone()),
        (403, "/read", &read, Hash::join(&[Hash::of(&bad)])),
        (404, "/read", &read, list.clone()),
        (400, "/have", &upload, list.slice(1..)),
        (400, "/have", &upload, Bytes::from(vec![0; 32 * 1025])),
        (422, "/upload", &upload, frame(hash, &bad)),
        (400, "/upload", &upload, long.freeze()),
        (400, "/upload", &upload, frame(hash, &[])),
        (400, "/upload", &upload, whole.slice(..whole.len() - 1)),
    ] {
        let (found, text) = port.post(path, ticket, &[], body).await;
        assert_eq!(found, status, "{path}: {text:?}");
        assert!(text.ends_with(b"\n") && text.len() > 10, "{text:?}");
    }
    // A refusal at the first chunk reaches a client that goes on sending a whole window.
    let rest = frame(hash, &bad).repeat(33 * CHUNK_BYTES / bad.len());
    let early = Bytes::from([&frame(hash, &bad)[..], &rest[..]].concat());
    for _ in 0..5 {
        assert_eq!(port.post("/upload", &upload, &[], early.clone()).await.0, 422);
    }
    for hash in [hash, Hash::of(&bad)] {
        assert!(!port.chunks.has(&hash).unwrap(), "nothing is stored");
    }
    assert_eq!(port.post("/upload", &upload, &[], whole).await.0, 200, "the port still serves");
}
