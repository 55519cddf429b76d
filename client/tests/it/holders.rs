//! Who holds a file: by what the nodes say of themselves, and where that does not tell, by asking.

use gossamer_client::{Client, Holding, PutOptions};
use gossamer_proto::hash::Hash;
use gossamer_proto::limits::CHUNK_BYTES;
use gossamer_proto::v1::{NodeReport, NodeState};

use crate::fake::Fake;
use crate::writes::content;

/// Nodes 1 and 2 as they are heard; the second misses so many chunks of whatever file.
fn heard(applied_index: u64, missing_chunks: u64, connected: bool) -> Vec<NodeState> {
    let report = |id, applied_index, missing_chunks| {
        let voters = vec![1, 2];
        Some(NodeReport { id, voters, applied_index, missing_chunks, ..NodeReport::default() })
    };
    vec![
        NodeState { report: report(1, u64::MAX, 0), connected: true, ..NodeState::default() },
        NodeState { report: report(2, applied_index, missing_chunks), connected, ..NodeState::default() },
    ]
}

/// What node 2 holds; node 1 holds all of it in any case.
async fn second(client: &Client) -> Holding {
    let info = client.stat("a").await.unwrap();
    let holders = client.holders(&info).await.unwrap();
    let nodes: Vec<u64> = holders.iter().map(|holder| holder.node).collect();
    assert_eq!((nodes, holders[0].holding), (vec![1, 2], Holding::Whole));
    holders[1].holding
}

/// A node that misses nothing is not asked; one that does is asked for each part of the file, and nobody answers in its
/// place.
#[tokio::test(flavor = "multi_thread")]
async fn said_and_asked() {
    let fake = Fake::start().await;
    let client = fake.client();
    let bytes = content(40 << 20);
    let stored = client.put_bytes("a", bytes.clone(), PutOptions::default()).await.unwrap();
    let hashes: Vec<Hash> = bytes.chunks(CHUNK_BYTES).map(Hash::of).collect();
    let applied = stored.version;

    fake.state().heard = heard(applied, 0, true);
    fake.state().lacks = (2, hashes.clone());
    assert_eq!(second(&client).await, Holding::Whole, "as it says");
    fake.state().heard = heard(applied, 3, true);
    assert_eq!(second(&client).await, Holding::Unknown, "it gives no word on any part");
    fake.state().lacks = (2, vec![hashes[20]]);
    assert_eq!(second(&client).await, Holding::Partly);
    fake.state().lacks = (2, Vec::new());
    assert_eq!(second(&client).await, Holding::Whole, "it misses chunks of other files");

    fake.state().heard = heard(applied - 1, 0, true);
    assert_eq!(second(&client).await, Holding::Behind);
    fake.state().heard = heard(applied, 0, false);
    assert_eq!(second(&client).await, Holding::Silent);
}
