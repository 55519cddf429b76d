//! The one place where connections are made: gRPC channels and HTTP/1.1 connections of the data plane.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tonic::metadata::MetadataValue;
use tonic::service::Interceptor;
use tonic::transport::{Channel, Endpoint};
use tonic::{Status, transport};

use crate::limits::{CONNECT, KEEP_ALIVE, KEEP_ALIVE_ANSWER, RPC};
use crate::proof::{self, ProofError};
use crate::trust::Trust;
use crate::v1::{Code, Failure};
use gossamer_world::{Network, Random, Stream, World};

/// A body of the data plane.
pub type Body = UnsyncBoxBody<Bytes, io::Error>;

/// A body that is all there.
pub fn full(bytes: Bytes) -> Body {
    http_body_util::Full::new(bytes).map_err(|never: Infallible| match never {}).boxed_unsync()
}

/// Why no connection can be made.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No token and not loopback.
    #[error(
        "{0} is not a loopback address; without a token only loopback is allowed: give --token-file, or --insecure"
    )]
    Insecure(String),
    /// Not `host:port`.
    #[error("{0:?} is not an address of the form host:port")]
    Address(String),
    /// Its token is another one.
    #[error("heard cluster {name} at {addr}, its proof does not fit this token")]
    Proof {
        /// Who answered.
        addr: String,
        /// What it calls its cluster.
        name: String,
    },
    /// It wants a token.
    #[error(
        "heard cluster {name} at {addr}, which wants its token: give it with --token-file FILE or GOSSAMER_TOKEN; \
         `gossamer token` on one of its machines prints it"
    )]
    TokenWanted {
        /// Who answered.
        addr: String,
        /// What it calls its cluster.
        name: String,
    },
    /// It has no token.
    #[error(
        "{0} was started without a token and cannot prove anything; leave the token out to use it all the same"
    )]
    Open(String),
    /// Nobody answered within [`CONNECT`].
    #[error("no connection to {0} within {CONNECT:?}")]
    Late(String),
    /// The network refused.
    #[error("no connection to {0}: {1}")]
    Io(String, io::Error),
    /// The other side broke off or does not speak HTTP.
    #[error("the connection to {0} broke: {1}")]
    Http(String, hyper::Error),
    /// The other side is none of ours.
    #[error("{0} does not speak gossamer's protocol, or another version of it")]
    Stranger(String),
}

impl ConnectError {
    /// Whether no later try can do better, as long as the other side stays what it is.
    pub fn is_refusal(&self) -> bool {
        use ConnectError::{Address, Insecure, Open, Proof, TokenWanted};
        matches!(self, Insecure(_) | Address(_) | Proof { .. } | TokenWanted { .. } | Open(_))
    }

    fn of(addr: &str, error: ProofError) -> Self {
        let addr = addr.to_owned();
        match error {
            ProofError::Wanted(name) => ConnectError::TokenWanted { addr, name },
            ProofError::Other(name) => ConnectError::Proof { addr, name },
            ProofError::Open => ConnectError::Open(addr),
            ProofError::Stranger => ConnectError::Stranger(addr),
            ProofError::Io(error) => ConnectError::Io(addr, error),
        }
    }
}

/// Makes connections. Cheap to clone; clones share the idle connections.
#[derive(Clone)]
pub struct Channels {
    dial: Arc<Dial>,
    idle: Arc<Mutex<BTreeMap<String, Vec<SendRequest<Body>>>>>,
}

/// Connects and proves.
struct Dial {
    network: Arc<dyn Network>,
    random: Arc<dyn Random>,
    trust: Trust,
    /// Who refused the last connection to it, and why: gRPC itself forgets reasons.
    refusals: Mutex<BTreeMap<String, String>>,
}

/// Idle data connections kept for each address: as many as one client fetches from one node side by side.
const IDLE_CONNECTIONS: usize = 4;

impl Channels {
    /// Connects to those that `trust` allows.
    pub fn new(world: &World, trust: Trust) -> Self {
        let (network, random) = (world.network.clone(), world.random.clone());
        let dial = Dial { network, random, trust, refusals: Mutex::default() };
        Channels { dial: Arc::new(dial), idle: Arc::default() }
    }

    /// The id of the cluster that the token belongs to; empty without one.
    pub fn cluster(&self) -> Bytes {
        self.dial.trust.token().map(|token| Bytes::copy_from_slice(token.cluster())).unwrap_or_default()
    }

    /// Why the last attempt to connect to `addr` was refused; None if it was not, or there was none.
    pub fn refusal(&self, addr: &str) -> Option<String> {
        self.dial.refusals().get(addr).cloned()
    }

    /// Connects, proves, and closes again: to know who is there.
    pub async fn probe(&self, addr: &str) -> Result<(), ConnectError> {
        self.dial.connect(addr).await.map(drop)
    }

