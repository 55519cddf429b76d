//! A file of up to 64 KiB: one task, which carries the bytes.

use bytes::Bytes;
use gossamer_proto::hash::Hash;
use gossamer_proto::v1::{self, Queue, outcome, task};

use super::{Put, PutError, Stored};

impl Put<'_> {
    pub(super) async fn inline(&self, data: Bytes) -> Result<Stored, PutError> {
        let (size, hash) = (data.len() as u64, Hash::of(&data));
        let mut patience = self.client.patience(self.progress, format!("put {}", self.name));
        let operation = self.client.operation(&mut patience).await.map_err(PutError::Ask)?;
        let put = v1::Put {
            operation: Some(operation),
            name: self.name.clone(),
            condition: self.condition.map(Into::into),
            data,
            blake3: Hash::join(&[hash]),
            attributes: self.attributes.map(Into::into),
        };
        let answered = self
            .client
            .ask(Queue::LeaderQueue, task::Kind::Put(put), &mut patience)
            .await
            .map_err(|error| self.failed(error))?;
        let outcome::Kind::Written(written) = answered.kind else {
            return Err(PutError::Ask(patience.nonsense("it was not written and did not fail")));
        };
        self.progress.moved(size);
        Ok(self.stored(&written, size, hash))
    }
}
