//! Connections of the data port and their routes.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use gossamer_proto::channel::Body;
use gossamer_proto::limits::{DATA_CONNECTIONS, STALL, STOP};
use gossamer_proto::listener::{Accepted, Bound};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::refusal::Refusal;
use super::{Port, have, read, receive, suspect};

/// Accepts until shutdown, then waits a while for what is under way.
pub(super) async fn serve(bound: Bound, port: Arc<Port>, shutdown: CancellationToken) {
    let room = Arc::new(Semaphore::new(DATA_CONNECTIONS));
    let tracker = TaskTracker::new();
    loop {
        let next = async {
            let place = room.clone().acquire_owned().await;
            (place, bound.accept().await)
        };
        tokio::select! {
            () = shutdown.cancelled() => break,
            (place, accepted) = next => {
                let connection = connection(accepted, port.clone(), shutdown.clone());
                tracker.spawn(async move {
                    connection.await;
                    drop(place);
                });
            }
        }
    }
    tracker.close();
    let _ = tokio::time::timeout(STOP, tracker.wait()).await;
}

async fn connection(accepted: Accepted, port: Arc<Port>, shutdown: CancellationToken) {
    let from = accepted.from();
    // Cancelled by an answer that nobody takes: hyper itself waits for a slow reader for ever.
    let stalled = CancellationToken::new();
    let service = service_fn(|request| {
        let (port, stalled) = (port.clone(), stalled.clone());
        async move { Ok::<_, Infallible>(route(port, stalled, request).await) }
    });
    let mut connection = std::pin::pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(STALL)
            .serve_connection(TokioIo::new(accepted), service)
    );
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stalled.cancelled() => return tracing::info!(%from, "an answer was not taken for {STALL:?}"),
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            tokio::time::timeout(STOP, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%from, %error, "a data connection broke");
    }
}

async fn route(port: Arc<Port>, stalled: CancellationToken, request: Request<Incoming>) -> Response<Body> {
    let served = match (request.method(), request.uri().path()) {
        (&Method::POST, "/have") => have::handle(&port, request).await,
        (&Method::POST, "/upload") => receive::handle(&port, request).await,
        (&Method::POST, "/read") => read::handle(port, stalled, request).await,
        (&Method::POST, "/suspect") => suspect::handle(&port, request).await,
        _ => Err(Refusal::Route),
    };
    served.unwrap_or_else(|refusal| {
        tracing::debug!(%refusal, "refused");
        refusal.into_response()
    })
}

/// The whole of a small body.
pub(super) async fn whole(body: Incoming, limit: usize) -> Result<Bytes, Refusal> {
    match tokio::time::timeout(STALL, Limited::new(body, limit).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) => Err(Refusal::Body(error.to_string())),
        Err(_) => Err(Refusal::Frame(super::frames::FrameError::Stalled)),
    }
}
