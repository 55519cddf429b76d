//! `gossamer`: the command line, and every server, in one binary.
//!
//! # Layout
//! - [`args`]: what may be typed
//! - [`command`]: one file per command; clients use `gossamer-client` only
//! - [`store`]: names in the store and the folders they make; [`listing`]: page after page; [`many`]: side by side
//! - [`show`]: how things look: human or JSON, progress, sizes and times
//! - [`failure`]: errors with their exit codes
//! - [`place`]: default folders and ports; [`credentials`]: the token; [`whereabouts`], [`lan`]: where the cluster is
//!
//! # Invariants
//! - Standard output is data, standard error all else.
//! - Exit codes: 0 done, 1 failed, 2 usage, 3 not found, 4 condition, 5 no cluster or no quorum, 6 refused,
//!   130 Ctrl-C.
//!
//! # What it does not guarantee
//! - After Ctrl-C a write that was under way may still happen.

mod args;
mod command;
mod credentials;
mod failure;
mod lan;
mod listing;
mod many;
mod place;
mod show;
mod store;
mod tree;
mod whereabouts;

use std::process::ExitCode;

use clap::Parser;

use args::Arguments;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments.without_empty(),
        Err(error) => {
            // Help and version are no errors and go to standard output.
            let code = if error.use_stderr() { 2 } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    show::log::start(arguments.common.verbose, arguments.common.quiet);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("gossamer: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let ended = runtime.block_on(command::run(arguments));
    // Nothing that is still blocked, such as a read from a terminal, may hold up the end.
    runtime.shutdown_timeout(std::time::Duration::from_millis(100));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.message.is_empty() {
                eprintln!("gossamer: {}", failure.message);
            }
            ExitCode::from(failure.code)
        }
    }
}
