//! `--json`: one object per line, with the fields that programs rely on; standard error has nothing of it.

use serde_json::Value;

use super::User;
use crate::content::{self, MIB};

#[track_caller]
fn fields(object: &Value, expected: &str) {
    for field in expected.split(' ') {
        assert!(object.get(field).is_some(), "{field} is not in {object}");
    }
}

/// Every command that prints.
#[test]
fn fields_of_every_command() {
    let user = User::new();
    let hash = content::write(&user.path("file"), 4_000, MIB + 5);
    let json = |args: &[&str]| user.run(&[args, &["--json"]].concat()).ok().json();

    let file = "name size version blake3 modified";
    let put = json(&["put", "file", "json/a"]);
    fields(&put[0], file);
    for shown in [json(&["ls", "json/"]), json(&["stat", "json/a"]), json(&["get", "json/a", "back"]), put] {
        assert_eq!(shown.len(), 1);
        fields(&shown[0], file);
        assert_eq!(shown[0]["name"], "json/a");
        assert_eq!(shown[0]["size"], MIB + 5);
        assert_eq!(shown[0]["blake3"], *hash);
        assert!(humantime_like(shown[0]["modified"].as_str().unwrap()), "{shown:?}");
    }
    let removed = json(&["rm", "json/a"]);
    fields(&removed[0], "name version");

    // The other tests write to the same cluster: a voter may be fetching a chunk at any moment.
    let status = json(&["status", "--wait", "3"]);
    assert_eq!(status.len(), 1);
    fields(&status[0], "cluster leader term voters tolerates");
    assert_eq!((&status[0]["cluster"], status[0]["voters"].as_u64()), (&"test".into(), Some(3)));
    assert_eq!(status[0]["tolerates"], 1);
    let nodes = json(&["nodes"]);
    assert_eq!(nodes.len(), 3);
    nodes.iter().for_each(|node| fields(node, "id role addr pid lag reads"));
    let leaders = nodes.iter().filter(|node| node["role"] == "leader" && node["id"] == status[0]["leader"]);
    assert_eq!(leaders.count(), 1, "status and nodes name the same leader");
    let verify = json(&["verify"]);
    assert_eq!(verify.len(), 3);
    for node in &verify {
        fields(node, "node index digest equal chunks bytes bad");
        assert_eq!(node["equal"], true);
    }
}

/// RFC 3339 in UTC.
fn humantime_like(time: &str) -> bool {
    time.len() == "2026-01-01T00:00:00.000Z".len() && time.ends_with('Z') && time.as_bytes()[10] == b'T'
}
