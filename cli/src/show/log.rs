//! Diagnostics on standard error.

use tracing_subscriber::EnvFilter;

use super::colour;

/// Starts them: warnings, with `-v` what happens, with `-vv` everything; `GOSSAMER_LOG` overrules.
pub(crate) fn start(verbose: u8, quiet: bool) {
    let level = match (quiet, verbose) {
        (true, _) => "error",
        (false, 0) => {
            "warn,gossamer_cluster_node=info,gossamer_queue_server=info,openraft=error,sled=error,\
             openraft::raft::raft_inner=off"
        }
        (false, 1) => "info,openraft=warn",
        (false, _) => "debug",
    };
    let filter = EnvFilter::try_from_env("GOSSAMER_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    // Said here, or else it would not ask whether this is a terminal.
    let colours = colour::on_standard_error();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    log.with_target(false).with_ansi(colours).init();
}