    /// A gRPC channel to `host:port` that connects when first used and again whenever it breaks.
    pub fn grpc(&self, addr: &str) -> Result<Channel, ConnectError> {
        self.dial.trust.check(addr)?;
        let endpoint: Endpoint = transport::Endpoint::from_shared(format!("http://{addr}"))
            .map_err(|_| ConnectError::Address(addr.to_owned()))?
            .connect_timeout(CONNECT)
            // Without keep-alive a channel never came back after a partition of 3 s.
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE_ANSWER)
            .keep_alive_while_idle(true)
            .initial_stream_window_size(4 << 20)
            .initial_connection_window_size(16 << 20);
        let (dial, addr) = (self.dial.clone(), addr.to_owned());
        Ok(endpoint.connect_with_connector_lazy(tower::service_fn(move |_| {
            let (dial, addr) = (dial.clone(), addr.clone());
            async move { dial.connect(&addr).await.map(TokioIo::new) }
        })))
    }

    /// Sends one HTTP/1.1 request to a data port over an idle connection, or a new one, and returns the head of the answer.
    /// The caller bounds the time.
    pub async fn send(
        &self,
        addr: &str,
        request: Request<Body>,
    ) -> Result<Response<hyper::body::Incoming>, ConnectError> {
        let mut connection = match self.take_idle(addr) {
            Some(connection) => connection,
            None => self.http(addr).await?,
        };
        let response = connection
            .send_request(request)
            .await
            .map_err(|error| ConnectError::Http(addr.to_owned(), error))?;
        self.put_idle(addr, connection);
        Ok(response)
    }

    /// A new HTTP/1.1 connection.
    async fn http(&self, addr: &str) -> Result<SendRequest<Body>, ConnectError> {
        let stream = self.dial.connect(addr).await?;
        let (sender, connection) = http1::Builder::new()
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| ConnectError::Http(addr.to_owned(), error))?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a data connection ended");
            }
        });
        Ok(sender)
    }

    fn take_idle(&self, addr: &str) -> Option<SendRequest<Body>> {
        let mut idle = self.idle.lock().expect("nothing panics while holding it");
        let connections = idle.get_mut(addr)?;
        connections.retain(|connection| !connection.is_closed());
        // One whose last answer is still being read is not ready.
        let ready = connections.iter().position(SendRequest::is_ready)?;
        Some(connections.swap_remove(ready))
    }

    fn put_idle(&self, addr: &str, connection: SendRequest<Body>) {
        let mut idle = self.idle.lock().expect("nothing panics while holding it");
        let connections = idle.entry(addr.to_owned()).or_default();
        if connections.len() < IDLE_CONNECTIONS {
            connections.push(connection);
        }
    }
}

impl Dial {
    /// A connection whose other side has proven what it has to; at most [`CONNECT`].
    async fn connect(&self, addr: &str) -> Result<Stream, ConnectError> {
        self.trust.check(addr)?;
        let connect = async {
            let connected = self.network.connect(addr).await;
            let mut stream = connected.map_err(|error| ConnectError::Io(addr.to_owned(), error))?;
            let proven = proof::connect(&mut stream, &self.trust, &*self.random).await;
            proven.map_err(|error| ConnectError::of(addr, error))?;
            Ok(stream)
        };
        let connected = match tokio::time::timeout(CONNECT, connect).await {
            Ok(connected) => connected,
            Err(_) => Err(ConnectError::Late(addr.to_owned())),
        };
        let mut refusals = self.refusals();
        match &connected {
            Err(error) if error.is_refusal() => refusals.insert(addr.to_owned(), error.to_string()),
            _ => refusals.remove(addr),
        };
        drop(refusals);
        connected
    }

    fn refusals(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.refusals.lock().expect("nothing panics while holding it")
    }
}

/// Which cluster, and which of its nodes, a call is meant for. As an interceptor it marks what is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The cluster's id; empty when the caller belongs to none yet.
    pub cluster: Bytes,
    /// How often the cluster was recovered by force: members of before must not mix with it. None: not known to the caller.
    pub epoch: Option<u64>,
    /// The node's id; 0 for a queue server.
    pub node: u64,
}

const CLUSTER: &str = "gossamer-cluster";
const EPOCH: &str = "gossamer-epoch";
const TARGET: &str = "gossamer-target";

impl Interceptor for Target {
    fn call(&mut self, mut request: tonic::Request<()>) -> Result<tonic::Request<()>, Status> {
        let hex: String = self.cluster.iter().map(|byte| format!("{byte:02x}")).collect();
        let cluster = hex.parse().map_err(|_| Status::internal("hexadecimal digits are valid metadata"))?;
        request.metadata_mut().insert(CLUSTER, cluster);
        if let Some(epoch) = self.epoch {
            request.metadata_mut().insert(EPOCH, MetadataValue::from(epoch));
        }
        request.metadata_mut().insert(TARGET, MetadataValue::from(self.node));
        // The server learns how long it has; streams set no limit of their own.
        Ok(request)
    }
}

/// Refuses calls meant for another cluster or node: two machines may have changed addresses.
#[derive(Clone, Debug)]
pub struct Expect(pub Target);

impl Interceptor for Expect {
    fn call(&mut self, request: tonic::Request<()>) -> Result<tonic::Request<()>, Status> {
        let hex: String = self.0.cluster.iter().map(|byte| format!("{byte:02x}")).collect();
        let node = self.0.node.to_string();
        let is = |key: &str, expected: &str| {
            request.metadata().get(key).is_some_and(|value| value.as_bytes() == expected.as_bytes())
        };
        if !is(CLUSTER, &hex) {
            return Err(Failure::new(Code::Refused, "this node belongs to another cluster").into());
        }
        if let Some(epoch) = self.0.epoch
            && !is(EPOCH, &epoch.to_string())
        {
            let text = format!(
                "the cluster has been recovered since: this is epoch {epoch}, the call was for another"
            );
            return Err(Failure::new(Code::Refused, text).into());
        }
        if !is(TARGET, &node) {
            return Err(Failure::new(
                Code::Refused,
                format!("this is node {node}, the call was for another"),
            )
            .into());
        }
        Ok(request)
    }
}

/// Waits for a small RPC, at most [`RPC`].
pub async fn within_rpc<T>(call: impl Future<Output = Result<T, Status>>) -> Result<T, Failure> {
    match tokio::time::timeout(RPC, call).await {
        Ok(answer) => answer.map_err(Failure::from),
        Err(_) => Err(Failure::new(Code::Unknown, format!("no answer within {RPC:?}"))),
    }
}
