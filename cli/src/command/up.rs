//! `gossamer up`: queue server and node in one process. The first machine founds the cluster.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use gossamer_cluster_node::config::Config;
use gossamer_cluster_node::folder::Folder;
use gossamer_proto::token::Token;
use gossamer_proto::trust::Trust;
use gossamer_queue_server as queue_server;
use gossamer_world::World;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::node::{self, absolute, until_signal};
use super::queue;
use crate::args::{Common, Up};
use crate::credentials::{self, Kept};
use crate::failure::{FAILED, Failure, USAGE};
use crate::{lan, place, show, whereabouts};

pub(super) async fn run(common: &Common, up: Up) -> Result<(), Failure> {
    if common.insecure {
        let text = "`up` proves itself by a token, so there is no --insecure; without one there are `gossamer queue` and \
                    `gossamer node`";
        return Err(Failure::new(USAGE, text));
    }
    let world = World::real();
    let dir = up.dir.clone().map_or_else(place::base, absolute)?;
    let folder = Folder::open(&world, &dir).map_err(|error| Failure::new(FAILED, error))?;
    let kept = membership(common, &up, &folder)?;
    let trust = Trust::Token(kept.token.clone());
    whereabouts::check(&common.queue, &trust).await?;
    if !kept.is_kept {
        credentials::keep(&dir, &kept)?;
    }
    let grpc = place::bind(&world, up.listen, &trust).await?;
    let http = up.http.unwrap_or_else(|| queue::http_beside(up.listen));
    let http = place::bind(&world, http, &trust).await?;
    let (control, data) = place::bind_node(&world, &folder, up.node_listen, up.node_data, &trust).await?;
    eprintln!(
        "cluster {}: queue server on {}, node on {} (gRPC) and {} (data), http://{}/metrics, folder {}",
        kept.token.name(),
        grpc.addr(),
        control.addr(),
        data.addr(),
        http.addr(),
        dir.display()
    );
    let shutdown = CancellationToken::new();
    let own = if grpc.addr().ip().is_unspecified() {
        SocketAddr::from((Ipv4Addr::LOCALHOST, grpc.addr().port()))
    } else {
        grpc.addr()
    };
    let listens = Some(control.addr().ip()).filter(|ip| !ip.is_unspecified());
    let known = lan::search(
        lan::Ask {
            trust: trust.clone(),
            announce: Some(grpc.addr().port()),
            fixed: std::iter::once(own.to_string()).chain(common.queue.clone()).collect(),
            advertise: up.advertise.clone().or_else(|| listens.map(|ip| ip.to_string())),
            search: true,
        },
        &shutdown,
    );
    let mut door = queue_server::Config::new(world.clone(), dir.join("queue-server"), "");
    door.cluster = cluster(&kept, &folder);
    if kept.is_new {
        // Nobody can belong to it yet: there is no member to listen for.
        door.grace = Duration::ZERO;
    }
    door.metrics = known.counters.map(queue::metrics);
    let mut config = Config::new(world, Vec::new(), String::new());
    (config.queues, config.advertise, config.trust) = (known.queues, known.host, trust);
    node::tune(&mut config, &up.tuning);
    let mut servers = JoinSet::new();
    servers.spawn(queue::serve(door, grpc, http, shutdown.clone()));
    servers.spawn(node::serve(config, folder, control, data, shutdown.clone()));
    until_signal(all(servers, shutdown.clone()), shutdown).await
}

/// The token of this machine: given, kept, or, on the first machine of a cluster, made now and told.
fn membership(common: &Common, up: &Up, folder: &Folder) -> Result<Kept, Failure> {
    let dir = folder.dir();
    if let Some(kept) = credentials::of_server(common, dir, folder.identity().member.is_some())? {
        return Ok(kept);
    }
    let used = folder.identity().member.is_some() || dir.join("queue-server").join("cluster").exists();
    if used || !common.queue.is_empty() {
        let why = if used { "belongs to a cluster already" } else { "is to join the cluster at --queue" };
        let text = format!(
            "{} {why}, and its token is not there: give it with --token-file FILE; `gossamer token` on another machine of \
             the cluster prints it",
            dir.display()
        );
        return Err(Failure::new(USAGE, text));
    }
    let token = Token::draw(&up.cluster, &gossamer_world::random::Kernel)
        .map_err(|error| Failure::new(USAGE, format!("--cluster: {error}")))?;
    let kept = Kept { token, founder: true, is_new: true, is_kept: true };
    credentials::keep(dir, &kept)?;
    tell(&kept.token, dir)?;
    Ok(kept)
}

fn tell(token: &Token, dir: &Path) -> Result<(), Failure> {
    eprintln!(
        "A new cluster, {}. On every other machine type the line below, once; its clients need the token too. It is kept in \
         {}, and `gossamer token` prints it again.",
        token.name(),
        credentials::file(dir).display()
    );
    show::line(&format!("gossamer up --token {token}"))
}

/// Founded here, if this machine made the token, and is not a member of it yet.
fn cluster(kept: &Kept, folder: &Folder) -> queue_server::Cluster {
    let (name, id) = (kept.token.name().to_owned(), *kept.token.cluster());
    if kept.founder && folder.identity().member.is_none() {
        queue_server::Cluster::Found { name, id: Some(id) }
    } else {
        queue_server::Cluster::Join { name, id }
    }
}

/// Runs until all servers have ended; when one fails, the others are stopped.
async fn all(mut servers: JoinSet<Result<(), Failure>>, shutdown: CancellationToken) -> Result<(), Failure> {
    let mut ended = Ok(());
    while let Some(server) = servers.join_next().await {
        let server = server.unwrap_or_else(|error| Err(Failure::new(FAILED, error)));
        shutdown.cancel();
        ended = ended.and(server);
    }
    ended
}
