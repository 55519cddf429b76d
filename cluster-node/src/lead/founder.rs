//! Nobody gave the founder its id: it tells the log itself which folder has it, so that no other can claim to have been
//! that node, and a folder that was can prove it.

use gossamer_proto::v1::{self, command};

use super::Lead;
use crate::raft::ProposeError;
use crate::storage::catalogue::FOUNDER;

/// Whether the log is known to say so.
#[derive(Default)]
pub(super) struct Founder {
    noted: bool,
}

impl Founder {
    /// Proposes its row, if this node is the founder and has none. It is called before the voters change: as long as the
    /// founder votes alone nobody else leads, so the row is there before anybody else could need it.
    pub(super) async fn note(&mut self, lead: &Lead, term: u64) -> Result<(), ProposeError> {
        if self.noted || lead.raft.id() != FOUNDER {
            return Ok(());
        }
        let catalogue = lead.catalogue.clone();
        let members = lead.config.world.blocking.run(move || catalogue.members()).await;
        let members = members.map_err(|error| ProposeError::Refused(error.to_string()))?;
        if !members.iter().any(|(node, _)| *node == FOUNDER) {
            let storage_id = lead.report.borrow().storage_id.clone();
            let kind = Some(command::Kind::Admit(v1::Admit { storage_id, founder: true }));
            lead.upload.propose(v1::Command { operation: None, kind }, term).await?;
        }
        self.noted = true;
        Ok(())
    }
}
