//! The one place where connections are made: gRPC channels and HTTP/1.1 connections of the data plane.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

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

use crate::limits::{CONNECT, RPC};
use crate::v1::{Code, Failure};
use gossamer_world::{Network, World};

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
    #[error("{0} is not a loopback address; without a token only loopback is allowed, or give --insecure")]
    Insecure(String),
    /// Not `host:port`.
    #[error("{0:?} is not an address of the form host:port")]
    Address(String),
    /// Nobody answered within [`CONNECT`].
    #[error("no connection to {0} within {CONNECT:?}")]
    Late(String),
    /// The network refused.
    #[error("no connection to {0}: {1}")]
    Io(String, io::Error),
    /// The other side broke off or does not speak HTTP.
    #[error("the connection to {0} broke: {1}")]
    Http(String, hyper::Error),
}

/// Makes connections. Cheap to clone; clones share the idle connections.
#[derive(Clone)]
pub struct Channels {
    network: Arc<dyn Network>,
    insecure: bool,
    idle: Arc<Mutex<BTreeMap<String, Vec<SendRequest<Body>>>>>,
}

/// Idle data connections kept for each address: as many as one client fetches from one node side by side.
const IDLE_CONNECTIONS: usize = 4;

impl Channels {
    /// `insecure` allows addresses other than loopback.
    pub fn new(world: &World, insecure: bool) -> Self {
        Channels { network: world.network.clone(), insecure, idle: Arc::default() }
    }

    /// A gRPC channel to `host:port` that connects when first used and again whenever it breaks.
    pub fn grpc(&self, addr: &str) -> Result<Channel, ConnectError> {
        check(addr, self.insecure)?;
        let endpoint: Endpoint = transport::Endpoint::from_shared(format!("http://{addr}"))
            .map_err(|_| ConnectError::Address(addr.to_owned()))?
            .connect_timeout(CONNECT)
            // Without keep-alive a channel never came back after a partition of 3 s.
            .http2_keep_alive_interval(Duration::from_millis(500))
            .keep_alive_timeout(Duration::from_secs(1))
            .keep_alive_while_idle(true)
            .initial_stream_window_size(4 << 20)
            .initial_connection_window_size(16 << 20);
        let (network, addr) = (self.network.clone(), addr.to_owned());
        Ok(endpoint.connect_with_connector_lazy(tower::service_fn(move |_| {
            let (network, addr) = (network.clone(), addr.clone());
            async move { tokio::time::timeout(CONNECT, network.connect(&addr)).await?.map(TokioIo::new) }
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
        check(addr, self.insecure)?;
        let stream = tokio::time::timeout(CONNECT, self.network.connect(addr))
            .await
            .map_err(|_| ConnectError::Late(addr.to_owned()))?
            .map_err(|error| ConnectError::Io(addr.to_owned(), error))?;
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

/// Refuses what is not loopback, unless insecure.
pub(crate) fn check(addr: &str, insecure: bool) -> Result<(), ConnectError> {
    let (host, port) = addr.rsplit_once(':').ok_or_else(|| ConnectError::Address(addr.to_owned()))?;
    if host.is_empty() || port.parse::<u16>().is_err() {
        return Err(ConnectError::Address(addr.to_owned()));
    }
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    if loopback || insecure { Ok(()) } else { Err(ConnectError::Insecure(addr.to_owned())) }
}

/// Which cluster, and which of its nodes, a call is meant for. As an interceptor it marks what is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The cluster's id; empty when the caller belongs to none yet.
    pub cluster: Bytes,
    /// The node's id; 0 for a queue server.
    pub node: u64,
}

const CLUSTER: &str = "gossamer-cluster";
const TARGET: &str = "gossamer-target";

impl Interceptor for Target {
    fn call(&mut self, mut request: tonic::Request<()>) -> Result<tonic::Request<()>, Status> {
        let hex: String = self.cluster.iter().map(|byte| format!("{byte:02x}")).collect();
        let cluster = hex.parse().map_err(|_| Status::internal("hexadecimal digits are valid metadata"))?;
        request.metadata_mut().insert(CLUSTER, cluster);
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
            request.metadata().get(key).is_none_or(|value| value.as_bytes() == expected.as_bytes())
        };
        if !is(CLUSTER, &hex) {
            return Err(Failure::new(Code::Refused, "this node belongs to another cluster").into());
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Without --insecure nothing but loopback is reached.
    #[test]
    fn loopback_only() {
        for good in ["127.0.0.1:1", "127.9.9.9:4068", "localhost:80", "[::1]:5"] {
            assert!(check(good, false).is_ok(), "{good}");
        }
        for bad in ["10.0.0.1:1", "example:1", "0.0.0.0:4068"] {
            assert!(matches!(check(bad, false), Err(ConnectError::Insecure(_))), "{bad}");
            assert!(check(bad, true).is_ok());
        }
        for nonsense in ["", "host", ":1", "host:99999"] {
            assert!(matches!(check(nonsense, true), Err(ConnectError::Address(_))), "{nonsense}");
        }
    }
}
