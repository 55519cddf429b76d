//! Puts: every size, every failure on the way, each operation once.

use std::time::Duration;

use bytes::Bytes;
use gossamer_client::{Condition, Kind, PutError, PutOptions, Silent, Source, SourceError, StreamSource};
use gossamer_proto::hash::Hash;
use gossamer_proto::limits::CHUNK_BYTES;
use gossamer_proto::v1::{Code, Failure};
use gossamer_world::network::BoxFuture;

use crate::fake::{Fake, Trick};

const MIB: usize = 1 << 20;

/// Content in which every MiB differs.
pub(crate) fn content(length: usize) -> Bytes {
    let mut bytes = vec![0; length];
    let mut reader = blake3::Hasher::new().update(&length.to_le_bytes()).finalize_xof();
    reader.fill(&mut bytes);
    bytes.into()
}

/// Sizes around every boundary come back as they were, from memory and from a stream of unknown length.
#[tokio::test(flavor = "multi_thread")]
async fn round_trips() {
    let fake = Fake::start().await;
    let client = fake.client();
    for size in [0, 1, 64 << 10, (64 << 10) + 1, MIB - 1, MIB, MIB + 1, 17 * MIB + 3, 70 * MIB] {
        let bytes = content(size);
        let name = format!("sizes/{size}");
        let stored = client.put_bytes(&name, bytes.clone(), PutOptions::default()).await.unwrap();
        assert_eq!((stored.size, stored.sent_bytes, stored.resumed_bytes), (size as u64, size as u64, 0));
        assert_eq!(stored.blake3, Hash::of(&bytes), "{size}");
        let streamed = StreamSource::new(&bytes[..]);
        let again = client.put(&name, streamed, PutOptions::default(), &Silent).await.unwrap();
        let inline = size <= 64 << 10;
        assert_eq!(
            again.sent_bytes,
            if inline { size as u64 } else { 0 },
            "chunks that are held are not sent"
        );
        assert_eq!(fake.state().inline.contains_key(&name), inline);
        let (info, got) = client.get_bytes(&name, 1 << 30).await.unwrap();
        assert!(got == bytes, "{size}");
        assert_eq!((info.version, info.blake3), (again.version, stored.blake3));
        assert_eq!(client.stat(&name).await.unwrap(), info);
    }
}

/// UNKNOWN and FULL: the same operation is sent again and is applied once.
#[tokio::test]
async fn same_operation_again() {
    let fake = Fake::start().await;
    let client = fake.client();
    let unknown = Failure::new(Code::Unknown, "the leader died");
    let full = Failure::new(Code::Full, "come again").retry_after(20);
    let unavailable = Failure::new(Code::Unavailable, "no leader");
    fake.state().failures.extend([unknown, full, unavailable]);
    let stored = client.put_bytes("a", content(9), PutOptions::default()).await.unwrap();
    assert_eq!((stored.name.as_str(), stored.version), ("files/a", 1));
    // A commit that was applied, but whose answer was lost: the condition is not judged a second time.
    fake.state().tricks.push_back(Trick::AppliedUnknown);
    let if_absent = PutOptions { condition: Some(Condition::IfAbsent), ..PutOptions::default() };
    let stored = client.put_bytes("b", content(3 * MIB), if_absent).await.unwrap();
    assert_eq!((stored.version, fake.state().version), (2, 2));
    let state = fake.state();
    let (small, large) = state.operations.split_at(4);
    assert!(small.windows(2).all(|pair| pair[0] == pair[1]) && small[0].known_index == 1);
    assert!(large.len() == 2 && large[0] == large[1] && large[0].sequence != small[0].sequence);
}

/// The connection breaks in the middle, and the leader changes: the same upload goes on, and nearly nothing is sent twice.
#[tokio::test(flavor = "multi_thread")]
async fn resumes() {
    let fake = Fake::start().await;
    fake.state().break_after = Some(20);
    let bytes = content(40 * MIB);
    let stored = fake.client().put_bytes("a", bytes.clone(), PutOptions::default()).await.unwrap();
    {
        let mut state = fake.state();
        assert_eq!(state.opened.len(), 2);
        assert_eq!(state.opened[0], state.opened[1]);
        assert_eq!(state.uploaded.len(), 40, "no chunk that had arrived was sent again");
        assert!(stored.sent_bytes < 60 * MIB as u64, "at most the window that was on its way");
        // Another put of the same content by another client, half of which is there.
        for hash in state.uploaded.split_off(20) {
            state.chunks.remove(&hash);
        }
        state.forbidden_until = 4;
    }
    let stored = fake.client().put_bytes("b", bytes, PutOptions::default()).await.unwrap();
    assert_eq!(stored.resumed_bytes, 20 * MIB as u64);
    assert_eq!(fake.state().opened.len(), 4, "a ticket that is refused is replaced by a new one");
    assert_eq!(fake.state().uploaded.len(), 20 + 20);
}

