//! Errors as the shell sees them: a sentence and an exit code.

use std::fmt::Display;

use gossamer_client::Kind;

/// How a command failed.
#[derive(Debug)]
pub(crate) struct Failure {
    /// For standard error; empty if everything has been said.
    pub(crate) message: String,
    /// For the shell.
    pub(crate) code: u8,
}

/// Something failed.
pub(crate) const FAILED: u8 = 1;
/// The command line makes no sense.
pub(crate) const USAGE: u8 = 2;
/// What was asked for is not there.
pub(crate) const NOT_FOUND: u8 = 3;
/// Refused: by a rule of safety or by the cluster.
pub(crate) const REFUSED: u8 = 6;
/// Ctrl-C.
pub(crate) const INTERRUPTED: u8 = 130;

impl Failure {
    /// With any code.
    pub(crate) fn new(code: u8, message: impl Display) -> Self {
        Failure { message: message.to_string(), code }
    }

    /// A failed operation of the client library, whose errors say what was being done, and with which file.
    pub(crate) fn client(kind: Kind, error: impl Display) -> Self {
        Failure::new(kind.exit_code(), error)
    }

    /// The same with a part of something larger that failed by it.
    pub(crate) fn of(doing: impl Display, kind: Kind, error: impl Display) -> Self {
        let code = kind.exit_code();
        Failure { message: format!("{doing}: {error}"), code }
    }
}

/// Of several failures, the first decides the code, unless they differ: then it is just 1.
pub(crate) fn combine(failures: &[Failure]) -> Result<(), Failure> {
    let Some(first) = failures.first() else { return Ok(()) };
    failures.iter().for_each(|failure| eprintln!("gossamer: {}", failure.message));
    let code = if failures.iter().all(|failure| failure.code == first.code) { first.code } else { FAILED };
    Err(Failure { message: String::new(), code })
}
