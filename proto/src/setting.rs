//! Settings of the whole cluster: kept in the catalogue, the same for every node.

use crate::limits;

/// What can be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Setting {
    /// Voters the cluster grows or shrinks to.
    Voters,
    /// How long a voter may be silent before a replica takes its place, milliseconds.
    ReplaceAfter,
    /// How often each node begins to re-read everything it holds, milliseconds.
    ScrubEvery,
    /// How fast it does, bytes per second.
    ScrubRate,
}

/// Why something cannot be set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// There is no such setting.
    #[error("there is no setting {0:?}; there are: {known}", known = Setting::ALL.map(Setting::key).join(", "))]
    Unknown(String),
    /// An even number of voters.
    #[error(
        "{0} voters: the number must be odd (1, 3, 5 or 7), because a majority of an even number survives no more \
         failures than one of the odd number below it, and has to wait for one more answer"
    )]
    Even(u64),
    /// A number of voters that is none of those possible.
    #[error("{0} voters: the number must be 1, 3, 5 or 7")]
    Voters(u64),
    /// A voter that is only busy would be replaced.
    #[error("a voter cannot be called gone after less than a second")]
    TooSoon,
    /// Nothing but scrubbing would be done.
    #[error("everything cannot be read again more often than once a second")]
    TooOften,
    /// A pass would never end.
    #[error("scrubbing reads at least 1 MiB a second: a pass over a large disk would take weeks")]
    TooSlow,
}

/// The most voters there can be: every write waits for a majority of them.
const MOST_VOTERS: u64 = 7;
/// The shortest silence, milliseconds: several elections long.
const SHORTEST_SILENCE_MS: u64 = 1000;
/// The shortest interval between two scrubs, milliseconds.
const SHORTEST_SCRUB_MS: u64 = 1000;
/// The slowest scrub, bytes per second.
const SLOWEST_SCRUB: u64 = 1 << 20;

impl Setting {
    /// All there are, in the order in which they are shown.
    pub const ALL: [Setting; 4] =
        [Setting::Voters, Setting::ReplaceAfter, Setting::ScrubEvery, Setting::ScrubRate];

    /// The name that people and messages use.
    pub fn key(self) -> &'static str {
        match self {
            Setting::Voters => "voters",
            Setting::ReplaceAfter => "replace-after",
            Setting::ScrubEvery => "scrub-every",
            Setting::ScrubRate => "scrub-rate",
        }
    }

    /// The setting of this name.
    pub fn of_key(key: &str) -> Result<Setting, SettingError> {
        let known = Setting::ALL.into_iter().find(|setting| setting.key() == key);
        known.ok_or_else(|| SettingError::Unknown(key.chars().take(64).collect()))
    }

    /// What holds while nothing is set.
    pub fn default_value(self) -> u64 {
        match self {
            Setting::Voters => limits::VOTER_TARGET as u64,
            Setting::ReplaceAfter => limits::VOTER_SILENCE.as_millis() as u64,
            Setting::ScrubEvery => limits::SCRUB_EVERY.as_millis() as u64,
            Setting::ScrubRate => limits::SCRUB_RATE,
        }
    }

    /// Refuses a value that it cannot have. Apply judges by this, too: what is allowed may only ever grow together with
    /// all nodes.
    pub fn check(self, value: u64) -> Result<(), SettingError> {
        match self {
            Setting::Voters if value > MOST_VOTERS || value == 0 => Err(SettingError::Voters(value)),
            Setting::Voters if value.is_multiple_of(2) => Err(SettingError::Even(value)),
            Setting::ReplaceAfter if value < SHORTEST_SILENCE_MS => Err(SettingError::TooSoon),
            Setting::ScrubEvery if value < SHORTEST_SCRUB_MS => Err(SettingError::TooOften),
            Setting::ScrubRate if value < SLOWEST_SCRUB => Err(SettingError::TooSlow),
            Setting::Voters | Setting::ReplaceAfter | Setting::ScrubEvery | Setting::ScrubRate => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every setting is found by its key and may have its default; what makes no sense is refused with the reason.
    #[test]
    fn rules() {
        for setting in Setting::ALL {
            assert_eq!(Setting::of_key(setting.key()), Ok(setting));
            assert_eq!(setting.check(setting.default_value()), Ok(()));
        }
        let allowed: Vec<u64> = (0..20).filter(|voters| Setting::Voters.check(*voters).is_ok()).collect();
        assert_eq!(allowed, [1, 3, 5, 7]);
        assert_eq!(Setting::Voters.check(4), Err(SettingError::Even(4)));
        assert_eq!(Setting::ReplaceAfter.check(999), Err(SettingError::TooSoon));
        assert_eq!(Setting::ScrubEvery.check(0), Err(SettingError::TooOften));
        assert_eq!(Setting::ScrubRate.check((1 << 20) - 1), Err(SettingError::TooSlow));
        let unknown = Setting::of_key("voter").unwrap_err().to_string();
        assert!(unknown.contains("voters, replace-after"), "{unknown}");
    }
}