/// Chunks that the cluster lost before the commit are sent again; a stream cannot.
#[tokio::test(flavor = "multi_thread")]
async fn missing_at_commit() {
    let fake = Fake::start().await;
    let client = fake.client();
    let bytes = content(5 * MIB + 5);
    fake.state().tricks.push_back(Trick::LostChunks);
    // In a task of its own: the future must be one that runtimes can move.
    let (put, content) = (client.clone(), bytes.clone());
    let put = tokio::spawn(async move { put.put_bytes("a", content, PutOptions::default()).await });
    let stored = put.await.unwrap().unwrap();
    assert_eq!(stored.sent_bytes, 2 * bytes.len() as u64);
    assert!(client.get_bytes("a", 1 << 30).await.unwrap().1 == bytes);
    fake.state().tricks.push_back(Trick::LostChunks);
    let error =
        client.put("b", StreamSource::new(&bytes[..]), PutOptions::default(), &Silent).await.unwrap_err();
    assert!(matches!(error, PutError::Stream { .. }), "{error}");
}

/// While an earlier delivery of a commit may yet be carried out, the operation keeps its name, and no later failure
/// passes for "not stored".
#[tokio::test(flavor = "multi_thread")]
async fn doubt() {
    let fake = Fake::start().await;
    let client = fake.client();
    let bytes = content(2 * MIB);
    let lose = |fake: &Fake| fake.state().tricks.push_back(Trick::LostInDoubt);
    lose(&fake);
    client.put_bytes("a", bytes.clone(), PutOptions::default()).await.unwrap();
    {
        let operations = &fake.state().operations;
        assert!(operations.len() == 2 && operations[0] == operations[1], "{operations:?}");
    }
    lose(&fake);
    let stream = StreamSource::new(&bytes[..]);
    let error = client.put("b", stream, PutOptions::default(), &Silent).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unknown, "{error}");
    let full = Failure::new(Code::NoSpace, "node 1 is full");
    fake.state().failures.extend([Failure::new(Code::Unknown, "the leader died"), full]);
    let error = client.delete("a", None).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unknown, "{error}");
}

/// Conditions, missing names and bad names end an operation at once, each with its kind; a put that may have been
/// done says so.
#[tokio::test]
async fn ends() {
    let fake = Fake::start().await;
    let client = fake.client();
    let if_version =
        |version| PutOptions { condition: Some(Condition::IfVersion(version)), ..PutOptions::default() };
    assert_eq!(client.put_bytes("a", content(1), if_version(9)).await.unwrap_err().kind(), Kind::Condition);
    assert_eq!(client.put_bytes("a", content(MIB), if_version(9)).await.unwrap_err().kind(), Kind::Condition);
    assert_eq!(client.put_bytes("../a", content(1), if_version(9)).await.unwrap_err().kind(), Kind::Usage);
    assert_eq!(client.stat("a").await.unwrap_err().kind(), Kind::NotFound);
    assert_eq!(client.get_bytes("a", 1).await.unwrap_err().kind(), Kind::NotFound);
    assert_eq!(client.delete("a", None).await.unwrap_err().kind(), Kind::NotFound);
    let stored = client.put_bytes("a", content(1), PutOptions::default()).await.unwrap();
    let wrong = Some(Condition::IfVersion(stored.version + 1));
    assert_eq!(client.delete("a", wrong).await.unwrap_err().kind(), Kind::Condition);
    assert_eq!(client.delete("a", None).await.unwrap(), stored.version);
    fake.state().failures.push_back(Failure::new(Code::NoSpace, "node 1 is full"));
    let error = client.put_bytes("a", content(1), PutOptions::default()).await.unwrap_err();
    assert!(matches!(error, PutError::NoSpace { .. }), "{error}");

    let hasty = fake.patient(Duration::from_millis(200));
    // Opened again and again, but no byte moves.
    fake.state().forbidden_until = usize::MAX;
    let error = hasty.put_bytes("a", content(MIB), PutOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    let busy = Failure::new(Code::Unavailable, "no quorum");
    fake.state().failures = std::iter::repeat_n(busy.clone(), 1000).collect();
    assert_eq!(hasty.delete("a", None).await.unwrap_err().kind(), Kind::Unavailable);
    // One attempt in doubt, and doubt remains although the later ones certainly did nothing.
    fake.state().failures.push_front(Failure::new(Code::Unknown, "the leader died"));
    let error = hasty.delete("a", None).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unknown);
    assert!(error.to_string().contains("UNKNOWN"), "{error}");
}

