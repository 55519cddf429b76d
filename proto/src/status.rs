//! Failures of the protocol to and from `tonic::Status`, in one place.

use prost::Message;
use tonic::{Code as Grpc, Status};

use crate::v1::{Code, Failure};

impl Failure {
    /// A failure with a sentence for people.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Failure { code: code as i32, message: message.into(), retry_after_ms: 0 }
    }

    /// The same, to be tried again after a while.
    pub fn retry_after(mut self, ms: u64) -> Self {
        self.retry_after_ms = ms;
        self
    }

    /// Whether the same request may be sent again: nothing was done, or it is told apart by its operation.
    pub fn is_retryable(&self) -> bool {
        matches!(self.code(), Code::Full | Code::Unavailable | Code::Unknown | Code::Deadline)
    }
}

impl From<Failure> for Status {
    fn from(failure: Failure) -> Self {
        let grpc = match failure.code() {
            Code::Invalid => Grpc::InvalidArgument,
            Code::NotFound => Grpc::NotFound,
            Code::Condition => Grpc::FailedPrecondition,
            Code::Full | Code::NoSpace => Grpc::ResourceExhausted,
            Code::Unavailable => Grpc::Unavailable,
            Code::Unknown => Grpc::Unknown,
            Code::Expired => Grpc::OutOfRange,
            Code::Deadline => Grpc::DeadlineExceeded,
            Code::Parked => Grpc::Aborted,
            Code::Refused | Code::Removed => Grpc::PermissionDenied,
            Code::Corrupt => Grpc::DataLoss,
            Code::Internal | Code::Unspecified => Grpc::Internal,
        };
        let message = failure.message.clone();
        Status::with_details(grpc, message, failure.encode_to_vec().into())
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        if !status.details().is_empty()
            && let Ok(failure) = Failure::decode(status.details())
            && failure.code() != Code::Unspecified
        {
            return failure;
        }
        // Not one of ours: the transport's, or a proxy's. Whether anything was done cannot be known.
        let code = match status.code() {
            Grpc::InvalidArgument => Code::Invalid,
            Grpc::NotFound => Code::NotFound,
            Grpc::ResourceExhausted => Code::Full,
            Grpc::PermissionDenied | Grpc::Unauthenticated => Code::Refused,
            Grpc::DataLoss => Code::Corrupt,
            Grpc::Unimplemented | Grpc::Internal => Code::Internal,
            _ => Code::Unknown,
        };
        Failure::new(code, status.message())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every code survives the way there and back with its message and its pause.
    #[test]
    fn there_and_back() {
        for number in 1..=13 {
            let code = Code::try_from(number).unwrap();
            let failure = Failure::new(code, "why").retry_after(7);
            assert_eq!(Failure::from(Status::from(failure.clone())), failure);
        }
    }

    /// A broken connection says nothing about what was done.
    #[test]
    fn foreign_status_is_unknown() {
        assert_eq!(Failure::from(Status::unavailable("broken pipe")).code(), Code::Unknown);
    }
}
