//! A node that answers tasks which others have finished meanwhile.

use std::time::Duration;

use gossamer_client::{Condition, PutError, PutOptions};
use gossamer_nemesis::cluster::{Layout, PATIENCE};
use gossamer_nemesis::lab::Host;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Scenario;

/// Longer than a lease of a task, which is 1 s, by far: others have its tasks then.
const PAUSE: Duration = Duration::from_millis(2500);
/// So often a node is paused at most, until one had tasks when it was.
const ROUNDS: usize = 12;
/// Clients that read beside the one that writes: so many reads are under way at any moment.
const READERS: usize = 8;

/// The leader and the others in turn are paused with stolen tasks in their hands; others finish those. Once resumed, their late
/// results are refused: the queue servers count them. A counter, each step of which puts over the version of the step
/// before, is never applied twice or answered differently, and no reader sees it go back.
#[test]
fn refused() {
    let Some(scenario) = Scenario::start(Layout::Apart, 3, 0, Vec::new()) else { return };
    let watch = scenario.watch().unwrap();
    let client = scenario.client(&scenario.queues(), PATIENCE);
    scenario.put(&client, "late/counter", "0");
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let counting = {
        let stopped = stopped.clone();
        scenario.inside.spawn(async move {
            let mut version = client.stat("late/counter").await.unwrap().version;
            let mut step = 0u64;
            while !*stopped.borrow() {
                step += 1;
                let options =
                    PutOptions { condition: Some(Condition::IfVersion(version)), ..PutOptions::default() };
                version = client.put_bytes("late/counter", step.to_string().into(), options).await?.version;
            }
            Ok::<_, PutError>(step)
        })
    };
    let mut reading = Vec::new();
    for _ in 0..READERS {
        let (client, stopped) = (scenario.client(&scenario.queues(), PATIENCE), stopped.clone());
        reading.push(scenario.inside.spawn(async move {
            let (mut last, mut reads) = (0, 0u64);
            while !*stopped.borrow() {
                let (_, bytes) = client.get_bytes("late/counter", 100).await.unwrap();
                let count: u64 = std::str::from_utf8(&bytes).unwrap().parse().unwrap();
                assert!(count >= last, "a read of {count} after one of {last}");
                (last, reads) = (count, reads + 1);
            }
            reads
        }));
    }
    let mut rounds = 0;
    while late(&scenario) == 0 || rounds < 3 {
        assert!(rounds < ROUNDS, "no result was late, {rounds} pauses long");
        let leader = watch.leader(PATIENCE).unwrap();
        let other = scenario.first_nodes().into_iter().find(|host| *host != leader).unwrap();
        let process = scenario.node(if rounds % 2 == 0 { leader } else { other }).unwrap();
        process.pause().unwrap();
        std::thread::sleep(PAUSE);
        process.resume().unwrap();
        watch.settled(3, PATIENCE).unwrap();
        rounds += 1;
    }
    stop.send(true).unwrap();
    let steps = scenario.inside.run(counting).unwrap().unwrap();
    let reads: u64 = reading.into_iter().map(|reader| scenario.inside.run(reader).unwrap()).sum();
    super::say(&format!("{rounds} pauses, {} late results, {steps} steps, {reads} reads", late(&scenario)));
}

/// Late results that the queue servers have refused so far.
fn late(scenario: &Scenario) -> u64 {
    const NAME: &str = "gossamer_queue_late_results_total ";
    let count = |host: Host| {
        let at = format!("{}:4069", scenario.lab.address(host));
        let text = scenario.inside.run(async move {
            let mut stream = TcpStream::connect(&at).await.unwrap();
            let request = format!("GET /metrics HTTP/1.1\r\nhost: {at}\r\nconnection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).await.unwrap();
            text
        });
        let value = text.lines().find_map(|line| line.strip_prefix(NAME));
        value.unwrap_or_else(|| panic!("no {NAME}in {text}")).trim().parse::<u64>().unwrap()
    };
    scenario.queues().into_iter().map(count).sum()
}