/// Nobody listens at the first address: the second is used. Nobody anywhere: unavailable.
#[tokio::test]
async fn queue_servers() {
    let fake = Fake::start().await;
    let world = gossamer_world::World::real();
    // Port 1 of loopback is nobody's.
    let config = |queues: &[&str]| gossamer_client::Config {
        patience: Duration::from_millis(200),
        ..gossamer_client::Config::new(
            world.clone(),
            queues.iter().map(|queue| (*queue).to_owned()).collect(),
        )
    };
    let client = gossamer_client::Client::new(config(&["127.0.0.1:1", &fake.queue])).unwrap();
    client.put_bytes("a", content(1), PutOptions::default()).await.unwrap();
    let client = gossamer_client::Client::new(config(&["127.0.0.1:1"])).unwrap();
    assert_eq!(client.stat("a").await.unwrap_err().kind(), Kind::Unavailable);
    assert!(
        gossamer_client::Client::new(config(&["10.0.0.1:4068"])).is_err(),
        "only loopback without --insecure"
    );
}

/// Three chunks over and over: a file of any length in 3 MiB of memory.
struct Repeated {
    chunks: Vec<Bytes>,
    at: usize,
    end: usize,
}

impl Source for Repeated {
    fn length(&self) -> Option<u64> {
        Some((self.end * CHUNK_BYTES) as u64)
    }
    fn next(&mut self) -> BoxFuture<'_, Result<Bytes, SourceError>> {
        let piece = if self.at < self.end { self.chunks[self.at % 3].clone() } else { Bytes::new() };
        self.at += 1;
        Box::pin(std::future::ready(Ok(piece)))
    }
    fn again(&mut self, offset: u64, _length: usize) -> BoxFuture<'_, Result<Bytes, SourceError>> {
        let piece = self.chunks[offset as usize / CHUNK_BYTES % 3].clone();
        Box::pin(std::future::ready(Ok(piece)))
    }
    fn check(&mut self) -> BoxFuture<'_, Result<(), SourceError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Over 1024 chunks the hash list is stored as chunks; what of it is lost is sent again; a read follows it.
#[tokio::test(flavor = "multi_thread")]
async fn long_lists() {
    let fake = Fake::start().await;
    let client = fake.client();
    let chunks: Vec<Bytes> = (0..3).map(|at| content(3 * MIB).slice(at * MIB..(at + 1) * MIB)).collect();
    let source = Repeated { chunks: chunks.clone(), at: 0, end: 1026 };
    fake.state().tricks.push_back(Trick::LostChunks);
    let stored = client.put("long", source, PutOptions::default(), &Silent).await.unwrap();
    assert_eq!(stored.size, 1026 << 20);
    let record = fake.state().files["files/long"].clone();
    assert_eq!((record.depth, record.chunks.len()), (1, 32));
    // What is read is hashed as it comes: the whole file's hash proves order and completeness.
    let (writer, mut reader) = tokio::io::duplex(1 << 20);
    let get = tokio::spawn(async move {
        client.get("long", &mut gossamer_client::StreamSink::new(writer), &Silent).await
    });
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 1 << 20];
    while let Ok(length @ 1..) = tokio::io::AsyncReadExt::read(&mut reader, &mut buffer).await {
        hasher.update(&buffer[..length]);
    }
    get.await.unwrap().unwrap();
    assert_eq!(Hash::from(*hasher.finalize().as_bytes()), stored.blake3);
}
