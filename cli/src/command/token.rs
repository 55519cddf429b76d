//! `gossamer token`: what other machines and clients need.

use std::path::PathBuf;

use crate::credentials;
use crate::failure::{FAILED, Failure};
use crate::{place, show};

pub(super) fn run(dir: Option<PathBuf>) -> Result<(), Failure> {
    let dir = dir.map_or_else(place::base, Ok)?;
    match credentials::kept(&dir)? {
        Some(kept) => show::line(&kept.token.to_string()),
        None => Err(Failure::new(
            FAILED,
            format!(
                "{} keeps no token: `gossamer up` makes one on the first machine of a cluster; say --dir if its folder is \
                 another",
                dir.display()
            ),
        )),
    }
}
