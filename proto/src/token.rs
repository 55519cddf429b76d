//! The token: what makes a machine or client part of a cluster. Name, id and secret in one string,
//!
//! ```text
//! NAME.BASE32       lowercase RFC 4648 base32, without padding, of
//!                   16 bytes cluster id, 16 bytes secret, 4 bytes checksum
//! ```
//!
//! The checksum (the first bytes of a BLAKE3 hash of all the rest) is for those who type it: a wrong letter is told
//! from a wrong token.

use std::fmt;
use std::str::FromStr;

use data_encoding::{Encoding, Specification};
use gossamer_world::Random;

/// Longest name of a cluster, bytes: it fits a datagram, a prompt and a path.
pub const NAME_BYTES: usize = 32;
/// Length of a cluster id, bytes.
pub const ID_BYTES: usize = 16;
/// Length of a secret, bytes: 128 bits nobody can guess.
const SECRET_BYTES: usize = 16;
const CHECKSUM_BYTES: usize = 4;

/// Who holds it belongs to the cluster. Never shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    name: String,
    cluster: [u8; ID_BYTES],
    secret: [u8; SECRET_BYTES],
}

/// Why a string is no token.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TokenError {
    /// Not of the form.
    #[error("this is no token: one looks like NAME.LETTERS-AND-DIGITS, as `gossamer token` prints it")]
    Form,
    /// Letters are missing or wrong.
    #[error(
        "the token is incomplete or has a wrong letter; `gossamer token` on a machine of the cluster prints it"
    )]
    Checksum,
    /// The name is none.
    #[error(transparent)]
    Name(#[from] NameError),
}

/// Why a string cannot name a cluster.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "{0:?} cannot name a cluster: 1 to {NAME_BYTES} of a-z, 0-9, '-' and '_', the first a letter or digit"
)]
pub struct NameError(pub String);

/// Whether `name` may name a cluster.
pub fn check_name(name: &str) -> Result<(), NameError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = name.as_bytes();
    let good = bytes.len() <= NAME_BYTES
        && bytes.first().is_some_and(|first| plain(*first))
        && bytes.iter().all(|byte| plain(*byte) || matches!(byte, b'-' | b'_'));
    if good { Ok(()) } else { Err(NameError(name.to_owned())) }
}

impl Token {
    /// A new cluster's.
    pub fn draw(name: &str, random: &dyn Random) -> Result<Self, NameError> {
        check_name(name)?;
        Ok(Token { name: name.to_owned(), cluster: random.id(), secret: random.id() })
    }

    /// The cluster's name, for people.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The cluster's id.
    pub fn cluster(&self) -> &[u8; ID_BYTES] {
        &self.cluster
    }

    /// A key for one purpose, which `context` names: unique in the world, hard-coded (BLAKE3's `derive_key`).
    pub fn key(&self, context: &str) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key(context);
        hasher.update(&self.cluster);
        hasher.update(&self.secret);
        *hasher.finalize().as_bytes()
    }

    fn checksum(&self) -> [u8; CHECKSUM_BYTES] {
        let mut hasher = blake3::Hasher::new_derive_key("gossamer 2026-11 checksum of a token");
        hasher.update(&self.cluster);
        hasher.update(&self.secret);
        hasher.update(self.name.as_bytes());
        let mut checksum = [0; CHECKSUM_BYTES];
        hasher.finalize_xof().fill(&mut checksum);
        checksum
    }
}

/// The secret string itself.
impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&self.cluster[..], &self.secret, &self.checksum()].concat();
        write!(f, "{}.{}", self.name, base32().encode(&bytes))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({}, secret)", self.name)
    }
}

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let (name, digits) = text.trim().rsplit_once('.').ok_or(TokenError::Form)?;
        let digits = digits.to_ascii_lowercase();
        let bytes = base32().decode(digits.as_bytes()).map_err(|_| TokenError::Checksum)?;
        let (cluster, rest) = bytes.split_first_chunk().ok_or(TokenError::Checksum)?;
        let (secret, checksum) = rest.split_first_chunk().ok_or(TokenError::Checksum)?;
        check_name(name)?;
        let token = Token { name: name.to_owned(), cluster: *cluster, secret: *secret };
        if token.checksum() == checksum { Ok(token) } else { Err(TokenError::Checksum) }
    }
}

/// RFC 4648 base32 in lowercase without padding: no letter needs quoting in a shell.
fn base32() -> Encoding {
    let mut specification = Specification::new();
    specification.symbols.push_str("abcdefghijklmnopqrstuvwxyz234567");
    specification.encoding().expect("32 different symbols make an encoding")
}

#[cfg(test)]
mod tests {
    use gossamer_world::random::Kernel;

    use super::*;

    /// What is printed is read again, by people who add spaces or capitals too; every single wrong letter is found.
    #[test]
    fn printed_and_read() {
        let token = Token::draw("lab-7", &Kernel).unwrap();
        let text = token.to_string();
        assert_eq!(text.parse(), Ok(token.clone()));
        assert_eq!(format!(" {text}\n").parse::<Token>().as_ref(), Ok(&token));
        assert!(!format!("{token:?}").contains(&text[8..]));
        for at in 0..text.len() {
            let mut wrong = text.clone().into_bytes();
            wrong[at] = if wrong[at] == b'a' { b'b' } else { b'a' };
            let wrong = String::from_utf8(wrong).unwrap();
            assert!(wrong.parse::<Token>().is_err(), "{wrong}");
            assert!(text[..at].parse::<Token>().is_err());
        }
    }

    /// Keys differ by purpose and by token.
    #[test]
    fn keys() {
        let (one, two) = (Token::draw("a", &Kernel).unwrap(), Token::draw("a", &Kernel).unwrap());
        assert_eq!(one.key("x"), one.key("x"));
        assert_ne!(one.key("x"), one.key("y"));
        assert_ne!(one.key("x"), two.key("x"));
    }

    /// Names fit tokens, datagrams and terminals.
    #[test]
    fn names() {
        for good in ["a", "lab", "rack-7_b", "0x", &"n".repeat(32)] {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        for bad in ["", "Lab", "-x", "a.b", "a b", "ü", "a\n", &"n".repeat(33)] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
