//! `gossamer dev`, as the README has it.

use std::fs::File;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use crate::cluster::{gossamer, wait};

/// It says what to type, that works, and Ctrl-C ends it without a trace.
#[test]
fn from_start_to_ctrl_c() {
    let (dir, log) = (tempfile::tempdir().unwrap(), tempfile::NamedTempFile::new().unwrap());
    let mut dev = gossamer();
    dev.args(["dev", "--nodes", "3"]).env("TMPDIR", dir.path()).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut dev = dev.stderr(File::create(log.path()).unwrap()).spawn().unwrap();
    let said = wait("dev to be ready", || {
        let said = std::fs::read_to_string(log.path()).unwrap();
        assert_eq!(dev.try_wait().unwrap(), None, "{said}");
        said.contains("Ctrl-C stops it.").then_some(said)
    });
    let addr = said.split_once("ready: 3 nodes, queue server ").unwrap().1.split_once(',').unwrap().0;
    assert!(said.contains("gossamer put README.md"), "{said}");
    assert!(addr == "127.0.0.1:4068" || said.contains(&format!("export GOSSAMER_QUEUE={addr}")), "{said}");
    let output = gossamer().args(["put", "Cargo.toml", "--queue", addr]).output().unwrap();
    assert_eq!(output.stdout, b"files/Cargo.toml\n", "{output:?}");
    kill_process(Pid::from_child(&dev), Signal::INT).unwrap();
    let output = dev.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", std::fs::read_to_string(log.path()).unwrap());
    assert_eq!(output.stdout, b"", "standard output is data");
    let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}
