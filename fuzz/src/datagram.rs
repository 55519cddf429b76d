//! Discovery: whatever arrives, nothing sent back is longer, and who proves nothing is told no more than a census's answer.

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::Duration;

use gossamer_discovery::counters::Counters;
use gossamer_discovery::event::{Ignored, Received};
use gossamer_discovery::exchange::Exchange;
use gossamer_discovery::lan::Interface;
use gossamer_discovery::packet::{Key, Packet};
use gossamer_proto::token::Token;
use tokio::time::Instant;

use crate::disk::Counter;

const KEEP: Duration = Duration::from_secs(60);

/// The input: datagrams, each a length and so many bytes. If the length is odd, the datagram is sealed with the token first, as
/// by a machine of the cluster that says what it likes.
pub fn run(bytes: &[u8]) {
    let token = Token::draw("lab", &Counter::new(1)).unwrap();
    let key = Key::new(&token);
    let random = Arc::new(Counter::new(100));
    let mut exchange = Exchange::new(random, Arc::new(Counters::default()), Some(token), Some(4068), KEEP);
    let interface =
        Interface { name: "eth0".to_owned(), index: 2, address: [10, 0, 0, 1].into(), prefix: 24 };
    let mut now = Instant::now();
    exchange.request(&interface, now);
    exchange.census(&interface, now);
    let mut rest = bytes;
    let mut source = 2;
    while let Some((length, behind)) = rest.split_first() {
        let (datagram, behind) = behind.split_at(behind.len().min(usize::from(length / 2)));
        rest = behind;
        source = source % 250 + 1;
        now += Duration::from_millis(u64::from(source) * 10);
        let from = SocketAddrV4::new([10, 0, 0, source + 1].into(), 5000);
        let sealed = if length % 2 == 1 { seal(datagram, &key) } else { None };
        let datagram = sealed.as_deref().unwrap_or(datagram);
        hear(&mut exchange, &interface, from, datagram, now, sealed.is_some());
        // The same again is a replay.
        hear(&mut exchange, &interface, from, datagram, now, sealed.is_some());
    }
    exchange.forget(&[], now + KEEP * 2);
}

fn hear(
    exchange: &mut Exchange,
    interface: &Interface,
    from: SocketAddrV4,
    bytes: &[u8],
    now: Instant,
    proven: bool,
) {
    let outcome = exchange.hear(interface, from, bytes, now);
    if let Some(reply) = &outcome.reply {
        assert!(reply.len() <= bytes.len(), "{} bytes are answered with {}", bytes.len(), reply.len());
        assert!(
            proven || matches!(outcome.received, Received::Census { answered: true }),
            "{:?} is answered without a proof",
            outcome.received
        );
    }
    if let Received::Ignored(Ignored::Malformed | Ignored::BadMac) = outcome.received {
        assert!(outcome.reply.is_none());
    }
}

/// One of the packets, with contents from the input.
fn seal(bytes: &[u8], key: &Key) -> Option<Vec<u8>> {
    let (kind, rest) = bytes.split_first()?;
    let (nonce, rest) = rest.split_first_chunk::<16>()?;
    let nonce = *nonce;
    let port = rest.first_chunk::<2>().map_or(1, |port| u16::from_le_bytes(*port));
    let packet = match kind % 5 {
        0 => Packet::Request { nonce, serves: port % 2 == 0 },
        1 => Packet::Answer { nonce, challenge: *rest.first_chunk()?, port },
        2 => Packet::Confirm { challenge: nonce, port },
        3 => Packet::Census { nonce },
        _ => {
            let (cluster, name) = rest.split_first_chunk()?;
            let name = String::from_utf8_lossy(&name[..name.len().min(32)]).into_owned();
            Packet::CensusAnswer { nonce, cluster: *cluster, port: port.max(1), name }
        }
    };
    if let Packet::CensusAnswer { name, .. } = &packet
        && gossamer_proto::token::check_name(name).is_err()
    {
        return None;
    }
    let sealed = packet.seal(Some(key))?;
    match Packet::open(&sealed, Some(key)) {
        Ok(opened) => assert_eq!(opened, packet),
        // Port 0, which nobody announces.
        Err(_) => assert_eq!(port, 0, "{packet:?}"),
    }
    Some(sealed)
}
