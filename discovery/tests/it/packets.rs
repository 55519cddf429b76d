//! Bytes to packets and back.

use gossamer_discovery::packet::{BROADCAST_BYTES, Key, Packet, Refused};
use gossamer_proto::token::Token;
use gossamer_world::random::Kernel;

/// What is sealed is opened; every changed bit, every cut, every other token is refused, and so is one kind as another.
/// Without a proof, what is changed is at least not misread.
#[test]
fn sealed_and_opened() {
    let key = Key::new(&Token::draw("lab", &Kernel).unwrap());
    let other = Key::new(&Token::draw("lab", &Kernel).unwrap());
    let (nonce, challenge, port) = ([7; 16], [9; 16], 7001);
    let name = "n".repeat(32);
    let proven = [
        Packet::Request { nonce, serves: true },
        Packet::Request { nonce, serves: false },
        Packet::Answer { nonce, challenge, port },
        Packet::Confirm { challenge, port },
    ];
    for packet in proven {
        assert_eq!(packet.seal(None), None);
        let bytes = packet.seal(Some(&key)).unwrap();
        assert!(bytes.len() <= BROADCAST_BYTES);
        assert_eq!(Packet::open(&bytes, Some(&key)), Ok(packet));
        assert_eq!(Packet::open(&bytes, Some(&other)), Err(Refused::Proof));
        assert_eq!(Packet::open(&bytes, None), Err(Refused::Proof));
        for bit in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let opened = Packet::open(&bytes, Some(&key));
            // One bit makes a request a census's answer by its kind, but one with the port 0.
            assert!(opened.is_err(), "bit {bit}: {opened:?}");
        }
        for length in 0..bytes.len() {
            assert_eq!(Packet::open(&bytes[..length], Some(&key)), Err(Refused::Malformed));
        }
        assert_eq!(Packet::open(&[&bytes[..], &[0]].concat(), Some(&key)), Err(Refused::Malformed));
    }
    let answer = |name: &str| Packet::CensusAnswer { nonce, cluster: [3; 16], port, name: name.to_owned() };
    for packet in [Packet::Census { nonce }, answer("a"), answer(&name)] {
        let bytes = packet.seal(None).unwrap();
        assert_eq!(bytes.len(), BROADCAST_BYTES);
        for key in [None, Some(&key)] {
            assert_eq!(Packet::open(&bytes, key), Ok(packet.clone()));
        }
        for bit in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            if let Ok(other) = Packet::open(&bytes, Some(&key)) {
                assert_eq!(other.seal(None).unwrap(), bytes, "bit {bit}");
            }
        }
    }
    for bad in ["", "\u{1b}[2J", "Lab"] {
        let bytes = answer(bad).seal(None).unwrap();
        assert_eq!(Packet::open(&bytes, None), Err(Refused::Malformed), "{bad:?}");
    }
}
