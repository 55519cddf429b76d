//! Every message of every wire: what can be read is written and read again the same, also by what it becomes inside.

use std::fmt::Debug;

use bytes::Bytes;
use gossamer_proto::name::shared;
use gossamer_proto::setting::Setting;
use gossamer_proto::v1;
use prost::Message;

/// One function for each message.
macro_rules! readers {
    ($($name:ident),* $(,)?) => {
        const READERS: &[fn(&Bytes)] = &[$(there_and_back::<v1::$name>),*];
    };
}

readers! {
    Operation, Condition, FileRecord, Attributes, Failure, NodeReport, Former, LogId, VoteState, LogEntry,
    Membership, Voters, Batch, Command, PutSmall, Commit, CopyFile, Remove, Admit, MarkDigest,
    Collect, SetSetting, Retire, Expire, AppendRequest, AppendAnswer, VoteRequest, VoteAnswer,
    SnapshotPart, SnapshotAnswer, TransferRequest, TransferAnswer, ReadIndexRequest,
    ReadIndexAnswer, ReceiveRequest, ReceiveAnswer, SealRequest, SealAnswer, OfferRequest,
    OfferAnswer, StateRequest, StateAnswer, VerifyRequest, VerifyProgress, BadChunk,
    DescribeRequest, Description, NodeState, QueueState, Request, Answer, EnterRequest, EnterAnswer,
    FromNode, Hello, Credit, Done, Refused, Beat, ToNode, Welcome, Assign, Revoke, Directory,
    PeerAddress, Task, Outcome, OpenWrite, Opened, Put, CommitWrite, Written, Missing, Copy, Delete,
    Deleted, Mark, Marked, Join, Joined, Configure, Configured, RemoveNode, NodeRemoval, Read,
    Found, Serve, Serving, List, Listing, Listed, ReadSettings, SettingValues, SettingValue,
}

/// The input: which message, and its bytes.
pub fn run(bytes: &[u8]) {
    let Some((which, rest)) = bytes.split_first() else { return };
    let rest = Bytes::copy_from_slice(rest);
    READERS[usize::from(*which) % READERS.len()](&rest);
    assert!(gossamer_cluster_node::raft::fuzz::is_kept(&rest), "a conversion changed what was said");
    listing(&rest);
    setting(&rest);
}

fn there_and_back<M: Message + Default + PartialEq + Debug>(bytes: &Bytes) {
    let Ok(read) = M::decode(bytes.clone()) else { return };
    let written = Bytes::from(read.encode_to_vec());
    let again = M::decode(written.clone()).unwrap();
    assert_eq!(again.encode_to_vec(), written);
    // A message is its own equal, unless it holds a number that is none; there are no such fields.
    assert!(again == read, "{read:?} was read as {again:?}");
}

/// Names that were shortened come back, whatever they were.
fn listing(bytes: &Bytes) {
    let Ok(listing) = v1::Listing::decode(bytes.clone()) else { return };
    if let Some(files) = shared::complete(listing.files) {
        let again = shared::complete(shared::shorten(files.clone()));
        assert_eq!(again, Some(files));
    }
}

fn setting(bytes: &Bytes) {
    let Ok(set) = v1::SetSetting::decode(bytes.clone()) else { return };
    if let Ok(setting) = Setting::of_key(&set.key) {
        assert_eq!(setting.key(), set.key);
        if let Err(error) = setting.check(set.value) {
            assert!(!error.to_string().is_empty());
        }
    }
}
