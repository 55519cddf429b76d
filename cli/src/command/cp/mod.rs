//! STUB

use crate::args::{Common, Cp};
use crate::failure::{FAILED, Failure};

pub(super) async fn run(_common: &Common, _args: Cp, _remove: bool) -> Result<(), Failure> {
    Err(Failure::new(FAILED, "not yet"))
}
