//! A read from its record to its last byte; once more from the start if the version vanished meanwhile.

use bytes::Bytes;
use gossamer_proto::hash::Hash;
use gossamer_proto::name;
use gossamer_proto::v1::{Code, Failure, Found};

use super::GetError;
use super::assemble::{Ended, Read};
use crate::progress::{Progress, Silent};
use crate::sink::{BytesSink, Sink};
use crate::{Client, Info};

/// How often a read starts over because the file was replaced under it.
const STARTS: u32 = 8;

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Got {
    /// The file.
    pub info: Info,
    /// Bytes of content that the sink had already, from an attempt that was broken off.
    pub resumed_bytes: u64,
}

impl Client {
    /// Reads a file into `sink`. All bytes are of one version, the newest that was acknowledged before the call or
    /// a later one, and each was checked against its hash.
    pub async fn get(
        &self,
        name: &str,
        sink: &mut impl Sink,
        progress: &dyn Progress,
    ) -> Result<Got, GetError> {
        let name = name::complete(name)?;
        Box::pin(self.read(&name, sink, progress)).await
    }

    /// Reads a file of at most `limit` bytes into memory.
    pub async fn get_bytes(&self, name: &str, limit: u64) -> Result<(Info, Bytes), GetError> {
        let mut sink = BytesSink::new(limit);
        let got = self.get(name, &mut sink, &Silent).await?;
        Ok((got.info, sink.into_bytes()))
    }

    async fn read(&self, name: &str, sink: &mut dyn Sink, progress: &dyn Progress) -> Result<Got, GetError> {
        let mut ended = GetError::Replaced(name.to_owned());
        for _ in 0..STARTS {
            let mut patience = self.patience(progress, format!("get {name}"));
            let (found, _) =
                self.find(name, false, &mut patience).await.map_err(|error| match error.code() {
                    Some(Code::NotFound) => GetError::NotFound(name.to_owned()),
                    _ => GetError::Ask(error),
                })?;
            let Found { record: Some(record), data, serving } = found else {
                return Err(patience.nonsense("no record in the answer to a read").into());
            };
            let info = Info::of_record(name, &record)
                .ok_or_else(|| patience.nonsense("a hash of another length"))?;
            progress.total(Some(info.size));
            let sink_failed = |error| GetError::Sink { name: name.to_owned(), error };
            sink.begin(info.size).await.map_err(sink_failed)?;
            let mut resumed_bytes = 0;
            if data.len() as u64 == info.size {
                if Hash::of(&data) != info.blake3 {
                    // Small enough to be asked for again; the next node may have it right.
                    progress.waiting("the bytes did not match their hash; asking again");
                    let why = "the nodes' bytes do not match their hash; `gossamer verify` names the node";
                    ended = patience.failed(Failure::new(Code::Corrupt, why)).into();
                    continue;
                }
                sink.write(0, data).await.map_err(sink_failed)?;
                progress.moved(info.size);
            } else {
                let read = Read::new(self, &info, &record, serving, progress)?;
                match read.run(sink).await {
                    Ok(bytes) => resumed_bytes = bytes,
                    Err(Ended::Replaced { written }) if !written || sink.is_positioned() => continue,
                    Err(Ended::Replaced { .. }) => return Err(GetError::Replaced(name.to_owned())),
                    Err(Ended::Sink(error)) => return Err(sink_failed(error)),
                    Err(Ended::Ask(error)) => return Err(error.into()),
                }
            }
            sink.finish(&info).await.map_err(sink_failed)?;
            return Ok(Got { info, resumed_bytes });
        }
        Err(ended)
    }
}
