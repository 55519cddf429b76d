//! Where the cluster is: what the user says, what was found the last time, and the LAN.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use gossamer_client::{Config, ConnectError};
use gossamer_discovery as discovery;
use gossamer_proto::channel::Channels;
use gossamer_proto::token::Token;
use gossamer_proto::trust::Trust;
use gossamer_world::World;

use crate::args::Common;
use crate::credentials;
use crate::failure::{Failure, REFUSED, USAGE};
use crate::{place, show};

/// How long addresses of the last time get to answer before the LAN is asked: a machine that lives needs a millisecond.
const REMEMBERED_WITHIN: Duration = Duration::from_millis(250);
/// After the first that answers, others get this long.
const GRACE: Duration = Duration::from_millis(5);
/// How long clusters get to say that they are there: a source is answered once a second.
const CENSUS: Duration = Duration::from_millis(1200);

/// Where the cluster is, and what is to be proven there.
pub(crate) struct Cluster {
    pub(crate) queues: Vec<String>,
    pub(crate) trust: Trust,
}

/// The cluster that the options name, or that is on the LAN.
pub(crate) async fn cluster(common: &Common) -> Result<Cluster, Failure> {
    let given = credentials::given(common)?;
    // Whoever may read the folder of this machine's `gossamer up` belongs to its cluster.
    let kept =
        || place::base().ok().and_then(|dir| credentials::kept(&dir).ok().flatten()).map(|kept| kept.token);
    match (common.queue.is_empty(), given) {
        (false, Some(token)) => Ok(Cluster { queues: common.queue.clone(), trust: Trust::Token(token) }),
        (false, None) => said(common, kept()).await,
        (true, Some(token)) => by_token(token, common.timeout).await,
        (true, None) => match kept() {
            Some(token) => by_token(token, common.timeout).await,
            None => on_this_machine(common).await,
        },
    }
}

/// An address without a token: unless it does without, it gets the token of this machine, if there is one.
async fn said(common: &Common, kept: Option<Token>) -> Result<Cluster, Failure> {
    let queues = common.queue.clone();
    if let Some(token) = kept {
        let strangers = Channels::new(&World::real(), Trust::Insecure);
        let mut open = false;
        for queue in &queues {
            open |= strangers.probe(queue).await.is_ok();
        }
        // One that is down for a moment is more likely this machine's cluster than one without a token.
        if !open {
            return Ok(Cluster { queues, trust: Trust::Token(token) });
        }
    }
    Ok(Cluster { queues, trust: credentials::trust(None, common) })
}

