//! `gossamer discover`: who is on this LAN.

use gossamer_discovery::{self as discovery, Found};
use gossamer_world::World;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::args::{Common, Discover};
use crate::failure::{Failure, REFUSED};
use crate::{credentials, place, show, whereabouts};

/// Events that wait to be printed.
const EVENTS: usize = 4096;

/// A queue server in JSON. Fields are only ever added.
#[derive(Serialize)]
struct Server<'a> {
    addr: String,
    /// Of the cluster of the token, by proof.
    proven: bool,
    cluster: &'a str,
    cluster_id: String,
}

pub(super) async fn run(common: &Common, discover: Discover) -> Result<(), Failure> {
    let token = match credentials::given(common)? {
        Some(token) => Some(token),
        None => credentials::kept(&place::base()?)?.map(|kept| kept.token),
    };
    let (events, mut heard) = mpsc::channel(EVENTS);
    let config = discovery::Config {
        events: discover.explain.then_some(events),
        listen: discover.explain && token.is_some(),
        ..discovery::Config::new(World::real(), token.clone())
    };
    let (handle, running) = discovery::prepare(config);
    let stop = CancellationToken::new();
    let running = tokio::spawn(running.run(stop.clone()));
    let time = tokio::time::sleep(discover.time);
    let mut time = std::pin::pin!(time);
    loop {
        tokio::select! {
            () = &mut time => break,
            Some(event) = heard.recv() => {
                if !common.json {
                    show::line(&event.to_string())?;
                }
            }
        }
    }
    let found = handle.found().borrow().clone();
    stop.cancel();
    // It ends at once; if it panicked, what it found is printed all the same.
    let _ = running.await;
    if common.json {
        print_json(&found, token.as_ref())?;
    } else {
        print(&found, token.as_ref())?;
    }
    match token {
        Some(token) if found.queue_servers.is_empty() && !found.foreign.is_empty() => {
            let heard = whereabouts::clusters(&found.foreign).into_iter();
            let lines: Vec<String> = heard
                .map(|heard| format!("heard {heard}, its proof does not fit this token ({})", token.name()))
                .collect();
            Err(Failure::new(REFUSED, lines.join("\n")))
        }
        _ if found == Found::default() => {
            let time = discover.time;
            Err(Failure::new(5, format!("nobody answered within {time:?}; --explain shows who was asked")))
        }
        _ => Ok(()),
    }
}

fn print(found: &Found, token: Option<&gossamer_proto::token::Token>) -> Result<(), Failure> {
    for addr in &found.queue_servers {
        let name = token.map_or("", |token| token.name());
        show::line(&format!("cluster {name} at {addr}  (proven)"))?;
    }
    found.foreign.iter().try_for_each(|heard| show::line(&format!("{heard}  (not proven)")))
}

fn print_json(found: &Found, token: Option<&gossamer_proto::token::Token>) -> Result<(), Failure> {
    for addr in &found.queue_servers {
        let (cluster, id) = token.map_or(("", &[0; 16]), |token| (token.name(), token.cluster()));
        show::json(&Server { addr: addr.to_string(), proven: true, cluster, cluster_id: show::hex(id) })?;
    }
    for heard in &found.foreign {
        let (addr, cluster_id) = (heard.queue_server.to_string(), show::hex(&heard.cluster));
        show::json(&Server { addr, proven: false, cluster: &heard.name, cluster_id })?;
    }
    Ok(())
}
