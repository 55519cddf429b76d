//! Machines are replaced, one after the other, for years.

use super::clients::Clients;
use super::lab::Lab;
use crate::content::MIB;

/// Each of three machines dies for ever and is replaced by a new one, until none of the first is left: at every moment
/// files can be put and got, and in the end every one of them is on the new machines.
#[test]
fn one_by_one() {
    let Some(lab) = Lab::start(7) else { return };
    let clients = lab.found("h1", "lab");
    clients.up(&["h2", "h3"]);
    clients.wait_voters("h7", 3);
    clients.run("h7", &["config", "set", "replace-after", "2s"]).ok();
    clients.put("h7", "replaced/large", 0, 9 * MIB + 1);
    for (lost, new, round) in [("h1", "h4", 1), ("h2", "h5", 2), ("h3", "h6", 3)] {
        let gone = clients.id("h7", lost);
        lab.call(&["kill", lost]);
        clients.put("h7", &format!("replaced/{round}-without"), round, 80_000);
        check(&clients, round, round - 1);
        clients.up(&[new]);
        let id = clients.id("h7", new);
        let voters = || clients.wait_voters("h7", 3)["voter_ids"].clone();
        crate::cluster::wait(&format!("{new} in the place of {lost}"), || {
            let voters = voters();
            let votes = |id: u64| voters.as_array().is_some_and(|voters| voters.contains(&id.into()));
            (votes(id) && !votes(gone)).then_some(())
        });
        clients.put("h7", &format!("replaced/{round}-with"), 10 + round, 80_000);
    }
    check(&clients, 3, 3);
    clients.verify("h7", 3);
}

/// The large file is there, and those of these rounds that were put without the dead and with the new machines.
#[track_caller]
fn check(clients: &Clients, without: u64, with: u64) {
    clients.check("h7", "replaced/large", 0, 9 * MIB + 1);
    (1..=without).for_each(|round| clients.check("h7", &format!("replaced/{round}-without"), round, 80_000));
    (1..=with).for_each(|round| clients.check("h7", &format!("replaced/{round}-with"), 10 + round, 80_000));
}
