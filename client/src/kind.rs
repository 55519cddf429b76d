//! What kind of end an operation came to: all that a program's exit code needs.

use gossamer_proto::v1::Code;

/// The kind of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It failed, and nothing was changed.
    Failed,
    /// What was asked for can never succeed: a bad name, a bad address.
    Usage,
    /// No file has this name.
    NotFound,
    /// if-absent or if-version did not hold.
    Condition,
    /// No cluster, or no quorum, within the patience; nothing was changed.
    Unavailable,
    /// The cluster does not want this client.
    Refused,
    /// It may or may not have happened.
    Unknown,
}

impl Kind {
    /// The process exit code that tells it: 1 failed or unknown, 2 usage, 3 not found, 4 condition, 5 no cluster,
    /// 6 refused.
    pub fn exit_code(self) -> u8 {
        match self {
            Kind::Failed | Kind::Unknown => 1,
            Kind::Usage => 2,
            Kind::NotFound => 3,
            Kind::Condition => 4,
            Kind::Unavailable => 5,
            Kind::Refused => 6,
        }
    }

    /// The kind of a failure that ends an operation.
    pub(crate) fn of(code: Code) -> Self {
        match code {
            Code::Invalid => Kind::Usage,
            Code::NotFound => Kind::NotFound,
            Code::Condition => Kind::Condition,
            Code::Full | Code::Unavailable | Code::Deadline => Kind::Unavailable,
            Code::Refused | Code::Removed => Kind::Refused,
            Code::Unknown | Code::Expired | Code::Parked => Kind::Unknown,
            Code::NoSpace | Code::Corrupt | Code::Internal | Code::Unspecified => Kind::Failed,
        }
    }
}
