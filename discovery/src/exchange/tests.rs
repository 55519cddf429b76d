//! The protocol alone, against neighbours good and bad.

use gossamer_world::random;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;

const KEEP: Duration = Duration::from_secs(75);

fn lan() -> Interface {
    Interface { name: "lan".to_owned(), index: 2, address: [10, 0, 0, 1].into(), prefix: 16 }
}

fn token(name: &str) -> Token {
    Token::draw(name, &random::Kernel).unwrap()
}

fn exchange(token: &Token, announce: Option<u16>) -> Exchange {
    Exchange::new(Arc::new(random::Kernel), Arc::default(), Some(token.clone()), announce, KEEP)
}

fn at(last: u16, port: u16) -> SocketAddrV4 {
    let [high, low] = last.to_be_bytes();
    SocketAddrV4::new([10, 0, high, low].into(), port)
}

/// What an attacker must not move: everything but the table of sources that asked for a census.
fn state(of: &Exchange) -> (Found, [usize; 4], u32) {
    let sizes = [of.asked.len(), of.seen.len(), of.challenges.len(), of.answered.len()];
    (of.found(), sizes, of.unanswered_rounds)
}

/// The whole exchange: both learn of each other, each datagram no longer than the one before; and what was captured
/// of it, sent again from anywhere and at any time, is not answered and changes nothing.
#[test]
fn captured_and_replayed() {
    let token = token("lab");
    let (mut a, mut b) = (exchange(&token, Some(7001)), exchange(&token, Some(7002)));
    let (from_a, from_b, now) = (at(1, 4001), at(2, 4002), Instant::now());
    let request = a.request(&lan(), now).unwrap();
    let heard = b.hear(&lan(), from_a, &request, now);
    assert_eq!(heard.received, Received::Request { answered: true, serves: true });
    assert_eq!(b.found(), Found::default(), "a request alone teaches nothing");
    let answer = heard.reply.unwrap();
    let heard = a.hear(&lan(), from_b, &answer, now);
    assert_eq!(heard.received, Received::Answer { queue_server: at(2, 7002) });
    let confirm = heard.reply.unwrap();
    assert!(confirm.len() <= answer.len() && answer.len() <= request.len());
    let stolen = b.hear(&lan(), at(3, 4001), &confirm, now);
    assert_eq!(stolen, Outcome { received: Received::Ignored(Ignored::Late), reply: None });
    let heard = b.hear(&lan(), from_a, &confirm, now);
    assert_eq!(heard, Outcome { received: Received::Confirm { queue_server: at(1, 7001) }, reply: None });

    let before = (state(&a), state(&b));
    for later in [0, 10, 1_000, 4_999, 5_000, 60_000, 3_600_000] {
        for source in [from_a, from_b, at(77, 7)] {
            for datagram in [&request, &answer, &confirm] {
                for machine in [&mut a, &mut b] {
                    let outcome = machine.hear(&lan(), source, datagram, now + Duration::from_millis(later));
                    assert_eq!(outcome.reply, None);
                    assert!(matches!(outcome.received, Received::Ignored(_)), "{outcome:?}");
                }
            }
        }
    }
    assert_eq!((state(&a), state(&b)), before);
}

/// An answer counts only while its request is fresh, on the interface that asked; other tokens' count never.
#[test]
fn answers_must_fit() {
    let ours = token("ours");
    let (mut a, mut b) = (exchange(&ours, None), exchange(&ours, Some(7002)));
    let mut other = exchange(&token("other"), Some(7003));
    let now = Instant::now();
    let request = a.request(&lan(), now).unwrap();
    let refused = other.hear(&lan(), at(1, 4001), &request, now);
    assert_eq!(refused, Outcome { received: Received::Ignored(Ignored::BadMac), reply: None });
    let answer = b.hear(&lan(), at(1, 4001), &request, now).reply.unwrap();
    let wlan = Interface { index: 3, ..lan() };
    for (interface, late) in [(wlan, Duration::ZERO), (lan(), DISCOVERY_ANSWER)] {
        let heard = a.hear(&interface, at(2, 4002), &answer, now + late);
        assert_eq!(heard.received, Received::Ignored(Ignored::Late));
    }
    let heard = a.hear(&lan(), at(2, 4002), &answer, now);
    assert_eq!(heard, Outcome { received: Received::Answer { queue_server: at(2, 7002) }, reply: None });
    assert_eq!(a.hear(&lan(), at(1, 9), &request, now).received, Received::Ignored(Ignored::Own));
}

/// One answer a second for a machine, whatever port it sends from; on loopback, for each process.
#[test]
fn one_answer_a_second() {
    let token = token("lab");
    let (mut a, mut b) = (exchange(&token, None), exchange(&token, Some(7002)));
    let (start, mut replies) = (Instant::now(), 0);
    for ms in 0..10_000 {
        let now = start + Duration::from_millis(ms);
        let request = a.request(&lan(), now).unwrap();
        replies += usize::from(b.hear(&lan(), at(1, 1000 + ms as u16), &request, now).reply.is_some());
        let census = a.census(&lan(), now).unwrap();
        replies += usize::from(b.hear(&lan(), at(1, 1000 + ms as u16), &census, now).reply.is_some());
    }
    assert_eq!(replies, 10);
    let loopback = Interface { name: "lo".to_owned(), index: 1, address: [127, 0, 0, 1].into(), prefix: 8 };
    for port in [5000, 5001] {
        let request = a.request(&loopback, start).unwrap();
        let from = SocketAddrV4::new(loopback.address, port);
        assert!(b.hear(&loopback, from, &request, start).reply.is_some(), "{port}");
    }
}

