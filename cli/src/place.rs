//! Default folders and ports.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use gossamer_cluster_node::folder::Folder;
use gossamer_proto::listener::{BindError, Bound};
use gossamer_proto::trust::Trust;
use gossamer_world::World;

use crate::failure::{FAILED, Failure, REFUSED};

/// Ports of a queue server: gRPC, HTTP.
pub(crate) const QUEUE_PORT: u16 = 4068;
/// Ports of a node: this one and the next.
pub(crate) const NODE_PORT: u16 = 4168;
/// How many pairs of ports are tried before giving up.
const PORT_PAIRS: u16 = 200;

/// `/var/lib/gossamer` as root, else `~/.local/share/gossamer`.
pub(crate) fn base() -> Result<PathBuf, Failure> {
    if rustix::process::geteuid().is_root() {
        return Ok(PathBuf::from("/var/lib/gossamer"));
    }
    match std::env::var_os("HOME") {
        Some(home) if !home.is_empty() => Ok(PathBuf::from(home).join(".local/share/gossamer")),
        _ => Err(Failure::new(FAILED, "HOME is not set; say where with --dir")),
    }
}

/// All addresses if that is allowed, else loopback.
pub(crate) fn host(trust: &Trust) -> IpAddr {
    match trust {
        Trust::Loopback => Ipv4Addr::LOCALHOST.into(),
        Trust::Insecure | Trust::Token(_) => Ipv4Addr::UNSPECIFIED.into(),
    }
}

/// Binds exactly this address.
pub(crate) async fn bind(world: &World, addr: SocketAddr, trust: &Trust) -> Result<Bound, Failure> {
    Bound::bind(world, addr, trust).await.map_err(|error| match error {
        BindError::Insecure(_) => Failure::new(REFUSED, error),
        BindError::Io(..) => Failure::new(FAILED, format!("{error}; is another gossamer running here?")),
    })
}

/// Binds a node's two ports: those asked for, else those of the last run, else the first free pair. Keeps them.
pub(crate) async fn bind_node(
    world: &World,
    folder: &Folder,
    listen: Option<SocketAddr>,
    data: Option<SocketAddr>,
    trust: &Trust,
) -> Result<(Bound, Bound), Failure> {
    let bound = match (listen, data) {
        (Some(listen), Some(data)) => (bind(world, listen, trust).await?, bind(world, data, trust).await?),
        (listen, data) => bind_free(world, folder, listen, data, trust).await?,
    };
    folder
        .keep_ports(bound.0.addr().port(), bound.1.addr().port())
        .map_err(|error| Failure::new(FAILED, error))?;
    Ok(bound)
}

async fn bind_free(
    world: &World,
    folder: &Folder,
    listen: Option<SocketAddr>,
    data: Option<SocketAddr>,
    trust: &Trust,
) -> Result<(Bound, Bound), Failure> {
    let host = listen.or(data).map_or_else(|| host(trust), |addr| addr.ip());
    let first = listen.map_or(NODE_PORT, |addr| addr.port());
    let pairs =
        (0..PORT_PAIRS).map(|pair| (first.saturating_add(2 * pair), first.saturating_add(2 * pair + 1)));
    let mut last = None;
    for (control_port, data_port) in folder.ports().into_iter().chain(pairs) {
        let control = listen.unwrap_or_else(|| SocketAddr::new(host, control_port));
        let data = data.unwrap_or_else(|| SocketAddr::new(host, data_port));
        match (Bound::bind(world, control, trust).await, Bound::bind(world, data, trust).await) {
            (Ok(control), Ok(data)) => return Ok((control, data)),
            (Err(error @ BindError::Insecure(_)), _) | (_, Err(error @ BindError::Insecure(_))) => {
                return Err(Failure::new(REFUSED, error));
            }
            (Err(error), _) | (_, Err(error)) => last = Some(error),
        }
    }
    match last {
        Some(error) => Err(Failure::new(FAILED, format!("no free ports from {first} on: {error}"))),
        None => Err(Failure::new(FAILED, format!("no free ports from {first} on"))),
    }
}
