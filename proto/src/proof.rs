//! What every connection begins with, gRPC and data alike: each side proves that it holds the token, before a byte of
//! HTTP is read.
//!
//! ```text
//! client -> server   48 bytes   magic, version, mode, client's nonce
//! server -> client  128 bytes   magic, version, mode, cluster's name and id, server's nonce, server's MAC
//! client -> server   32 bytes   client's MAC (only with tokens)
//! ```
//!
//! A MAC is keyed BLAKE3 of all that went before on the connection and of the side that makes it, with a key derived from
//! the token: challenge and response by nonces in both directions (ISO/IEC 9798-4, three passes). The client speaks last
//! and goes on at once, so a connection costs one round trip more. Both sides say which mode they are in, so that whoever
//! came without a token, or with one too many, is told so.
//!
//! # What it does not guarantee
//! - Nothing after it is encrypted or authenticated: it keeps strangers and strays out, not who rewrites packets on the way.
//!   TLS will take its place here.

use std::io;

use bytes::{BufMut, BytesMut};
use gossamer_world::Random;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::token::{ID_BYTES, NAME_BYTES, Token};
use crate::trust::Trust;

const MAGIC: &[u8; 8] = b"GOSSAMER";
const VERSION: u8 = 1;
const NONCE_BYTES: usize = 32;
const MAC_BYTES: usize = 32;
const CLIENT_HELLO_BYTES: usize = 16 + NONCE_BYTES;
const SERVER_HELLO_BYTES: usize = 16 + NAME_BYTES + ID_BYTES + NONCE_BYTES;
const KEY: &str = "gossamer 2026-11 proof at the beginning of a connection";

/// Why there is no connection although the other side answers.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProofError {
    /// It is in a cluster that wants a token; its name.
    #[error("cluster {0:?} wants a token")]
    Wanted(String),
    /// It has another token; its cluster's name.
    #[error("cluster {0:?} has another token")]
    Other(String),
    /// It has no token.
    #[error("it has no token")]
    Open,
    /// It speaks something else.
    #[error("it does not speak gossamer's protocol, or another version of it")]
    Stranger,
    /// It broke off.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The client's part. The caller bounds the time.
pub(crate) async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    trust: &Trust,
    random: &dyn Random,
) -> Result<(), ProofError> {
    let mut said = client_hello(trust, random);
    stream.write_all(&said).await?;
    let mut hello = [0; SERVER_HELLO_BYTES + MAC_BYTES];
    stream.read_exact(&mut hello).await?;
    let (head, mac) = hello.split_at(SERVER_HELLO_BYTES);
    let server = ServerHello::read(head)?;
    match (trust.token(), server.has_token) {
        (None, false) => Ok(()),
        (None, true) => Err(ProofError::Wanted(server.name)),
        (Some(_), false) => Err(ProofError::Open),
        (Some(token), true) => {
            said.extend_from_slice(head);
            if server.cluster != *token.cluster() || proof(token, Side::Server, &said) != *mac {
                return Err(ProofError::Other(server.name));
            }
            said.extend_from_slice(mac);
            stream.write_all(proof(token, Side::Client, &said).as_bytes()).await?;
            Ok(())
        }
    }
}

/// The server's part. The caller bounds the time.
pub(crate) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    trust: &Trust,
    random: &dyn Random,
) -> Result<(), ProofError> {
    let mut said = BytesMut::zeroed(CLIENT_HELLO_BYTES);
    stream.read_exact(&mut said).await?;
    let has_token = read_mode(&said)?;
    let hello = server_hello(trust, random);
    said.extend_from_slice(&hello);
    let mac = trust.token().map(|token| proof(token, Side::Server, &said));
    let mac = mac.map_or([0; MAC_BYTES], |mac| *mac.as_bytes());
    said.extend_from_slice(&mac);
    stream.write_all(&said[CLIENT_HELLO_BYTES..]).await?;
    match (trust.token(), has_token) {
        (None, false) => Ok(()),
        (None, true) | (Some(_), false) => Err(ProofError::Open),
        (Some(token), true) => {
            let mut theirs = [0; MAC_BYTES];
            stream.read_exact(&mut theirs).await?;
            // Compared in constant time, as blake3's hashes are.
            let good = proof(token, Side::Client, &said) == theirs;
            if good { Ok(()) } else { Err(ProofError::Other(String::new())) }
        }
    }
}

/// Who makes a proof: one side's cannot be sent back as the other's.
#[derive(Clone, Copy)]
enum Side {
    Client,
    Server,
}

fn proof(token: &Token, side: Side, said: &[u8]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new_keyed(&token.key(KEY));
    hasher.update(match side {
        Side::Client => b"client",
        Side::Server => b"server",
    });
    hasher.update(said);
    hasher.finalize()
}

/// Magic, version, and whether the speaker has a token.
fn put_head(into: &mut BytesMut, trust: &Trust) {
    into.put_slice(MAGIC);
    into.put_u8(VERSION);
    into.put_u8(u8::from(trust.token().is_some()));
    into.put_bytes(0, 6);
}

