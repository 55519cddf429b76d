//! The proof at the beginning of a connection: who does not hold the token gets in nowhere, whatever he says.

use gossamer_proto::fuzz::{is_believed, is_let_in};
use gossamer_proto::token::Token;
use gossamer_proto::trust::Trust;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use crate::disk::Counter;
use crate::wait;

/// More than either side ever says.
const STREAM_BYTES: usize = 4096;

/// The input: what the stranger says, to a server and to a client.
pub fn run(bytes: &[u8]) {
    let said = &bytes[..bytes.len().min(STREAM_BYTES)];
    let trust = Trust::Token(Token::draw("lab", &Counter::new(1)).unwrap());
    let random = Counter::new(50);
    wait(async {
        let (mut here, there) = duplex(STREAM_BYTES);
        let there = say(there, said).await;
        assert!(!is_let_in(&mut here, &trust, &random).await, "a stranger was let in");
        drop(there);
        let (mut here, there) = duplex(STREAM_BYTES);
        let there = say(there, said).await;
        assert!(!is_believed(&mut here, &trust, &random).await, "a stranger was believed");
        drop(there);
        let (mut here, there) = duplex(STREAM_BYTES);
        let there = say(there, said).await;
        is_let_in(&mut here, &Trust::Loopback, &random).await;
        drop(here);
        let mut there = there;
        // Whatever it was: the answer is as long as an answer is, or nothing.
        let mut answer = Vec::new();
        there.read_to_end(&mut answer).await.unwrap();
        assert!(answer.len() <= 256);
    });
}

async fn say(mut there: DuplexStream, said: &[u8]) -> DuplexStream {
    there.write_all(said).await.unwrap();
    there.shutdown().await.unwrap();
    there
}
