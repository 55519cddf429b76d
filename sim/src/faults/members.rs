//! Nodes that join and are replaced: what an administrator would do meanwhile.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Result, bail};
use gossamer_client::{Client, Removal, RemoveNodeError};

/// Between two attempts.
const AGAIN: Duration = Duration::from_millis(300);
/// Attempts before it is a failure: longer than everything that breaks.
const ATTEMPTS: usize = 200;

/// Nodes to be removed for ever, by id, in order. Clones share it.
#[derive(Clone, Default)]
pub struct Removals(Rc<RefCell<VecDeque<u64>>>);

impl Removals {
    /// This node must go.
    pub fn ask(&self, node: u64) {
        self.0.borrow_mut().push_back(node);
    }

    /// Whether this node is gone.
    pub fn is_done(&self, node: u64) -> bool {
        !self.0.borrow().contains(&node)
    }

    /// Whether none is left to be removed.
    pub fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// Removes what is asked for, one after the other, for ever.
    pub async fn run(self, client: Client) -> Result<()> {
        loop {
            let next = self.0.borrow().front().copied();
            if let Some(node) = next {
                remove(&client, node).await?;
                self.0.borrow_mut().pop_front();
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}

async fn remove(client: &Client, node: u64) -> Result<()> {
    for _ in 0..ATTEMPTS {
        match client.remove_node(node, true).await {
            Ok(Removal::Done { .. }) => return Ok(()),
            // The folder came back under another id, and what it was had left already.
            Err(RemoveNodeError::NotFound(_)) => return Ok(()),
            Ok(Removal::FewerVoters { .. }) => {}
            Err(error) => tracing::info!(node, %error, "not removed yet"),
        }
        tokio::time::sleep(AGAIN).await;
    }
    bail!("node {node} could not be removed")
}
