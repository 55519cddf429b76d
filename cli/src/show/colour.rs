//! Colours: on a terminal only, and not where `NO_COLOR` is set.

use std::io;

use anstream::{AutoStream, ColorChoice};

/// What a colour stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// All is well.
    Good,
    /// Somebody should look.
    Warning,
    /// Something is broken.
    Bad,
}

impl Tone {
    /// The terminal's number for bold green, yellow and red.
    fn code(self) -> u8 {
        match self {
            Tone::Good => 32,
            Tone::Warning => 33,
            Tone::Bad => 31,
        }
    }
}

/// Text for standard output, in colour if that is wanted there.
pub(crate) fn paint(text: &str, tone: Tone) -> String {
    match AutoStream::choice(&io::stdout()) {
        ColorChoice::Never => text.to_owned(),
        _ => format!("\x1b[1;{}m{text}\x1b[0m", tone.code()),
    }
}

/// Whether standard error wants colours.
pub(crate) fn on_standard_error() -> bool {
    AutoStream::choice(&io::stderr()) != ColorChoice::Never
}
