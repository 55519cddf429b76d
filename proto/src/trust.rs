//! What makes others trustworthy: a token, or that they are on this machine, or somebody's word that the network is safe.

use std::net::IpAddr;

use crate::channel::ConnectError;
use crate::token::Token;

/// Whom this process connects to and whom it lets in.
#[derive(Clone, Debug)]
pub enum Trust {
    /// Only this machine; nothing is proven.
    Loopback,
    /// Everybody; nothing is proven.
    Insecure,
    /// Whoever proves to hold the same token.
    Token(Token),
}

impl Trust {
    /// The token, if there is one.
    pub fn token(&self) -> Option<&Token> {
        match self {
            Trust::Token(token) => Some(token),
            Trust::Loopback | Trust::Insecure => None,
        }
    }

    /// Whether strangers on the network are let in.
    pub fn is_insecure(&self) -> bool {
        matches!(self, Trust::Insecure)
    }

    /// Refuses what is no `host:port`, and without a token what is not loopback.
    pub(crate) fn check(&self, addr: &str) -> Result<(), ConnectError> {
        let (host, port) = addr.rsplit_once(':').ok_or_else(|| ConnectError::Address(addr.to_owned()))?;
        if host.is_empty() || port.parse::<u16>().is_err() {
            return Err(ConnectError::Address(addr.to_owned()));
        }
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        match self {
            Trust::Loopback if !loopback => Err(ConnectError::Insecure(addr.to_owned())),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use gossamer_world::random::Kernel;

    use super::*;

    /// Without a token and without --insecure nothing but loopback is reached.
    #[test]
    fn loopback_only() {
        let others = [Trust::Insecure, Trust::Token(Token::draw("lab", &Kernel).unwrap())];
        for good in ["127.0.0.1:1", "127.9.9.9:4068", "localhost:80", "[::1]:5"] {
            assert!(Trust::Loopback.check(good).is_ok(), "{good}");
        }
        for bad in ["10.0.0.1:1", "example:1", "0.0.0.0:4068"] {
            assert!(matches!(Trust::Loopback.check(bad), Err(ConnectError::Insecure(_))), "{bad}");
            assert!(others.iter().all(|trust| trust.check(bad).is_ok()));
        }
        for nonsense in ["", "host", ":1", "host:99999"] {
            assert!(matches!(Trust::Insecure.check(nonsense), Err(ConnectError::Address(_))), "{nonsense}");
        }
    }
}
