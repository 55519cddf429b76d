//! `gossamer node`: a node.

use std::net::IpAddr;
use std::time::Duration;

use gossamer_cluster_node::config::Config;
use gossamer_cluster_node::enter::EnterError;
use gossamer_cluster_node::folder::Folder;
use gossamer_cluster_node::node::{self, RunError};
use gossamer_proto::listener::Bound;
use gossamer_world::World;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::args::{Common, Node, Tuning};
use crate::failure::{FAILED, Failure, INTERRUPTED, REFUSED};
use crate::{credentials, lan, place, whereabouts};

pub(super) async fn run(common: &Common, args: Node) -> Result<(), Failure> {
    let world = World::real();
    let dir = match args.dir {
        Some(dir) => absolute(dir)?,
        None => place::base()?,
    };
    let token = credentials::of_server(common, &dir, false)?.map(|kept| kept.token);
    let trust = credentials::trust(token, common);
    let fixed = match (&common.queue[..], trust.token()) {
        ([], None) => vec![gossamer_client::Config::DEFAULT_QUEUE.to_owned()],
        (said, _) => said.to_vec(),
    };
    // Before a folder is made: an address that is refused leaves nothing behind.
    drop(super::client_of(common, fixed.clone(), trust.clone())?);
    whereabouts::check(&common.queue, &trust).await?;
    let folder = Folder::open(&world, &dir).map_err(|error| Failure::new(FAILED, error))?;
    let kept = credentials::of_server(common, &dir, folder.identity().member.is_some())?;
    if let Some(kept) = kept.filter(|kept| !kept.is_kept) {
        credentials::keep(&dir, &kept)?;
    }
    let (control, data) = place::bind_node(&world, &folder, args.listen, args.data, &trust).await?;
    eprintln!("node on {} (gRPC) and {} (data), folder {}", control.addr(), data.addr(), dir.display());
    let advertise = match args.advertise {
        Some(host) => Some(host),
        None => reached_as(&world, &control, &fixed).await,
    };
    let shutdown = CancellationToken::new();
    let search = common.queue.is_empty();
    let known =
        lan::search(lan::Ask { trust: trust.clone(), announce: None, fixed, advertise, search }, &shutdown);
    let mut config = Config::new(world, Vec::new(), String::new());
    (config.queues, config.advertise, config.trust) = (known.queues, known.host, trust);
    tune(&mut config, &args.tuning);
    let serving = serve(config, folder, control, data, shutdown.clone());
    until_signal(serving, shutdown).await
}

/// Runs a node until shutdown.
pub(super) async fn serve(
    config: Config,
    folder: Folder,
    control: Bound,
    data: Bound,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let dir = folder.dir().display().to_string();
    match Box::pin(node::run(config, folder, control, data, shutdown)).await {
        Ok(()) | Err(RunError::Enter(EnterError::Stopped)) => Ok(()),
        Err(error @ RunError::Enter(EnterError::Refused(_))) => {
            Err(Failure::new(REFUSED, format!("node in {dir}: {error}")))
        }
        Err(error) => Err(Failure::new(FAILED, format!("node: {error}"))),
    }
}

pub(super) fn tune(config: &mut Config, tuning: &Tuning) {
    if let Some(mib) = tuning.reserve {
        config.reserve_bytes = mib << 20;
    }
    if let Some(every) = tuning.collect_every {
        config.collect_every = every;
    }
    if let Some(entries) = tuning.snapshot_entries {
        config.compaction.entries = entries;
    }
    if let Some(entries) = tuning.keep_entries {
        config.compaction.keep = entries;
    }
}

/// The host part of what others dial: the bound address, or, bound to all, the one towards a given queue server; None if
/// it is to be found out.
async fn reached_as(world: &World, control: &Bound, queues: &[String]) -> Option<String> {
    let ip = control.addr().ip();
    if !ip.is_unspecified() {
        return Some(ip.to_string());
    }
    for queue in queues {
        let found: Result<IpAddr, _> = world.network.local_address_towards(queue).await;
        if let Ok(ip) = found {
            return Some(ip.to_string());
        }
    }
    None
}

/// Relative to where the command was typed.
pub(super) fn absolute(dir: std::path::PathBuf) -> Result<std::path::PathBuf, Failure> {
    std::path::absolute(&dir).map_err(|error| Failure::new(FAILED, format!("{}: {error}", dir.display())))
}

/// How long a server may take to stop cleanly.
const STOP_WITHIN: Duration = Duration::from_secs(20);

/// Runs a server until it ends, or until a signal: the first asks it to stop cleanly, the second ends it at once.
pub(super) async fn until_signal(
    serving: impl Future<Output = Result<(), Failure>>,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let watch = |kind| signal(kind).map_err(|error| Failure::new(FAILED, format!("signals: {error}")));
    let (mut interrupt, mut terminate) = (watch(SignalKind::interrupt())?, watch(SignalKind::terminate())?);
    let mut serving = Box::pin(serving);
    let code = tokio::select! {
        ended = &mut serving => return ended,
        _ = interrupt.recv() => INTERRUPTED,
        _ = terminate.recv() => 0,
    };
    shutdown.cancel();
    tokio::select! {
        ended = serving => ended?,
        _ = interrupt.recv() => return Err(Failure::new(INTERRUPTED, "stopped at once")),
        _ = terminate.recv() => return Err(Failure::new(FAILED, "stopped at once")),
        () = tokio::time::sleep(STOP_WITHIN) => {
            return Err(Failure::new(FAILED, format!("did not stop within {STOP_WITHIN:?}")));
        }
    }
    if code == 0 { Ok(()) } else { Err(Failure::new(code, "")) }
}
