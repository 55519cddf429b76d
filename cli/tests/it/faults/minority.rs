//! One of three is left.

use super::large;
use crate::cluster::{Cluster, Who};
use crate::content;

/// Whether the one that is left led or followed: puts and gets end with exit code 5 and say what to do; with a
/// majority back, all goes on.
#[test]
fn refuses_and_comes_back() {
    let mut cluster = Cluster::start(3);
    let path = cluster.dir().join("file");
    content::write(&path, 13, 100_000);
    let file = path.to_str().unwrap().to_owned();
    cluster.run(&["put", &file, "minority/before"]).ok();
    for leader_stays in [true, false] {
        cluster.wait_even();
        let leader = cluster.leader();
        let stays = if leader_stays { leader } else { cluster.follower() };
        let gone: Vec<Who> = (0..3).filter(|node| *node != stays).map(Who::Node).collect();
        gone.iter().for_each(|who| cluster.kill(*who));
        cluster.wait("the leader to be gone", || {
            cluster.nodes().iter().all(|node| node["role"] != "leader").then_some(())
        });
        for command in [
            &["put", &file, "minority/during", "--timeout", "3s"][..],
            &["get", "minority/before", "-", "--timeout", "3s"],
            &["ls", "--timeout", "3s"],
            &["rm", "minority/before", "--timeout", "3s"],
        ] {
            let failed = cluster.run(command).exit(5);
            assert!(failed.stdout.is_empty(), "{command:?} prints no data");
            assert!(
                failed.stderr.contains("gossamer status"),
                "{command:?} says what to do: {}",
                failed.stderr
            );
        }
        let status = cluster.run(&["status"]).exit(5);
        assert!(status.text().contains("NO LEADER"), "{}", status.text());
        cluster.start_again(gone[0]);
        cluster.wait("a majority", || (cluster.run(&["status"]).code == 0).then_some(()));
        large::check(&cluster, "minority/before", 13, 100_000);
        cluster.run(&["put", &file, "minority/after"]).ok();
        cluster.start_again(gone[1]);
        cluster.wait_voters(3);
    }
    cluster.wait_even();
    cluster.run(&["stat", "minority/during"]).exit(3);
    cluster.verify();
}