/// Even who holds the token, in the names of all machines of the subnet, fills no table beyond its bound, and a census
/// flood in their names keeps none of them from being answered.
#[test]
fn spoofed_sources() {
    let token = token("lab");
    let (mut a, mut b) = (exchange(&token, None), exchange(&token, Some(7002)));
    let now = Instant::now();
    let (mut answers, mut censuses) = (0, 0);
    for last in 1..=10_000 {
        let census = a.census(&lan(), now).unwrap();
        censuses += u32::from(b.hear(&lan(), at(last, 4000), &census, now).reply.is_some());
        let request = a.request(&lan(), now).unwrap();
        answers += usize::from(b.hear(&lan(), at(last, 4000), &request, now).reply.is_some());
    }
    assert_eq!((answers, censuses), (DISCOVERY_SOURCES, DISCOVERY_CENSUS_ANSWERS));
    assert_eq!((b.seen.len(), b.challenges.len()), (DISCOVERY_NONCES, DISCOVERY_CHALLENGES));
    assert_eq!((a.asked.len(), a.seen.len()), (DISCOVERY_ASKED, DISCOVERY_NONCES));
    for last in 1..=1000 {
        let request = a.request(&lan(), now).unwrap();
        let answer = exchange(&token, Some(last)).hear(&lan(), at(9, 9), &request, now).reply.unwrap();
        a.hear(&lan(), at(last, 4000), &answer, now);
    }
    assert_eq!(a.found().queue_servers.len(), gossamer_proto::limits::DISCOVERY_FOUND);
}

/// Noise, and good datagrams with something changed: no panic, nothing is learned, no table grows, and no more is sent
/// back than came in.
#[test]
fn hostile_datagrams() {
    let mut random = StdRng::seed_from_u64(8888);
    let token = token("lab");
    let key = Key::new(&token);
    let mut machine = exchange(&token, Some(7001));
    let mut now = Instant::now();
    let asked = [machine.request(&lan(), now).unwrap(), machine.census(&lan(), now).unwrap()];
    let before = state(&machine);
    let (mut heard_bytes, mut sent_bytes, mut replies) = (0, 0, 0);
    for round in 0..250_000_u32 {
        let datagram = hostile(&mut random, &key, &asked);
        let from = if random.random_bool(0.1) {
            SocketAddrV4::new(random.random::<u32>().into(), random.random())
        } else {
            at(random.random(), random.random())
        };
        let outcome = machine.hear(&lan(), from, &datagram, now);
        heard_bytes += datagram.len();
        if let Some(reply) = outcome.reply {
            assert!(reply.len() <= datagram.len());
            assert_eq!(outcome.received, Received::Census { answered: true });
            sent_bytes += reply.len();
            replies += 1;
        }
        if round % 100 == 0 {
            now += Duration::from_millis(1);
        }
    }
    assert_eq!(state(&machine), before);
    assert!(machine.censused.len() <= DISCOVERY_SOURCES);
    assert!(sent_bytes <= heard_bytes && replies <= 4 * DISCOVERY_CENSUS_ANSWERS, "{replies} replies");
    assert!(machine.counters.get(Count::BadMac) > 10_000 && machine.counters.get(Count::Malformed) > 10_000);
    assert!(machine.counters.get(Count::OffLink) > 10_000 && replies > 0);
}

/// Something that nobody with the token sent. What answers a census is anybody's right, so none of it is made here.
fn hostile(random: &mut StdRng, key: &Key, asked: &[Vec<u8>]) -> Vec<u8> {
    let mut noise = vec![0; random.random_range(0..200)];
    random.fill(&mut noise[..]);
    let good = match random.random_range(0..6) {
        0 => return noise,
        1 => Packet::Request { nonce: random.random(), serves: true },
        2 => Packet::Confirm { challenge: random.random(), port: 1 },
        3 => Packet::Census { nonce: random.random() },
        4 => return asked[random.random_range(0..asked.len())].clone(),
        _ => {
            let mut nonce = [0; 16];
            nonce.copy_from_slice(&asked[0][5..21]);
            Packet::Answer { nonce, challenge: random.random(), port: 1 }
        }
    };
    let mut bytes = good.seal(Some(key)).unwrap();
    match random.random_range(0..4) {
        0 => bytes.truncate(random.random_range(0..bytes.len())),
        1 => bytes.extend_from_slice(&noise[..noise.len().min(1)]),
        2 => bytes[5..].fill_with(|| random.random()),
        _ => {}
    }
    // Never whole: at least one bit is wrong, of the kind or behind it.
    let bit = random.random_range(32..(bytes.len().max(5) * 8));
    if let Some(byte) = bytes.get_mut(bit / 8) {
        *byte ^= 1 << (bit % 8);
    }
    bytes
}

/// What is unheard for long is forgotten, and at once what is on no link any more.
#[test]
fn forgets() {
    let token = token("lab");
    let (mut a, now) = (exchange(&token, None), Instant::now());
    let hear = |a: &mut Exchange, last, now| {
        let request = a.request(&lan(), now).unwrap();
        let answer = exchange(&token, Some(7000)).hear(&lan(), at(9, 9), &request, now).reply.unwrap();
        a.hear(&lan(), at(last, 4000), &answer, now);
        a.found().queue_servers.len()
    };
    assert_eq!((hear(&mut a, 1, now), hear(&mut a, 2, now + KEEP / 2)), (1, 2));
    a.forget(&[lan()], now + KEEP);
    assert_eq!(a.found().queue_servers, [at(2, 7000)]);
    a.forget(&[Interface { address: [10, 1, 0, 1].into(), ..lan() }], now + KEEP);
    assert_eq!(a.found(), Found::default());
}
