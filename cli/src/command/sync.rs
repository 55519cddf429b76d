//! STUB

use crate::args::{Common, Sync};
use crate::failure::{FAILED, Failure};

pub(super) async fn run(_common: &Common, _args: Sync) -> Result<(), Failure> {
    Err(Failure::new(FAILED, "not yet"))
}
