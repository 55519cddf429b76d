//! Several hosts on one LAN, made of network namespaces by `deploy/lan-lab/lab`: how a cluster comes to be, how it comes
//! back, and what it does when the LAN changes or somebody on it is hostile. Needs root, `iproute2` and `iptables`.

mod clients;
mod cold_start;
mod copied_folder;
mod cut_off;
mod doctor;
mod flood;
mod hostile;
mod lab;
mod power_cycles;
mod renumber;
mod replaced;
mod resume;
mod tokens;
mod two_clusters;
mod wrong_token;

use std::io::Write;

/// Prints a line that is seen though the test passes, unlike what `println!` prints.
fn say(line: &str) {
    // A test does not fail for want of a terminal.
    let _ = writeln!(std::io::stderr(), "{line}");
}
