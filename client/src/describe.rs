//! What the queue servers know of the cluster.

use gossamer_proto::channel::within_rpc;
use gossamer_proto::v1::{Code, DescribeRequest, Description, Failure};

use crate::door::Door;
use crate::kind::Kind;
use crate::retry::AskError;
use crate::{Client, Progress};

/// Why the cluster cannot be described.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct DescribeError(#[from] AskError);

impl DescribeError {
    /// What kind of end this is.
    pub fn kind(&self) -> Kind {
        self.0.kind()
    }
}

impl Client {
    /// Members, queues and how far the log is, as the first queue server that answers knows them; one that knows
    /// nodes goes before one that knows none.
    pub async fn describe(&self) -> Result<Description, DescribeError> {
        Ok(self.description(&*self.0.progress).await?)
    }

    pub(crate) async fn description(&self, progress: &dyn Progress) -> Result<Description, AskError> {
        let mut patience = self.patience(progress, "ask how the cluster is".to_owned());
        loop {
            let why = match describe_once(&self.0.door).await {
                Ok(description) => {
                    self.0.operations.heard(description.known_index);
                    return Ok(description);
                }
                Err(failure) => failure,
            };
            if why.code() == Code::Refused {
                return Err(patience.failed(why));
            }
            patience.wait(&why).await?;
        }
    }
}

/// Asks each queue server once, until one answers that knows a node.
pub(crate) async fn describe_once(door: &Door) -> Result<Description, Failure> {
    let mut without_nodes = None;
    let mut refusals = Vec::new();
    for (addr, mut client) in door.clients() {
        match within_rpc(client.describe(DescribeRequest {})).await {
            Ok(answer) if !answer.get_ref().nodes.is_empty() => return Ok(answer.into_inner()),
            Ok(answer) => without_nodes = Some(answer.into_inner()),
            Err(failure) => refusals.push(
                door.refusal(addr)
                    .unwrap_or_else(|| format!("no queue server at {addr} ({})", failure.message)),
            ),
        }
    }
    without_nodes.ok_or_else(|| door.nobody(&refusals))
}
