//! Who belongs to the cluster: a node joins, and is removed for ever.

use anyhow::{Context, bail};
use gossamer_client::Removal;

use super::{CHANGE, Field, Undo};
use crate::lab::Host;

impl Field<'_> {
    /// A spare machine joins; waits until it is seen.
    pub(super) fn join(&mut self) -> anyhow::Result<Option<Undo>> {
        let spare = self.cluster.nodes().into_iter().find(|host| !self.cluster.first_nodes().contains(host));
        let Some(host) = spare.filter(|_| !self.is_changing && !self.is_cut && self.down.is_empty()) else {
            return Ok(None);
        };
        self.cluster.start_node(host)?;
        let id = self.watch.until("a new node", CHANGE, |seen| {
            let id = seen.report(host)?.id;
            seen.reports()
                .any(|(_, other)| other.voters.contains(&id) || other.replicas.contains(&id))
                .then_some(id)
        })?;
        self.is_changing = true;
        Ok(Some(Undo::Remove(host, id)))
    }

    /// Removes it for ever, and empties its machine.
    pub(super) fn remove(&mut self, host: Host, id: u64) -> anyhow::Result<()> {
        let admin = self.admin.clone();
        let removed = self.inside.run(async move { admin.remove_node(id, true).await });
        match removed.with_context(|| format!("node {id} is to be removed"))? {
            Removal::Done { .. } => {}
            other => bail!("node {id} was not removed: {other:?}"),
        }
        let process = self.cluster.node(host)?;
        if process.lives() {
            process.kill()?;
        }
        self.cluster.empty(host)?;
        self.is_changing = false;
        Ok(())
    }
}
