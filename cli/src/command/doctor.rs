//! STUB

use crate::args::{Common, Doctor};
use crate::failure::{FAILED, Failure};

pub(super) async fn run(_common: &Common, _args: Doctor) -> Result<(), Failure> {
    Err(Failure::new(FAILED, "not yet"))
}
