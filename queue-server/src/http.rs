//! For people and their monitors: `/healthz`, `/metrics` (Prometheus text) and `/parked`.

use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use gossamer_proto::listener::{Accepted, Bound};

use crate::queue::Queue;
use crate::server::Server;

/// Serves until the shutdown.
pub(crate) async fn serve(server: Arc<Server>, bound: Bound) -> std::io::Result<()> {
    let shutdown = server.shutdown.clone();
    let router = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/metrics", get(metrics))
        .route("/parked", get(parked))
        .with_state(server);
    axum::serve(Http(bound), router).with_graceful_shutdown(shutdown.cancelled_owned()).await
}

struct Http(Bound);

impl axum::serve::Listener for Http {
    type Io = Accepted;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Accepted, SocketAddr) {
        let accepted = self.0.accept_plain().await;
        let from = accepted.from();
        (accepted, from)
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        Ok(self.0.addr())
    }
}

async fn parked(State(server): State<Arc<Server>>) -> String {
    server.desk.look().queues.parked().fold(String::new(), |text, line| text + line + "\n")
}

async fn metrics(State(server): State<Arc<Server>>) -> ([(axum::http::HeaderName, &'static str); 1], String) {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], render(&server))
}

fn render(server: &Server) -> String {
    let state = server.desk.look();
    let (leader, read) = (state.queues.standing(Queue::Leader), state.queues.standing(Queue::Read));
    let counts = state.queues.counts();
    let both = |leader: u64, read: u64| vec![("{queue=\"leader\"}", leader), ("{queue=\"read\"}", read)];
    let one = |value: u64| vec![("", value)];
    let uptime = server.started.elapsed().as_secs();
    let table = [
        ("queued_tasks", "gauge", "Tasks that wait.", both(leader.queued, read.queued)),
        ("leased_tasks", "gauge", "Leases that run.", both(leader.leased, read.leased)),
        ("held_bytes", "gauge", "Bytes of unanswered tasks.", both(leader.bytes, read.bytes)),
        (
            "answered_total",
            "counter",
            "Tasks that a node answered.",
            both(counts.leader_answered, counts.read_answered),
        ),
        ("expired_total", "counter", "Tasks whose time ran out.", one(counts.expired)),
        (
            "redelivered_total",
            "counter",
            "Tasks that went back after a lease was lost.",
            one(counts.redelivered),
        ),
        ("refused_total", "counter", "Tasks that a node gave back.", one(counts.refused)),
        ("hedged_total", "counter", "Reads offered to a second node.", one(counts.hedged)),
        ("late_results_total", "counter", "Answers under a lease that was over.", one(counts.late)),
        ("parked_total", "counter", "Tasks given up after five deliveries.", one(counts.parked)),
        ("full_total", "counter", "Tasks turned away by a full queue.", one(counts.full)),
        ("task_bytes_total", "counter", "Bytes of accepted tasks.", one(counts.task_bytes)),
        ("outcome_bytes_total", "counter", "Bytes of relayed outcomes.", one(counts.outcome_bytes)),
        ("connected_nodes", "gauge", "Nodes with a session.", one(state.nodes.connected() as u64)),
        ("uptime_seconds", "gauge", "Seconds since the start.", one(uptime)),
    ];
    let mut text = server.metrics.as_ref().map_or_else(String::new, |more| more());
    for (name, kind, help, values) in table {
        let _ = writeln!(text, "# HELP gossamer_queue_{name} {help}\n# TYPE gossamer_queue_{name} {kind}");
        for (label, value) in values {
            let _ = writeln!(text, "gossamer_queue_{name}{label} {value}");
        }
    }
    text
}
