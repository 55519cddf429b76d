//! What clients did and saw.

/// Which register of the history an operation is about.
pub type Name = String;

/// Identifies what a put wrote. A put that got no answer may be followed by one that writes the same.
pub type Value = u64;

/// What a client asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// Writes; with conditions as the client sets them.
    Put {
        /// What is written.
        value: Value,
        /// Its condition.
        condition: Condition,
    },
    /// Reads.
    Get,
    /// Removes.
    Delete,
}

/// When a put may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Always.
    None,
    /// Only where there is nothing.
    IfAbsent,
    /// Only over this version.
    IfVersion(u64),
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Return {
    /// A put happened and made this version.
    Written(u64),
    /// A get found this.
    Found {
        /// The version it carries.
        version: u64,
        /// What is in it.
        value: Value,
    },
    /// A get or delete found nothing.
    Nothing,
    /// A delete removed this version.
    Removed(u64),
    /// A put's condition did not hold.
    ConditionFailed,
    /// It certainly did not happen.
    Failed,
    /// It may have happened, and may yet happen.
    Unknown,
}

/// One operation. Times are of any clock, as long as it is one clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// On which name.
    pub name: Name,
    /// What was asked.
    pub call: Call,
    /// What came back.
    pub back: Return,
    /// When it was sent.
    pub called_at: u64,
    /// When the answer was there.
    pub returned_at: u64,
}
