//! For `fuzz/` alone: what the wire and the disk hand to the conversions.

use bytes::Bytes;
use gossamer_proto::v1;
use prost::Message;

use super::convert;

/// Whether what can be read of these bytes, as each message of Raft, is the same after it was openraft's. What is refused is
/// as good.
pub fn is_kept(bytes: &Bytes) -> bool {
    entry(bytes)
        && kept(bytes, |request| Some(convert::from_append(convert::to_append(request).ok()?)))
        && kept(bytes, |request| Some(convert::from_vote_request(convert::to_vote_request(request).ok()?)))
        && kept(bytes, |answer| Some(convert::from_vote_answer(convert::to_vote_answer(answer).ok()?)))
        && kept(bytes, |answer: v1::AppendAnswer| {
            Some(convert::from_appended(convert::to_appended(answer, None, None).ok()?))
        })
        && kept(bytes, |membership: v1::Membership| {
            Some(convert::from_membership(&convert::to_membership(&membership).ok()?))
        })
}

fn entry(bytes: &Bytes) -> bool {
    let Ok(entry) = convert::decode_entry(bytes.clone()) else { return true };
    convert::decode_entry(convert::encode_entry(entry.clone())).is_ok_and(|again| again == entry)
}

/// Once there and back makes it canonical; the second time changes nothing.
fn kept<M: Message + Default + PartialEq + Clone>(bytes: &Bytes, convert: impl Fn(M) -> Option<M>) -> bool {
    let Some(once) = M::decode(bytes.clone()).ok().and_then(&convert) else { return true };
    convert(once.clone()).is_some_and(|twice| twice == once)
}
