//! Tickets: only what was issued is good, whatever bit of it is changed.

use gossamer_cluster_node::data::ticket::{Grant, TicketError, Tickets};
use gossamer_proto::hash::Hash;
use gossamer_world::memory::Memory;

use crate::disk::world;

/// The input: any bytes as a ticket, and changes of a good one.
pub fn run(bytes: &[u8]) {
    let tickets = Tickets::new(&world(&Memory::new()));
    assert_eq!(tickets.check(bytes), Err(TicketError::Forged));
    let mut upload_id = [0; 16];
    upload_id.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    let grant = match bytes.len() % 3 {
        0 => Grant::Upload { upload_id },
        1 => Grant::Receive { upload_id },
        _ => Grant::Read { list: Hash::of(bytes) },
    };
    let ticket = tickets.issue(&grant);
    assert_eq!(tickets.check(&ticket), Ok(grant));
    let mut changed = ticket.to_vec();
    for pair in bytes.chunks_exact(2) {
        let at = usize::from(pair[0]) % changed.len();
        changed[at] ^= pair[1];
    }
    if changed != ticket {
        assert_eq!(tickets.check(&changed), Err(TicketError::Forged));
    }
    changed.truncate(usize::from(bytes.first().copied().unwrap_or(0)));
    if changed.len() < ticket.len() {
        assert_eq!(tickets.check(&changed), Err(TicketError::Forged));
    }
}
