//! Whole components on a LAN in memory, in paused time: waiting costs nothing.

use std::sync::Arc;
use std::time::Duration;

use gossamer_discovery::counters::Count;
use gossamer_discovery::{Config, FindError, Found, Handle, census, find, prepare};
use gossamer_proto::token::Token;
use gossamer_world::World;
use gossamer_world::random::Kernel;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::memory::{Air, Machine, interface};

const PATIENCE: Duration = Duration::from_secs(30);

fn token(name: &str) -> Token {
    Token::draw(name, &Kernel).unwrap()
}

fn config(machine: &Machine, token: Option<&Token>, announce: Option<u16>) -> Config {
    Config { lan: Arc::new(machine.clone()), announce, ..Config::new(World::real(), token.cloned()) }
}

/// Runs until the guard is dropped.
fn start(config: Config) -> (Handle, DropGuard) {
    let (handle, running) = prepare(config);
    let shutdown = CancellationToken::new();
    tokio::spawn(running.run(shutdown.clone()));
    (handle, shutdown.drop_guard())
}

/// Waits until what is found is as wanted.
async fn until(handle: &Handle, wanted: impl FnMut(&Found) -> bool) -> Found {
    handle.found().wait_for(wanted).await.unwrap().clone()
}

async fn until_found(handle: &Handle, queue_servers: &[&str]) {
    let addrs: Vec<_> = queue_servers.iter().map(|addr| addr.parse().unwrap()).collect();
    until(handle, |found| found.queue_servers == addrs).await;
}

/// Machines of one cluster find each other's queue servers, those of another never; each hears that the other cluster
/// is there; who has no token hears both, who has the wrong one is told so, who is alone is told that.
#[tokio::test(start_paused = true)]
async fn two_clusters() {
    let air = Air::default();
    let (red, blue) = (token("red"), token("blue"));
    let machine = |last| air.machine(&[interface("lan", [10, 0, 0, last])]);
    let (red_1, _one) = start(config(&machine(1), Some(&red), Some(7001)));
    let (red_2, _two) = start(config(&machine(2), Some(&red), Some(7002)));
    let (node, _three) = start(config(&machine(3), Some(&red), None));
    let (blue_4, _four) = start(config(&machine(4), Some(&blue), Some(7004)));
    until_found(&red_1, &["10.0.0.2:7002"]).await;
    until_found(&red_2, &["10.0.0.1:7001"]).await;
    until_found(&node, &["10.0.0.1:7001", "10.0.0.2:7002"]).await;
    let alone = until(&blue_4, |found| found.foreign.len() == 2).await;
    assert!(alone.queue_servers.is_empty() && alone.foreign.iter().all(|heard| heard.name == "red"));

    let names =
        |heard: &[gossamer_discovery::Heard]| heard.iter().map(|one| one.to_string()).collect::<Vec<_>>();
    let all =
        ["cluster blue at 10.0.0.4:7004", "cluster red at 10.0.0.1:7001", "cluster red at 10.0.0.2:7002"];
    let heard = census(config(&machine(5), None, None), Duration::from_millis(100)).await;
    assert_eq!(names(&heard), all);
    let found = find(config(&machine(6), Some(&red), None), PATIENCE).await.unwrap();
    assert_eq!(found, ["10.0.0.1:7001".parse().unwrap(), "10.0.0.2:7002".parse().unwrap()]);
    match find(config(&machine(7), Some(&token("green")), None), PATIENCE).await {
        Err(FindError::Foreign(heard)) => assert_eq!(names(&heard), all),
        other => panic!("{other:?}"),
    }
    let elsewhere = air.machine(&[interface("else", [10, 0, 0, 8])]);
    assert_eq!(find(config(&elsewhere, Some(&red), None), PATIENCE).await, Err(FindError::Nobody));

    // For as long as it runs: the addresses stay, because the asking never ends.
    tokio::time::sleep(Duration::from_secs(3600)).await;
    until_found(&node, &["10.0.0.1:7001", "10.0.0.2:7002"]).await;
    let sent = node.count(Count::Sent);
    assert!((120..200).contains(&sent), "{sent} requests in an hour");
    assert!(blue_4.found().borrow().queue_servers.is_empty());
}

