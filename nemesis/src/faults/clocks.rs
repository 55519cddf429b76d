//! The time of day: an hour ahead, an hour behind.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use rand::Rng;

use super::{Field, Undo};
use crate::cluster::Seen;
use crate::lab::Host;

/// How far clocks jump, seconds.
pub const JUMP: i64 = 3600;
/// Within this the node must be seen to have another time.
const SEEN: Duration = Duration::from_secs(10);

impl Field<'_> {
    /// One at a time, the leader's or another's; returns when the node says the other time.
    pub(super) fn jump(&mut self) -> anyhow::Result<Option<Undo>> {
        let Some((leader, others)) = self.roles().filter(|_| !self.is_untimely) else { return Ok(None) };
        let other = others.first().filter(|_| self.random.random());
        let host = other.copied().unwrap_or(leader);
        let ahead = if self.random.random() { JUMP } else { -JUMP };
        self.cluster.set_clock(host, ahead)?;
        self.watch
            .until("a clock to have jumped", SEEN, |seen| {
                is_off(seen, host, ahead).filter(|is_off| *is_off).map(drop)
            })
            .with_context(|| host.to_string())?;
        self.is_untimely = true;
        Ok(Some(Undo::SetClock(host)))
    }
}

/// Whether a node's report is of a time that is off by about so many seconds.
pub fn is_off(seen: &Seen, host: Host, ahead: i64) -> Option<bool> {
    let said = seen.report(host)?.unix_ms as i64 / 1000;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs() as i64;
    Some((said - now - ahead).abs() < 60)
}
