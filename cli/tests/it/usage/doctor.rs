//! `doctor` on loopback: what it finds well, what it finds wrong, and that it leaves nothing. With broadcasts it is
//! tested on hosts of its own, `lan/doctor.rs`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use super::User;
use crate::cluster::Ran;

fn of<'a>(checks: &'a [Value], check: &str) -> Vec<&'a str> {
    checks
        .iter()
        .filter(|found| found["check"] == check)
        .map(|found| found["verdict"].as_str().unwrap())
        .collect()
}

fn doctor(user: &User, args: &[&str]) -> Ran {
    let dir = user.path("folder");
    let options = ["doctor", "--dir", dir.to_str().unwrap()];
    user.run(&[&options[..], args].concat())
}

/// With a cluster that is well nothing fails, every line fits, and the folder is as it was.
#[test]
fn all_is_well() {
    let user = User::new();
    fs::create_dir(user.path("folder")).unwrap();
    let ran = doctor(&user, &["--json"]).ok();
    let checks = ran.json();
    for (check, verdicts) in [
        ("folder", vec!["ok"]),
        ("clocks", vec!["ok"]),
        ("ports", vec!["ok"]),
        ("broadcast", vec!["ok"]),
        ("versions", vec!["ok"]),
    ] {
        assert_eq!(of(&checks, check), verdicts, "{checks:#?}");
    }
    assert!(checks.iter().all(|check| check["verdict"] != "fail"), "{checks:#?}");
    assert_eq!(fs::read_dir(user.path("folder")).unwrap().count(), 0, "its file is gone");
    let shown = doctor(&user, &[]).ok().text();
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    assert!(shown.contains("not needed: the cluster given is on this machine"), "{shown}");
}

/// A folder that cannot be used and a token that others can read have to be mended: exit code 1, and how.
#[test]
fn what_is_wrong() {
    let user = User::new();
    fs::create_dir(user.path("folder")).unwrap();
    let token = gossamer_proto::token::Token::draw("lab", &gossamer_world::random::Kernel).unwrap();
    let file = user.path("folder").join("token");
    fs::write(&file, format!("{token}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let open = doctor(&user, &[]).exit(1);
    assert!(open.text().contains("chmod 600") && open.stderr.contains("one thing"), "{open:?}");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    doctor(&user, &[]).ok();
    fs::write(&file, "lab.abc\n").unwrap();
    assert!(doctor(&user, &[]).exit(1).text().contains("gossamer token"));

    fs::remove_dir_all(user.path("folder")).unwrap();
    fs::write(user.path("folder"), "").unwrap();
    assert_eq!(of(&doctor(&user, &["--json"]).exit(1).json(), "folder"), ["fail"]);
}

/// Without a cluster at the address given it says so, after a moment, and looks at all the rest.
#[test]
fn no_cluster() {
    let user = User::new();
    let ran = doctor(&user, &["--queue", "127.0.0.1:9", "--json"]).exit(1);
    let checks = ran.json();
    assert_eq!((of(&checks, "cluster"), of(&checks, "folder")), (vec!["fail"], vec!["ok"]), "{checks:#?}");
    assert_eq!(of(&checks, "ports").len(), 1, "what could be taken here: {checks:#?}");
}
