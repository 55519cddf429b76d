//! The cluster, as far as it answers.

use std::path::Path;
use std::time::Duration;

use gossamer_client::Kind;
use gossamer_proto::token::Token;
use gossamer_proto::trust::Trust;
use gossamer_proto::v1::Description;
use gossamer_world::World;

use crate::args::Common;
use crate::command::client_of;
use crate::credentials;
use crate::failure::Failure;
use crate::whereabouts::{self, Cluster};

/// How long one question to the cluster may take, and all of them.
const PATIENCE: Duration = Duration::from_secs(2);
const ALL_WITHIN: Duration = Duration::from_millis(3500);

/// What a queue server knows.
pub(super) struct Seen {
    pub(super) description: Description,
    /// This machine's clock when it came.
    pub(super) unix_ms: u64,
    pub(super) queues: Vec<String>,
    pub(super) trust: Trust,
}

/// Why nothing was seen.
pub(super) struct Unseen {
    pub(super) why: String,
    /// Whether there ought to be a cluster: its address or token is known.
    pub(super) expected: bool,
}

/// The token given, else the one that the folder keeps. That a kept one is damaged, the folder's check says.
pub(super) fn token(common: &Common, dir: &Path) -> Result<Option<Token>, Failure> {
    match credentials::given(common)? {
        None if common.queue.is_empty() => Ok(credentials::kept(dir).ok().flatten().map(|kept| kept.token)),
        given => Ok(given),
    }
}

/// Asks the cluster; at the queue servers that broadcasts have found, if there are any.
pub(super) async fn look(common: &Common, token: Option<Token>, found: Vec<String>) -> Result<Seen, Unseen> {
    let expected = token.is_some() || !common.queue.is_empty();
    let looked = tokio::time::timeout(ALL_WITHIN, ask(common, token, found)).await;
    let why = match looked {
        Ok(Ok(seen)) => return Ok(seen),
        Ok(Err(failure)) => failure.message,
        Err(_) => format!("the cluster does not answer within {ALL_WITHIN:?}"),
    };
    Err(Unseen { why, expected })
}

async fn ask(common: &Common, token: Option<Token>, found: Vec<String>) -> Result<Seen, Failure> {
    let timeout = common.timeout.min(PATIENCE);
    let Cluster { queues, trust } = match token {
        Some(token) if common.queue.is_empty() && !found.is_empty() => {
            Cluster { queues: found, trust: Trust::Token(token) }
        }
        token => {
            let token = token.map(|token| token.to_string());
            let common = Common { token, token_file: None, timeout, ..common.clone() };
            whereabouts::cluster(&common).await?
        }
    };
    let common = Common { timeout, ..common.clone() };
    let client = client_of(&common, queues.clone(), trust.clone())?;
    let description = client.describe().await.map_err(|error| match error.kind() {
        Kind::Unavailable => {
            let queues = queues.join(", ");
            Failure::client(error.kind(), format!("no queue server answers at {queues} within {timeout:?}"))
        }
        kind => Failure::client(kind, &error),
    })?;
    Ok(Seen { description, unix_ms: World::real().clock.unix_ms(), queues, trust })
}
