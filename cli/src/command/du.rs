//! STUB

use crate::args::{Common, Du};
use crate::failure::{FAILED, Failure};

pub(super) async fn run(_common: &Common, _args: Du) -> Result<(), Failure> {
    Err(Failure::new(FAILED, "not yet"))
}
