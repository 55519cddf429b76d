//! Folders and ports: one process each, no newer format, the same ports again.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Stdio};

use super::{run, shared};
use crate::cluster::{Who, gossamer, wait};

/// A second process on a folder in use is refused, and the first goes on.
#[test]
fn in_use() {
    let cluster = shared();
    let folder = |who| cluster.folder(who).to_str().unwrap().to_owned();
    run(&["node", "--queue", "127.0.0.1:1", "--dir", &folder(Who::Node(0))]).fails(1, "in use by another");
    let (listen, dir) = ("127.0.0.1:0", folder(Who::Queue(0)));
    run(&["queue", "--listen", listen, "--http", listen, "--dir", &dir]).fails(1, "in use by another");
    cluster.run(&["status"]).ok();
}

/// A folder that a newer program has written is left alone.
#[test]
fn newer() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    for (format, args) in [
        ("gossamer node 2\n", &["node", "--queue", "127.0.0.1:1"][..]),
        ("2\n", &["queue", "--listen", "127.0.0.1:0"]),
    ] {
        fs::write(dir.path().join("format"), format).unwrap();
        run(&[args, &["--dir", path]].concat()).fails(1, "format 2");
        assert_eq!(fs::read_to_string(dir.path().join("format")).unwrap(), format);
    }
}

/// Starts a node that finds its own ports; returns it and its port once it has said which.
fn node(dir: &Path, log: &Path) -> (Child, u16) {
    let mut command = gossamer();
    command.args(["node", "--queue", "127.0.0.1:1", "--dir"]).arg(dir);
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(log).unwrap()).spawn();
    let port = wait("the ports", || {
        let said = fs::read_to_string(log).unwrap();
        let (control, rest) =
            said.strip_prefix("node on 127.0.0.1:")?.split_once(" (gRPC) and 127.0.0.1:")?;
        let (control, data): (u16, u16) = (control.parse().ok()?, rest.split_once(' ')?.0.parse().ok()?);
        assert_eq!(data, control + 1);
        Some(control)
    });
    (child.unwrap(), port)
}

/// Two nodes on one machine take 4168 and 4169, or the next free pairs; each comes back on its own.
#[test]
fn ports() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two, log) = (dir.path().join("1"), dir.path().join("2"), dir.path().join("log"));
    let mut running = vec![node(&one, &log), node(&two, &log)];
    let ports = [running[0].1, running[1].1];
    assert!(ports[0] >= 4168 && ports[1] > ports[0] && ports[0].is_multiple_of(2), "{ports:?}");
    for (child, _) in &mut running {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    // In the other order the first would get the second's ports, were they not kept.
    let mut again = [node(&two, &log), node(&one, &log)];
    assert_eq!([again[1].1, again[0].1], ports);
    for (child, _) in &mut again {
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