/// Whether the queue servers that a server was told to use are of its cluster, as far as they answer.
pub(crate) async fn check(queues: &[String], trust: &Trust) -> Result<(), Failure> {
    let channels = Channels::new(&World::real(), trust.clone());
    for queue in queues {
        match channels.probe(queue).await {
            Err(error @ ConnectError::Address(_)) => {
                return Err(Failure::new(USAGE, format!("--queue: {error}")));
            }
            Err(error) if error.is_refusal() => return Err(Failure::new(REFUSED, error)),
            // One that does not answer may yet come up.
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// Neither an address nor a token: a queue server on this machine, else what the LAN says.
async fn on_this_machine(common: &Common) -> Result<Cluster, Failure> {
    let queue = Config::DEFAULT_QUEUE.to_owned();
    let trust = credentials::trust(None, common);
    let channels = Channels::new(&World::real(), trust.clone());
    let refusal = match channels.probe(&queue).await {
        Ok(()) => return Ok(Cluster { queues: vec![queue], trust }),
        Err(error) => error,
    };
    let heard = discovery::census(discovery::Config::new(World::real(), None), CENSUS).await;
    if !heard.is_empty() {
        let lines: Vec<String> = clusters(&heard).iter().map(|heard| format!("\n  {heard}")).collect();
        let text = format!(
            "on this network there are{}\nSay which by its token: --token-file FILE or GOSSAMER_TOKEN; `gossamer token` on \
             one of its machines prints it",
            lines.concat()
        );
        return Err(Failure::new(USAGE, text));
    }
    match refusal {
        refusal @ ConnectError::TokenWanted { .. } => Err(Failure::new(REFUSED, refusal)),
        // It may come up yet: whoever asks waits for it.
        _ => Ok(Cluster { queues: vec![queue], trust }),
    }
}

/// The queue servers of the token's cluster.
async fn by_token(token: Token, patience: Duration) -> Result<Cluster, Failure> {
    let trust = Trust::Token(token.clone());
    let memory = Memory::of(&token);
    let mut queues = answering(&trust, memory.read()).await;
    if queues.is_empty() {
        let config = discovery::Config::new(World::real(), Some(token.clone()));
        let found =
            discovery::find(config, patience).await.map_err(|error| nobody(&token, patience, &error))?;
        queues = found.iter().map(ToString::to_string).collect();
        memory.write(&queues);
    }
    Ok(Cluster { queues, trust })
}

/// Those that prove themselves, the quickest first.
async fn answering(trust: &Trust, queues: Vec<String>) -> Vec<String> {
    let channels = Channels::new(&World::real(), trust.clone());
    let mut probes: FuturesUnordered<_> = queues
        .into_iter()
        .map(|queue| async {
            let proven = tokio::time::timeout(REMEMBERED_WITHIN, channels.probe(&queue)).await;
            matches!(proven, Ok(Ok(()))).then_some(queue)
        })
        .collect();
    let mut proven = Vec::new();
    while proven.is_empty()
        && let Some(probe) = probes.next().await
    {
        proven.extend(probe);
    }
    while !proven.is_empty()
        && let Ok(Some(probe)) = tokio::time::timeout(GRACE, probes.next()).await
    {
        proven.extend(probe);
    }
    proven
}

fn nobody(token: &Token, patience: Duration, error: &discovery::FindError) -> Failure {
    match error {
        discovery::FindError::Foreign(heard) => {
            let lines: Vec<String> = clusters(heard)
                .iter()
                .map(|heard| format!("heard {heard}, its proof does not fit this token"))
                .collect();
            Failure::new(REFUSED, lines.join("\n"))
        }
        discovery::FindError::Nobody => Failure::new(
            5,
            format!(
                "no machine of cluster {} answered on this network within {patience:?}; `gossamer discover --explain` shows \
                 who was asked, --queue ADDR skips the search",
                token.name()
            ),
        ),
    }
}

/// Each cluster once, at one of its machines.
pub(crate) fn clusters(heard: &[discovery::Heard]) -> Vec<&discovery::Heard> {
    let mut clusters: Vec<&discovery::Heard> = heard.iter().collect();
    clusters.sort_by_key(|heard| (&heard.name, heard.cluster));
    clusters.dedup_by_key(|heard| heard.cluster);
    clusters
}

/// Where the cluster was found the last time: a hint, that saves a command the broadcast. A source is answered at most once a
/// second, and scripts run more commands than that.
struct Memory(Option<PathBuf>);

/// Hints that are kept.
const REMEMBERED: usize = 16;

impl Memory {
    fn of(token: &Token) -> Self {
        let absolute = |path: std::ffi::OsString| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
        let cache = std::env::var_os("XDG_CACHE_HOME").and_then(absolute);
        let home = || std::env::var_os("HOME").and_then(absolute).map(|home| home.join(".cache"));
        let id = show::hex(token.cluster());
        Memory(cache.or_else(home).map(|dir| dir.join("gossamer").join(id)))
    }

    /// Always with this machine's own queue server, which may be one of them.
    fn read(&self) -> Vec<String> {
        let text = self.0.as_ref().and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default();
        let remembered = text.lines().filter(|line| line.parse::<SocketAddr>().is_ok()).take(REMEMBERED);
        let own = std::iter::once(Config::DEFAULT_QUEUE);
        let mut queues: Vec<String> = own.chain(remembered).map(str::to_owned).collect();
        queues.dedup();
        queues
    }

    /// A hint that cannot be kept is no failure.
    fn write(&self, queues: &[String]) {
        let Some(path) = &self.0 else { return };
        let written = path.parent().map_or(Ok(()), fs::create_dir_all);
        if let Err(error) = written.and_then(|()| fs::write(path, queues.join("\n"))) {
            tracing::debug!(%error, path = %path.display(), "what was found is not remembered");
        }
    }
}
