//! Cut off from the majority.

use std::time::Duration;

use gossamer_client::Kind;
use gossamer_nemesis::cluster::{Layout, PATIENCE};
use gossamer_nemesis::lab::{Cables, Host};
use tokio::time::Instant;

use super::Scenario;

/// What clients on the side of the minority give an operation.
const DEADLINE: Duration = Duration::from_secs(3);
/// What an answer may take beyond it: a round trip, on a machine under load.
const ROUND_TRIP: Duration = Duration::from_secs(3);
/// Within this a partial cut must leave one leader that stays.
const STABLE: Duration = Duration::from_secs(10);

/// The leader, its queue server and a client are cut off from the others: the client's write and read end with an error within
/// their deadline, and the old content is never told. The others go on. Once mended, the minority's write is there
/// once or not at all, and the majority's is.
#[test]
fn errors_and_no_old_data() {
    let Some(scenario) = Scenario::start(Layout::Machines, 3, 0, Vec::new()) else { return };
    let leader = scenario.watch().unwrap().leader(PATIENCE).unwrap();
    let others: Vec<Host> = scenario.first_nodes().into_iter().filter(|host| *host != leader).collect();
    let (inside, outside) = (scenario.client(&[leader], DEADLINE), scenario.client(&others, PATIENCE));
    scenario.put(&inside, "minority/x", "old");

    let pairs = Cables::between(&[leader], &others);
    let mut cables = Cables::new(scenario.nodes());
    cables.cut(&scenario.lab, &pairs).unwrap();
    scenario.put(&outside, "minority/x", "new");
    for _ in 0..3 {
        let (client, begun) = (inside.clone(), Instant::now());
        let read = scenario
            .inside
            .run(async move { client.get_bytes("minority/x", 10).await.map(|(_, bytes)| bytes) });
        assert_eq!(read.map_err(|error| error.kind()), Err(Kind::Unavailable), "a read");
        let client = inside.clone();
        let write = scenario.inside.run(async move {
            client.put_bytes("minority/y", "y".into(), Default::default()).await.map(|stored| stored.version)
        });
        let kind = write.map_err(|error| error.kind());
        assert!(matches!(kind, Err(Kind::Unavailable | Kind::Unknown)), "a write: {kind:?}");
        assert!(begun.elapsed() < DEADLINE * 2 + ROUND_TRIP, "they took {:?}", begun.elapsed());
    }
    cables.mend(&scenario.lab, &pairs).unwrap();
    scenario.watch().unwrap().settled(3, PATIENCE).unwrap();
    let client = scenario.client(&[leader], PATIENCE);
    let reader = client.clone();
    let read = scenario.inside.run(async move { reader.get_bytes("minority/x", 10).await }).unwrap();
    assert_eq!(read.1, "new");
    // What was written at the minority is there or is not; nobody was told that it is.
    let read = scenario.inside.run(async move { client.get_bytes("minority/y", 10).await });
    match read {
        Ok((_, bytes)) => assert_eq!(bytes, "y"),
        Err(error) => assert_eq!(error.kind(), Kind::NotFound),
    }
}

/// The leader and another node do not hear each other, both hear the third: within ten seconds there is one leader, and the
/// term stays what it is; writes flow all the while.
#[test]
fn a_partial_cut_leaves_one_leader() {
    let Some(scenario) = Scenario::start(Layout::Apart, 3, 0, Vec::new()) else { return };
    let watch = scenario.watch().unwrap();
    let leader = watch.leader(PATIENCE).unwrap();
    let other = scenario.first_nodes().into_iter().find(|host| *host != leader).unwrap();
    let pairs = Cables::between(&[leader], &[other]);
    let mut cables = Cables::new(scenario.nodes());
    cables.cut(&scenario.lab, &pairs).unwrap();
    std::thread::sleep(STABLE);
    let term = |seen: &gossamer_nemesis::cluster::Seen| {
        let leader = seen.leader()?;
        Some((leader, seen.report(leader)?.term))
    };
    let before = watch.until("a leader", Duration::from_secs(1), term).unwrap();
    let client = scenario.client(&scenario.queues(), PATIENCE);
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(5) {
        scenario.put(&client, "partial/x", "x");
    }
    assert_eq!(
        watch.until("a leader", Duration::from_secs(1), term).unwrap(),
        before,
        "leader and term changed"
    );
    cables.mend(&scenario.lab, &pairs).unwrap();
    watch.settled(3, PATIENCE).unwrap();
}