/// A queue server that comes late, the first or another, is found at once by who has long slowed down; one that went
/// is forgotten.
#[tokio::test(start_paused = true)]
async fn late_and_gone() {
    let (air, token) = (Air::default(), token("lab"));
    let machine = |last| air.machine(&[interface("lan", [10, 0, 0, last])]);
    let (node, _one) = start(config(&machine(1), Some(&token), None));
    tokio::time::sleep(Duration::from_secs(600)).await;
    let mut stop = Vec::new();
    for (last, addrs) in [(2, &["10.0.0.2:7002"][..]), (3, &["10.0.0.2:7002", "10.0.0.3:7003"])] {
        let (server, running) = start(config(&machine(last), Some(&token), Some(7000 + u16::from(last))));
        stop.push(running);
        let quick = Duration::from_secs(2);
        tokio::time::timeout(quick, until_found(&node, addrs)).await.expect("its own asking tells of it");
        tokio::time::sleep(Duration::from_secs(600)).await;
        until_found(&node, addrs).await;
        assert!(server.count(Count::Answered) > 10);
    }
    stop.pop();
    let soon = Duration::from_secs(110);
    tokio::time::timeout(soon, until_found(&node, &["10.0.0.2:7002"])).await.unwrap();
}

/// An interface that comes later is used; when it is renumbered the old addresses are forgotten at once, and the new
/// ones found; when it goes, nothing is left, and nothing has ended.
#[tokio::test(start_paused = true)]
async fn renumbered() {
    let (air, token) = (Air::default(), token("lab"));
    let (one, two) = (air.machine(&[]), air.machine(&[interface("lan", [10, 0, 0, 2])]));
    let (node, _one) = start(config(&one, Some(&token), None));
    let (_server, _two) = start(config(&two, Some(&token), Some(7002)));
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(node.count(Count::Sent), 0);
    let wlan = interface("wlan", [192, 168, 0, 1]);
    let quick = Duration::from_secs(4);
    for net in [0, 1, 2] {
        one.set(&[wlan.clone(), interface("lan", [10, 0, net, 1])]);
        two.set(&[interface("lan", [10, 0, net, 2])]);
        let addr = format!("10.0.{net}.2:7002");
        tokio::time::timeout(quick, until_found(&node, &[&addr])).await.unwrap();
    }
    one.set(std::slice::from_ref(&wlan));
    tokio::time::timeout(quick, until_found(&node, &[])).await.unwrap();
    one.set(&[wlan, interface("lan", [10, 0, 2, 1])]);
    tokio::time::timeout(quick, until_found(&node, &["10.0.2.2:7002"])).await.unwrap();
}

/// Errors while receiving, many in a row, end no listener: it hears again.
#[tokio::test(start_paused = true)]
async fn receive_errors() {
    let (air, token) = (Air::default(), token("lab"));
    let machine = |last| air.machine(&[interface("lan", [10, 0, 0, last])]);
    let (server, _one) = start(config(&machine(1), Some(&token), Some(7001)));
    tokio::time::sleep(Duration::from_secs(5)).await;
    air.fail_receives(500);
    let found = find(config(&machine(2), Some(&token), None), Duration::from_secs(1000)).await;
    assert_eq!(found, Ok(vec!["10.0.0.1:7001".parse().unwrap()]));
    assert!(server.count(Count::ReceiveFailed) >= 500);
}

/// What happens is told in lines for people; a channel that nobody reads stops nothing.
#[tokio::test(start_paused = true)]
async fn explained() {
    let (air, red) = (Air::default(), token("red"));
    let machine = |last| air.machine(&[interface("lan", [10, 0, 0, last])]);
    let (_red, _one) = start(config(&machine(1), Some(&red), Some(7001)));
    let (_blue, _two) = start(config(&machine(2), Some(&token("blue")), Some(7002)));
    let (events, mut told) = tokio::sync::mpsc::channel(64);
    let asks = Config { events: Some(events), listen: true, ..config(&machine(3), Some(&red), None) };
    let (node, _three) = start(asks);
    until_found(&node, &["10.0.0.1:7001"]).await;
    tokio::time::sleep(Duration::from_secs(300)).await;
    let mut lines = Vec::new();
    while let Ok(event) = told.try_recv() {
        lines.push(event.to_string());
    }
    assert_eq!(lines.len(), 64, "what does not fit is dropped");
    for wanted in [
        "lan (10.0.0.3/24): asking at 255.255.255.255:8888",
        "lan (10.0.0.3/24): listening on port 8888",
        "lan (10.0.0.3/24): asked 255.255.255.255:8888 for queue servers of this cluster",
        ": answer: queue server at 10.0.0.1:7001",
        ": ignored: sent by this process",
        ": ignored: its proof does not fit the token",
    ] {
        assert!(lines.iter().any(|line| line.contains(wanted)), "{wanted} not in {lines:#?}");
    }
}
