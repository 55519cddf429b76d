//! STUB

use crate::args::{Common, Find};
use crate::failure::{FAILED, Failure};

pub(super) async fn run(_common: &Common, _args: Find) -> Result<(), Failure> {
    Err(Failure::new(FAILED, "not yet"))
}
