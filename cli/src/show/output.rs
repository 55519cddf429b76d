//! Standard output for many lines.

use std::io::{self, BufWriter, Stdout, Write};

use serde::Serialize;

use super::written;
use crate::failure::{FAILED, Failure};

/// Bytes that are written at a time.
const BUFFER: usize = 64 << 10;

/// Lines that are written together; the last when it is dropped. A closed pipe ends the command quietly.
pub(crate) struct Output(BufWriter<Stdout>);

impl Output {
    /// Nothing written yet.
    pub(crate) fn new() -> Self {
        Output(BufWriter::with_capacity(BUFFER, io::stdout()))
    }

    /// A line of data.
    pub(crate) fn line(&mut self, text: &str) -> Result<(), Failure> {
        written(self.0.write_all(text.as_bytes()).and_then(|()| self.0.write_all(b"\n")))
    }

    /// A JSON object on a line of its own.
    pub(crate) fn json(&mut self, object: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(object).map_err(|error| Failure::new(FAILED, error))?;
        self.line(&text)
    }

    /// Shows what there is so far.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        written(self.0.flush())
    }
}
