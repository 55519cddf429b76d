//! Gets: from several nodes, past bad ones, of one version.

use gossamer_client::{GetError, PutOptions, Silent, StreamSink};
use gossamer_proto::hash::Hash;
use gossamer_proto::limits::PART_CHUNKS;

use crate::fake::Fake;
use crate::writes::content;

/// A node sends a flipped byte: it is told, and the right bytes come from the other.
#[tokio::test(flavor = "multi_thread")]
async fn bad_bytes() {
    let fake = Fake::start().await;
    let client = fake.client();
    let bytes = content(40 << 20);
    client.put_bytes("a", bytes.clone(), PutOptions::default()).await.unwrap();
    for node in [1, 2] {
        let bad = Hash::of(&bytes[5 << 20..6 << 20]);
        fake.state().flipped = Some((node, bad));
        // The nodes take turns: one of two reads meets the bad one first.
        for _ in 0..2 {
            assert!(client.get_bytes("a", 1 << 30).await.unwrap().1 == bytes);
        }
        let suspects = std::mem::take(&mut fake.state().suspects);
        assert!(!suspects.is_empty() && suspects.iter().all(|suspect| *suspect == (node, bad)));
    }
    assert!(fake.state().largest_read <= PART_CHUNKS);
}

/// A node breaks off in every answer: the rest of each part comes from the other.
#[tokio::test(flavor = "multi_thread")]
async fn broken_off() {
    let fake = Fake::start().await;
    let client = fake.client();
    let bytes = content((33 << 20) + 1);
    client.put_bytes("a", bytes.clone(), PutOptions::default()).await.unwrap();
    fake.state().cut_reads = true;
    assert!(client.get_bytes("a", 1 << 30).await.unwrap().1 == bytes);
}

/// Replaced before the first byte is out: the new version is read. After: an error, never a mixture.
#[tokio::test(flavor = "multi_thread")]
async fn replaced() {
    let fake = Fake::start().await;
    let client = fake.client();
    let bytes = content(200 << 20);
    client.put_bytes("a", bytes.clone(), PutOptions::default()).await.unwrap();
    fake.state().replace = Some(("files/a".to_owned(), content(5)));
    let (info, got) = client.get_bytes("a", 1 << 30).await.unwrap();
    assert_eq!((info.size, got), (5, content(5)));

    client.put_bytes("a", bytes.clone(), PutOptions::default()).await.unwrap();
    let (writer, mut reader) = tokio::io::duplex(1 << 20);
    let get = tokio::spawn(async move { client.get("a", &mut StreamSink::new(writer), &Silent).await });
    let mut first = vec![0; 1 << 20];
    tokio::io::AsyncReadExt::read_exact(&mut reader, &mut first).await.unwrap();
    assert!(first == bytes[..1 << 20]);
    // At most 64 MiB are on their way: the rest has not been asked for yet.
    fake.state().replace = Some(("files/a".to_owned(), content(5)));
    let mut rest = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut reader, &mut rest).await.unwrap();
    assert!(bytes[1 << 20..].starts_with(&rest));
    assert!(matches!(get.await.unwrap().unwrap_err(), GetError::Replaced(_)));
}
