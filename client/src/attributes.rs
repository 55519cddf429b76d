//! What a file or folder was like where it came from.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime};

use gossamer_proto::v1;

/// Time of the last modification and executable bit, as they are kept beside the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// When the content was last modified.
    pub modified: Modified,
    /// Whether its owner may execute it. Of folders it means nothing.
    pub executable: bool,
}

/// A time of modification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Modified {
    /// Unix time in seconds; negative before 1970.
    pub seconds: i64,
    /// And nanoseconds, below 1,000,000,000.
    pub nanos: u32,
}

impl Attributes {
    /// Of a file or folder on this machine.
    pub fn of(metadata: &Metadata) -> Self {
        let modified = Modified { seconds: metadata.mtime(), nanos: metadata.mtime_nsec() as u32 };
        Attributes { modified, executable: metadata.is_file() && metadata.mode() & 0o100 != 0 }
    }
}

impl Modified {
    /// Of a clock in milliseconds.
    pub fn of_ms(unix_ms: u64) -> Self {
        Modified { seconds: (unix_ms / 1000) as i64, nanos: (unix_ms % 1000) as u32 * 1_000_000 }
    }

    /// Whether the two are the same time as far as a file system can tell that keeps whole seconds only.
    pub fn is_same(self, other: Modified) -> bool {
        self.seconds == other.seconds && (self.nanos == other.nanos || self.nanos == 0 || other.nanos == 0)
    }

    /// As the system's time; `None` if it is beyond what the system can name.
    pub fn system_time(self) -> Option<SystemTime> {
        let epoch = SystemTime::UNIX_EPOCH;
        let seconds = Duration::from_secs(self.seconds.unsigned_abs());
        let whole = if self.seconds < 0 { epoch.checked_sub(seconds) } else { epoch.checked_add(seconds) };
        whole?.checked_add(Duration::from_nanos(u64::from(self.nanos)))
    }
}

impl From<Attributes> for v1::Attributes {
    fn from(attributes: Attributes) -> Self {
        let Attributes { modified, executable } = attributes;
        v1::Attributes { modified_s: modified.seconds, modified_ns: modified.nanos, executable }
    }
}

impl From<v1::Attributes> for Attributes {
    fn from(attributes: v1::Attributes) -> Self {
        let v1::Attributes { modified_s: seconds, modified_ns, executable } = attributes;
        // Whoever wrote more than a second of nanoseconds meant nothing by it.
        let nanos = modified_ns.min(999_999_999);
        Attributes { modified: Modified { seconds, nanos }, executable }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Times before 1970 and far in the future come back as they were; whole seconds are equal to any part of them; those
    /// beyond all calendars do no harm.
    #[test]
    fn times() {
        for (seconds, nanos) in
            [(0, 0), (-1, 999_999_999), (-2_000_000_000, 1), (15_000_000_000, 123_456_789)]
        {
            let modified = Modified { seconds, nanos };
            let file = tempfile::tempfile().unwrap();
            file.set_modified(modified.system_time().unwrap()).unwrap();
            assert_eq!(Attributes::of(&file.metadata().unwrap()).modified, modified);
            assert!(modified.is_same(Modified { seconds, nanos: 0 }));
            assert!(!modified.is_same(Modified { seconds: seconds + 1, nanos }));
        }
        let [one, two] = [1, 2].map(|nanos| Modified { seconds: 5, nanos });
        assert!(!one.is_same(two) && one.is_same(one));
        // Whatever a record says, asking for it does not panic.
        for seconds in [i64::MIN, i64::MAX] {
            let _ = Modified { seconds, nanos: 999_999_999 }.system_time();
        }
    }
}