/// Whether the speaker has a token.
fn read_mode(hello: &[u8]) -> Result<bool, ProofError> {
    match hello.strip_prefix(MAGIC) {
        Some([VERSION, 0, ..]) => Ok(false),
        Some([VERSION, 1, ..]) => Ok(true),
        _ => Err(ProofError::Stranger),
    }
}

fn client_hello(trust: &Trust, random: &dyn Random) -> BytesMut {
    let mut hello = BytesMut::with_capacity(CLIENT_HELLO_BYTES + SERVER_HELLO_BYTES + MAC_BYTES);
    put_head(&mut hello, trust);
    put_nonce(&mut hello, random);
    hello
}

fn put_nonce(into: &mut BytesMut, random: &dyn Random) {
    let mut nonce = [0; NONCE_BYTES];
    random.fill(&mut nonce);
    into.put_slice(&nonce);
}

fn server_hello(trust: &Trust, random: &dyn Random) -> BytesMut {
    let mut hello = BytesMut::with_capacity(SERVER_HELLO_BYTES);
    put_head(&mut hello, trust);
    let (name, cluster) = trust.token().map_or(("", [0; ID_BYTES]), |token| (token.name(), *token.cluster()));
    hello.put_slice(name.as_bytes());
    hello.put_bytes(0, NAME_BYTES - name.len());
    hello.put_slice(&cluster);
    put_nonce(&mut hello, random);
    hello
}

struct ServerHello {
    has_token: bool,
    name: String,
    cluster: [u8; ID_BYTES],
}

impl ServerHello {
    fn read(hello: &[u8]) -> Result<Self, ProofError> {
        let has_token = read_mode(hello)?;
        let (name, rest) = hello[16..].split_at(NAME_BYTES);
        let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
        let cluster = rest.first_chunk().ok_or(ProofError::Stranger)?;
        // It goes to a terminal, and nothing is proven yet.
        Ok(ServerHello { has_token, name: name.escape_ascii().to_string(), cluster: *cluster })
    }
}

#[cfg(test)]
mod tests {
    use gossamer_world::random::Kernel;
    use tokio::io::duplex;

    use super::*;

    fn token(name: &str) -> Trust {
        Trust::Token(Token::draw(name, &Kernel).unwrap())
    }

    /// How both ends fare, the client first, and what either sends after the proof.
    async fn meet(client: &Trust, server: &Trust) -> (Result<u8, ProofError>, Result<u8, ProofError>) {
        let (mut here, mut there) = duplex(1024);
        let client = async move {
            connect(&mut here, client, &Kernel).await?;
            here.write_all(&[7]).await?;
            Ok(here.read_u8().await?)
        };
        let server = async move {
            accept(&mut there, server, &Kernel).await?;
            there.write_all(&[8]).await?;
            Ok(there.read_u8().await?)
        };
        tokio::join!(client, server)
    }

    /// Those with one token meet, and those without any; everybody else is told what is wrong, and no server goes on.
    #[tokio::test]
    async fn who_meets_whom() {
        let (lab, other) = (token("lab"), token("other"));
        assert!(matches!(meet(&lab, &lab).await, (Ok(8), Ok(7))));
        assert!(matches!(meet(&Trust::Loopback, &Trust::Insecure).await, (Ok(8), Ok(7))));
        let (client, server) = meet(&other, &lab).await;
        assert!(matches!(client, Err(ProofError::Other(name)) if name == "lab") && server.is_err());
        let (client, server) = meet(&Trust::Insecure, &lab).await;
        assert!(matches!(client, Err(ProofError::Wanted(name)) if name == "lab") && server.is_err());
        let (client, server) = meet(&lab, &Trust::Loopback).await;
        assert!(matches!(client, Err(ProofError::Open)) && server.is_err());
    }

    /// A man in the middle who changes any one bit that the client says gets the server to let nobody in.
    #[tokio::test]
    async fn every_bit_counts() {
        let lab = &token("lab");
        for bit in 0..(CLIENT_HELLO_BYTES + MAC_BYTES) * 8 {
            let (mut here, mut client_side) = duplex(1024);
            let (mut server_side, mut there) = duplex(1024);
            // Each closes its end when it does not trust the other.
            let client = async move { connect(&mut here, lab, &Kernel).await };
            let server = async move { accept(&mut there, lab, &Kernel).await };
            let middle = async move {
                let mut said = [0; CLIENT_HELLO_BYTES];
                client_side.read_exact(&mut said).await?;
                flip(&mut said, bit);
                server_side.write_all(&said).await?;
                let mut answer = [0; SERVER_HELLO_BYTES + MAC_BYTES];
                server_side.read_exact(&mut answer).await?;
                client_side.write_all(&answer).await?;
                let mut mac = [0; MAC_BYTES];
                if client_side.read_exact(&mut mac).await.is_ok() {
                    flip(&mut mac, bit.wrapping_sub(CLIENT_HELLO_BYTES * 8));
                }
                server_side.write_all(&mac).await
            };
            let (_, server, _) = tokio::join!(client, server, middle);
            assert!(server.is_err(), "bit {bit}");
        }
    }

    fn flip(bytes: &mut [u8], bit: usize) {
        if let Some(byte) = bytes.get_mut(bit / 8) {
            *byte ^= 1 << (bit % 8);
        }
    }
}
