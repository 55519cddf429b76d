//! Who answers broadcasts on the LAN.

use std::net::SocketAddr;
use std::time::Duration;

use gossamer_discovery::lan::Interface;
use gossamer_discovery::{self as discovery, Found};
use gossamer_proto::limits::DISCOVERY_LAST_OF_COMMAND;
use gossamer_proto::token::Token;
use gossamer_world::World;
use tokio_util::sync::CancellationToken;

use super::Check;
use crate::args::Common;
use crate::whereabouts;

/// How long others get to answer: each is answered at most once a second.
const LISTEN: Duration = Duration::from_millis(2500);

/// What came back.
pub(super) enum Heard {
    /// Nobody was asked: the cluster is on this machine.
    NotAsked,
    /// There is no network to ask on.
    NoInterface(String),
    /// Who answered on these interfaces.
    Answers(Vec<Interface>, Found),
}

/// Asks everybody, unless the cluster that is meant is on this machine alone.
pub(super) async fn listen(common: &Common, token: Option<&Token>) -> Heard {
    let given = common.token.is_some() || common.token_file.is_some();
    if !given && !common.queue.is_empty() && common.queue.iter().all(|queue| is_loopback(queue)) {
        return Heard::NotAsked;
    }
    let config = discovery::Config {
        listen: false,
        last: DISCOVERY_LAST_OF_COMMAND,
        ..discovery::Config::new(World::real(), token.cloned())
    };
    let interfaces = match config.lan.interfaces() {
        Ok(interfaces) => {
            interfaces.into_iter().filter(|interface| !interface.address.is_loopback()).collect()
        }
        Err(error) => return Heard::NoInterface(format!("the interfaces cannot be listed: {error}")),
    };
    let interfaces: Vec<Interface> = interfaces;
    if interfaces.is_empty() {
        return Heard::NoInterface("no interface of this machine can broadcast".to_owned());
    }
    let (handle, running) = discovery::prepare(config);
    tokio::select! {
        () = running.run(CancellationToken::new()) => {}
        () = tokio::time::sleep(LISTEN) => {}
    }
    let found = handle.found().borrow().clone();
    Heard::Answers(interfaces, found)
}

impl Heard {
    /// Queue servers that proved to be of the token's cluster.
    pub(super) fn queue_servers(&self) -> Vec<String> {
        match self {
            Heard::Answers(_, found) => found.queue_servers.iter().map(ToString::to_string).collect(),
            Heard::NotAsked | Heard::NoInterface(_) => Vec::new(),
        }
    }

    pub(super) fn check(&self, token: Option<&Token>) -> Check {
        let (interfaces, found) = match self {
            Heard::NotAsked => {
                return Check::ok("broadcast", "not needed: the cluster given is on this machine");
            }
            Heard::NoInterface(why) => {
                return Check::warn(
                    "broadcast",
                    why,
                    "plug in the network: `ip -brief address` shows what is up",
                );
            }
            Heard::Answers(interfaces, found) => (interfaces, found),
        };
        let on: Vec<String> = interfaces.iter().map(ToString::to_string).collect();
        let on = on.join(", ");
        let strangers: Vec<String> =
            whereabouts::clusters(&found.foreign).iter().map(ToString::to_string).collect();
        match (token, found.queue_servers.len()) {
            (Some(token), 1..) => {
                let servers: Vec<String> = found.queue_servers.iter().map(ToString::to_string).collect();
                Check::ok("broadcast", format!("cluster {} answers at {}", token.name(), servers.join(", ")))
            }
            (Some(token), 0) => {
                let heard = match strangers.is_empty() {
                    true => "nobody answers".to_owned(),
                    false => format!("only {} answers", strangers.join(", ")),
                };
                let found = format!("{heard} on {on}; cluster {} does not", token.name());
                let next = "is `gossamer up` running on a machine of this subnet, and UDP 8888 let through? `gossamer \
                            discover --explain` shows each datagram; across routers say --queue ADDR";
                Check::warn("broadcast", found, next)
            }
            (None, _) if strangers.is_empty() => Check::ok("broadcast", format!("nobody answers on {on}")),
            (None, _) => {
                Check::ok("broadcast", format!("{} (not proven: no token here)", strangers.join(", ")))
            }
        }
    }
}

/// Whether this machine means itself by the address.
pub(super) fn is_loopback(addr: &str) -> bool {
    match addr.parse::<SocketAddr>() {
        Ok(addr) => addr.ip().is_loopback(),
        Err(_) => addr.rsplit_once(':').is_some_and(|(host, _)| host == "localhost"),
    }
}
