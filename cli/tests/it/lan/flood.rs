//! The hostile program of [`super::hostile`]: this test binary itself, started again in a host of the lab.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::random::SplitMix;

/// What to run with `--exact`.
pub(super) const NAME: &str = "lan::flood::flooder";
/// The variable with the addresses to be flooded, with commas. Without it nothing is sent.
pub(super) const TARGETS: &str = "GOSSAMER_TEST_FLOOD";
/// How many are sent.
pub(super) const DATAGRAMS: u64 = 100_000;
/// And how fast, per [`TICK`]: 10,000 a second.
const BURST: u64 = 100;
const TICK: Duration = Duration::from_millis(10);
/// The discovery port.
const PORT: u16 = 8888;
/// So many real requests are overheard before it begins.
const CAPTURED: usize = 4;

/// What was sent where, and what came back, bytes.
#[derive(Default)]
struct Traffic {
    sent: BTreeMap<Ipv4Addr, u64>,
    answered: BTreeMap<Ipv4Addr, u64>,
    out: u64,
    back: u64,
}

/// Not a test of its own.
#[test]
#[ignore = "part of lan::hostile, which runs it in a host"]
fn flooder() {
    let Ok(targets) = std::env::var(TARGETS) else { return };
    let targets: Vec<Ipv4Addr> = targets.split(',').map(|address| address.parse().unwrap()).collect();
    let captured = overhear();
    println!("sending");
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    socket.set_broadcast(true).unwrap();
    socket.set_nonblocking(true).unwrap();
    let mut traffic = Traffic::default();
    let mut random = SplitMix::new(8888);
    let began = Instant::now();
    for number in 0..DATAGRAMS {
        if number % BURST == 0 {
            traffic.receive(&socket);
            let due = TICK * (number / BURST) as u32;
            std::thread::sleep(due.saturating_sub(began.elapsed()));
        }
        let datagram = datagram(&captured, &mut random);
        traffic.send(&socket, &datagram, &targets, &mut random);
    }
    // Late answers count.
    std::thread::sleep(Duration::from_secs(1));
    traffic.receive(&socket);
    let by_address = |all: &BTreeMap<Ipv4Addr, u64>| {
        all.iter().map(|(address, bytes)| (address.to_string(), *bytes)).collect::<BTreeMap<_, _>>()
    };
    println!(
        "{}",
        json!({
            "datagrams": DATAGRAMS,
            "bytes_out": traffic.out,
            "bytes_back": traffic.back,
            "sent": by_address(&traffic.sent),
            "answered": by_address(&traffic.answered),
        })
    );
}

/// Listens until it has some requests that others broadcast.
fn overhear() -> Vec<Vec<u8>> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, PORT)).unwrap();
    // On a line of its own, whatever the test harness has begun to print.
    println!("\nlistening");
    let mut buffer = [0; 2048];
    let mut receive = || socket.recv(&mut buffer).map(|length| buffer[..length].to_vec()).unwrap();
    (0..CAPTURED).map(|_| receive()).collect()
}

/// A third is random, a third was overheard, and a third was overheard and changed.
fn datagram(captured: &[Vec<u8>], random: &mut SplitMix) -> Vec<u8> {
    let mut bytes = captured[random.below(captured.len())].clone();
    match random.below(3) {
        0 => (0..random.below(1400)).map(|_| random.next() as u8).collect(),
        1 => bytes,
        _ => {
            for _ in 0..=random.below(3) {
                let at = random.below(bytes.len().max(1));
                match random.below(3) {
                    0 => bytes.truncate(at),
                    1 => bytes.extend((0..random.below(64)).map(|_| at as u8)),
                    _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << random.below(8)),
                }
            }
            bytes
        }
    }
}

impl Traffic {
    /// One in ten goes to all, the others to one.
    fn send(&mut self, socket: &UdpSocket, datagram: &[u8], targets: &[Ipv4Addr], random: &mut SplitMix) {
        let one = [random.pick(targets)];
        let (to, hearers) = match random.below(10) {
            0 => (Ipv4Addr::new(10, 1, 0, 255), targets),
            _ => (one[0], &one[..]),
        };
        // A full buffer: not sent is not counted, and makes the limit narrower, not wider.
        if socket.send_to(datagram, SocketAddrV4::new(to, PORT)).is_ok() {
            self.out += datagram.len() as u64;
            for hearer in hearers {
                *self.sent.entry(*hearer).or_default() += datagram.len() as u64;
            }
        }
    }

    /// Counts what has come back.
    fn receive(&mut self, socket: &UdpSocket) {
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let std::net::SocketAddr::V4(from) = from else { continue };
            self.back += length as u64;
            *self.answered.entry(*from.ip()).or_default() += length as u64;
        }
    }
}
