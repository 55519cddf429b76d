//! STUB

use std::path::PathBuf;

use clap_complete::Shell;

use crate::failure::Failure;

pub(super) fn completions(_shell: Shell) -> Result<(), Failure> {
    Ok(())
}

pub(super) fn pages(_dir: Option<PathBuf>) -> Result<(), Failure> {
    Ok(())
}
