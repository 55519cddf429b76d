//! What `gossamer up` makes of tokens and folders.

use super::lab::Lab;
use crate::cluster::wait;

/// With a token nothing is founded, however long nobody answers; without one and with a folder that was used, neither.
/// A restart needs nothing. What makes no sense is said, with exit code 2, and another token than the folder's with 6.
#[test]
fn who_founds() {
    let Some(lab) = Lab::start(2) else { return };
    let clients = lab.found("h1", "lab");
    let cluster = clients.wait_voters("h1", 1)["cluster_id"].clone();
    clients.put("h1", "tokens/one", 1, 100_000);
    lab.call(&["kill", "h1"]);

    clients.up(&["h2"]);
    let alone = clients.run("h2", &["put", "/etc/hostname", "tokens/two", "--timeout", "4s"]);
    assert_eq!(alone.code, 5, "{}", alone.stderr);
    assert!(!lab.log("h2", "up").contains("founded=true") && lab.path("h2").join("data/token").exists());

    lab.up("h1", &[]);
    assert_eq!(clients.wait_voters("h2", 1)["cluster_id"], cluster);
    clients.check("h2", "tokens/one", 1, 100_000);
    wait("the second machine to be a member", || (clients.nodes("h1").len() == 2).then_some(()));

    lab.call(&["kill", "h2"]);
    let folder = lab.path("h2").join("data");
    let up = |args: &[&str]| {
        let up = ["gossamer", "up", "--dir", folder.to_str().unwrap()];
        lab.run("h2", &[&up[..], args].concat())
    };
    let other = clients.token.replacen("lab", "bal", 1);
    assert!(up(&["--token", &other]).exit(2).stderr.contains("wrong letter"));
    up(&["--insecure"]).exit(2);
    let other = gossamer_proto::token::Token::draw("lab", &gossamer_world::random::Kernel).unwrap();
    assert!(up(&["--token", &other.to_string()]).exit(6).stderr.contains("belongs to cluster lab"));
    std::fs::remove_file(folder.join("token")).unwrap();
    assert!(up(&[]).exit(2).stderr.contains("gossamer token"));
    // Given again, it is kept again.
    clients.up(&["h2"]);
    wait("the second machine to be back", || (clients.nodes("h1").len() == 2).then_some(()));
    assert!(folder.join("token").exists());
}

/// `discover --explain` shows what was sent on which interface, who answered, and why an answer was ignored.
#[test]
fn explained() {
    let Some(lab) = Lab::start(3) else { return };
    let clients = lab.found("h1", "lab");
    clients.up(&["h2"]);
    clients.wait_voters("h3", 1);
    let explained =
        |token: &str| lab.run("h3", &["gossamer", "discover", "--explain", "--for", "3s", "--token", token]);
    let told = explained(&clients.token).ok().text();
    for part in ["eth0", "255.255.255.255:8888", "10.1.0.1:4068", "10.1.0.2:4068", "(proven)"] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
    let other = gossamer_proto::token::Token::draw("other", &gossamer_world::random::Kernel).unwrap();
    let refused = explained(&other.to_string()).exit(6);
    assert!(refused.stderr.contains("heard cluster lab at 10.1.0."), "{}", refused.stderr);
    let seen = lab.run("h3", &["gossamer", "discover", "--json"]).ok().json();
    assert!(
        !seen.is_empty() && seen.iter().all(|server| server["cluster"] == "lab" && server["proven"] == false)
    );
}

/// A machine that was removed stops, and says why; started again it does not get in, nor does it come back by itself.
#[test]
fn removed() {
    let Some(lab) = Lab::start(4) else { return };
    let clients = lab.found("h1", "lab");
    clients.up(&["h2", "h3", "h4"]);
    let hosts = ["h1", "h2", "h3", "h4"];
    let ids: Vec<u64> = hosts.iter().map(|host| clients.id("h1", host)).collect();
    clients.wait_voters("h1", 3);
    clients.run("h1", &["node", "remove", &ids[1].to_string(), "--yes"]).ok();
    let sentence = format!("node {} was removed from this cluster", ids[1]);
    wait("the removed machine to stop", || lab.log("h2", "up").contains(&sentence).then_some(()));
    let folder = lab.path("h2").join("data");
    let again = lab.run("h2", &["gossamer", "up", "--dir", folder.to_str().unwrap()]).exit(6);
    assert!(again.stderr.contains(&sentence) && again.stderr.contains("empty"), "{}", again.stderr);
    let status = clients.wait_voters("h1", 3);
    assert!(!status["voter_ids"].as_array().unwrap().contains(&ids[1].into()), "{status}");
    // With an empty folder it is welcome, as a new node.
    lab.call(&["wipe", "h2"]);
    clients.up(&["h2"]);
    assert_ne!(clients.id("h1", "h2"), ids[1]);
    clients.verify("h1", 4);
}
