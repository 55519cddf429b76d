//! `gossamer doctor` on a LAN.

use serde_json::Value;

use super::lab::Lab;

/// Without a cluster nothing fails; with one it is found and reached, from its machines and from others; a firewall is
/// found where one is.
#[test]
fn what_it_finds() {
    let Some(lab) = Lab::start(3) else { return };
    let verdict = |checks: &[Value], check: &str| {
        let found: Vec<&Value> = checks.iter().filter(|found| found["check"] == check).collect();
        assert_eq!(found.len(), 1, "{checks:#?}");
        found[0]["verdict"].as_str().unwrap().to_owned()
    };
    let alone = lab.run("h3", &["gossamer", "doctor", "--json"]).ok().json();
    assert_eq!(verdict(&alone, "cluster"), "warn");
    assert_eq!((verdict(&alone, "broadcast"), verdict(&alone, "ports")), ("ok".to_owned(), "ok".to_owned()));

    let clients = lab.found("h1", "lab");
    clients.up(&["h2"]);
    clients.wait_voters("h3", 1);
    let ids = [clients.id("h3", "h1"), clients.id("h3", "h2")];
    let seen = clients.run("h3", &["doctor", "--json"]).ok();
    let text = seen.text();
    assert!(text.contains("cluster lab answers at 10.1.0.1:4068, 10.1.0.2:4068"), "{text}");
    assert!(text.contains("are reached from here") && text.contains("are free here"), "{text}");
    let data = lab.path("h1").join("data");
    let own = lab.run("h1", &["gossamer", "doctor", "--json", "--dir", data.to_str().unwrap()]).ok();
    assert_eq!(verdict(&own.json(), "token"), "ok");
    assert_eq!(verdict(&own.json(), "ports"), "ok", "its own ports are not in anybody's way");

    lab.call(&["cut", "h2", "h3"]);
    let cut = clients.run("h3", &["doctor", "--json"]).exit(1);
    let ports = cut.json().into_iter().find(|check| check["check"] == "ports").unwrap();
    assert!(ports["found"].as_str().unwrap().contains(&format!("node {}", ids[1])), "{ports}");
}
