//! Nobody there, and addresses that are not allowed.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Stdio;

use super::run;
use crate::cluster::{Cluster, Who, gossamer, wait};

/// Without a cluster every command gives up after `--timeout` with exit 5; without the option a test that waits
/// 30 s for each of them would show.
#[test]
fn no_cluster() {
    let dir = tempfile::tempdir().unwrap();
    let (file, back) = (dir.path().join("file"), dir.path().join("back"));
    std::fs::write(&file, "x").unwrap();
    let (file, back) = (file.to_str().unwrap(), back.to_str().unwrap());
    let commands: [&[&str]; 9] = [
        &["put", file, "x"],
        &["get", "x", back],
        &["cat", "x"],
        &["ls"],
        &["stat", "x"],
        &["rm", "x"],
        &["status", "--wait", "1"],
        &["nodes"],
        &["verify"],
    ];
    for command in commands {
        // Port 1 is nobody's.
        let args = [command, &["--queue", "127.0.0.1:1", "--timeout", "300ms"]].concat();
        run(&args).fails(5, "no queue server at 127.0.0.1:1");
    }
    assert!(!dir.path().join("back").exists());
}

/// A queue server without nodes is no cluster: it says what to do, and so does what is asked of it.
#[test]
fn no_nodes() {
    let cluster = Cluster::empty(1, &[]);
    let ran = wait("the queue server", || {
        let ran = cluster.run(&["status", "--timeout", "300ms"]).exit(5);
        (!ran.stdout.is_empty()).then_some(ran)
    });
    assert!(ran.text().contains("no cluster yet"), "{}", ran.text());
    cluster.run(&["ls", "--timeout", "300ms"]).fails(5, "Nothing was changed");
}

/// Only loopback is allowed, to clients and servers, unless they are told otherwise; refused servers make no folder.
#[test]
fn loopback_only() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("new");
    let folder = folder.to_str().unwrap();
    let refused: [&[&str]; 6] = [
        &["status", "--queue", "10.0.0.1:4068"],
        &["ls", "--queue", "127.0.0.1:4068,example.org:4068"],
        &["queue", "--listen", "0.0.0.0:0", "--dir", folder],
        &["queue", "--listen", "127.0.0.1:0", "--http", "0.0.0.0:0", "--dir", folder],
        &["node", "--queue", "10.0.0.1:4068", "--dir", folder],
        &["stat", "x", "--queue", "[fe80::1]:4068"],
    ];
    for args in refused {
        run(args).fails(6, "--insecure");
    }
    assert!(!dir.path().join("new").exists());
    run(&["node", "--listen", "0.0.0.0:0", "--dir", folder]).fails(6, "--insecure");
    // Allowed, it is merely not there.
    for (option, variable) in [(Some("--insecure"), "0"), (None, "1")] {
        let mut status = gossamer();
        status.args(["status", "--queue", "0.0.0.0:1", "--timeout", "300ms"]).args(option);
        let output = status.env("GOSSAMER_INSECURE", variable).output().unwrap();
        assert_eq!(output.status.code(), Some(5), "{output:?}");
    }
    let mut server = gossamer();
    server.args(["queue", "--listen", "0.0.0.0:0", "--dir"]).arg(dir.path().join("queue"));
    server.env("GOSSAMER_INSECURE", "1");
    let log = std::fs::File::create(dir.path().join("log")).unwrap();
    let mut server = server.stdout(Stdio::null()).stderr(log).spawn().unwrap();
    let listens =
        || std::fs::read_to_string(dir.path().join("log")).unwrap().contains("queue server on 0.0.0.0:");
    wait("the queue server to listen", || listens().then_some(()));
    server.kill().unwrap();
    server.wait().unwrap();
}

/// A queue server tells monitors that it lives and how its queues are.
#[test]
fn health_and_metrics() {
    let cluster = Cluster::empty(1, &[]);
    let addr = wait("the address", || {
        let log = cluster.log(Who::Queue(0));
        Some(log.split_once("http://")?.1.split_once("/metrics")?.0.to_owned())
    });
    let get = |path: &str| {
        let mut stream = TcpStream::connect(&addr).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let health = get("/healthz");
    assert!(health.starts_with("HTTP/1.1 200") && health.ends_with("\r\n\r\nok\n"), "{health}");
    let metrics = get("/metrics");
    for line in ["gossamer_queue_connected_nodes 0", "# TYPE gossamer_queue_queued_tasks gauge"] {
        assert!(metrics.lines().any(|it| it == line), "{line} is not in {metrics}");
    }
    assert!(get("/nothing").starts_with("HTTP/1.1 404"));
}
