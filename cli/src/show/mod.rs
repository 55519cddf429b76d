//! How things look.

pub(crate) mod colour;
pub(crate) mod log;
pub(crate) mod output;
pub(crate) mod progress;
pub(crate) mod size;
pub(crate) mod table;
pub(crate) mod width;

use std::io::{self, Write};

use serde::Serialize;

use crate::failure::{FAILED, Failure};

/// Writes a line of data to standard output. A closed pipe (`gossamer ls | head`) ends the command quietly.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    written(out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")))
}

/// Writes one JSON object on a line of its own.
pub(crate) fn json(object: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(object).map_err(|error| Failure::new(FAILED, error))?;
    line(&text)
}

/// For commands that change something: whoever has closed the pipe has not asked them to stop.
pub(crate) fn unless_closed(printed: Result<(), Failure>) -> Result<(), Failure> {
    match printed {
        Err(failure) if failure.code == 0 => Ok(()),
        printed => printed,
    }
}

/// Hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Judges a write to standard output.
pub(crate) fn written(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Failure::new(0, "")),
        Err(error) => Err(Failure::new(FAILED, format!("standard output: {error}"))),
    }
}
