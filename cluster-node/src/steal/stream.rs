//! One stream to a queue server, from hello to end.

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use gossamer_proto::channel::ConnectError;
use gossamer_proto::limits::{CONNECT, LEADER_CREDITS, MESSAGE_BYTES, READ_CREDITS};
use gossamer_proto::v1::work_client::WorkClient;
use gossamer_proto::v1::{self, from_node, to_node};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;
use tonic::{Status, Streaming};

use super::claim::Answer;
use super::credit::Credits;
use super::lease::Leases;
use super::{Config, down, up};

/// Leases of one stream, all states together. Also the room for their answers, so that sending one never waits. Twice
/// what is offered: assignments may cross a withdrawal on the wire, and are given back.
pub(super) const LEASES: usize = 2 * (LEADER_CREDITS + READ_CREDITS) as usize;
/// Messages on their way up that the connection has not yet taken.
const UP_MESSAGES: usize = 64;
/// How long shutdown waits for tasks that were begun...
const GRACE: Duration = Duration::from_millis(1500);
/// ...and then for the queue server to have read their answers.
const FLUSH: Duration = Duration::from_millis(500);

/// Why there is no stream.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    /// The address is refused.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// Not within [`CONNECT`].
    #[error("no welcome within {CONNECT:?}")]
    Late,
    /// The queue server, or the way to it.
    #[error("{0}")]
    Status(Box<Status>),
    /// The first message was another, or none.
    #[error("the queue server did not begin with a welcome")]
    NoWelcome,
}

/// Why a stream ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    /// The queue server, or the way to it.
    #[error("{0}")]
    Status(Box<Status>),
    /// The queue server closed it.
    #[error("closed by the queue server")]
    Closed,
    /// More assignments than any offer could explain.
    #[error("the queue server assigned more than {LEASES} tasks")]
    TooMany,
    /// This node stops.
    #[error("this node stops")]
    Shutdown,
}

/// What the two directions of one stream share.
pub(super) struct Shared {
    state: Mutex<State>,
    /// Where claims of this stream send their answers: room for [`LEASES`].
    pub(super) answers: mpsc::Sender<Answer>,
}

/// Offers and leases.
pub(super) struct State {
    pub(super) credits: Credits,
    pub(super) leases: Leases,
    /// Nothing new is begun.
    pub(super) stopping: bool,
}

impl Shared {
    /// Never held across an await.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while holding it")
    }
}

/// What becomes of the claims of one stream, with room for [`LEASES`].
pub(super) type Answers = (mpsc::Sender<Answer>, mpsc::Receiver<Answer>);

/// A stream that was welcomed.
pub(super) struct Stream {
    /// Keeps the connection.
    _channel: Channel,
    up: mpsc::Sender<v1::FromNode>,
    down: Streaming<v1::ToNode>,
}

/// Connects, says hello and waits for the welcome; at most [`CONNECT`].
pub(super) async fn open(config: &Config, addr: &str) -> Result<Stream, OpenError> {
    let channel = config.channels.grpc(addr)?;
    let target = config.peers.target(0);
    let mut client = WorkClient::with_interceptor(channel.clone(), target)
        .max_decoding_message_size(MESSAGE_BYTES)
        .max_encoding_message_size(MESSAGE_BYTES);
    let (up, outgoing) = mpsc::channel(UP_MESSAGES);
    // There is room: it is the first message.
    let _ = up.try_send(hello(config));
    let welcomed = async {
        let mut down = client.steal(ReceiverStream::new(outgoing)).await?.into_inner();
        let first = down.message().await?;
        Ok((down, first))
    };
    let (down, first) = tokio::time::timeout(CONNECT, welcomed)
        .await
        .map_err(|_| OpenError::Late)?
        .map_err(|status| OpenError::Status(Box::new(status)))?;
    match first.and_then(|message| message.kind) {
        Some(to_node::Kind::Welcome(_)) => Ok(Stream { _channel: channel, up, down }),
        _ => Err(OpenError::NoWelcome),
    }
}

fn hello(config: &Config) -> v1::FromNode {
    let hello = v1::Hello {
        cluster_id: config.cluster_id.clone(),
        cluster_name: config.cluster_name.clone(),
        epoch: config.peers.target(0).epoch.unwrap_or(0),
        report: Some(config.report.borrow().clone()),
    };
    v1::FromNode { kind: Some(from_node::Kind::Hello(hello)) }
}

impl Stream {
    /// Works until the stream breaks, or until shutdown is through.
    pub(super) async fn run(
        self,
        config: &Config,
        answers: &mut Answers,
        shutdown: &CancellationToken,
    ) -> Ended {
        let (answers, answered) = (answers.0.clone(), &mut answers.1);
        let state = State { credits: Credits::new(), leases: Leases::default(), stopping: false };
        let shared = Shared { state: Mutex::new(state), answers };
        let mut down = Box::pin(down::run(self.down, config, &shared));
        let up = up::run(self.up, answered, config, &shared, shutdown);
        let grace = async {
            shutdown.cancelled().await;
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            biased;
            why = &mut down => return why,
            () = up => {}
            () = grace => {}
        }
        // The way up is closed now. The queue server closes its own when it has read everything.
        let last = tokio::time::timeout(FLUSH, down).await;
        if shutdown.is_cancelled() { Ended::Shutdown } else { last.unwrap_or(Ended::Closed) }
    }
}
