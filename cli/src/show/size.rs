//! Sizes and times for people.

use std::time::{Duration, UNIX_EPOCH};

use gossamer_client::Modified;
use indicatif::HumanCount;

/// Where times can no longer be printed: seconds since 1970.
const YEAR_10000: u64 = 253_402_300_800;

/// `1.5 MiB`; exact below a KiB.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    let mut value = count as f64 / 1024.0;
    let mut unit = 0;
    // 1023.95 would be printed as 1024.0 of the smaller unit.
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// What [`typed`] shows, and the same with blanks, small letters, or without the `i` and `B`: all are powers of 1024.
pub(crate) fn parsed(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim().to_ascii_lowercase();
    let power = match unit.strip_suffix("ib").or_else(|| unit.strip_suffix('b')).unwrap_or(&unit) {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        _ => return Err("this is no size; write 20MiB".to_owned()),
    };
    let number: u64 = number.parse().map_err(|_| "this is no size; write 20MiB".to_owned())?;
    number.checked_mul(1 << (10 * power)).ok_or_else(|| "this is far too much".to_owned())
}

/// `20MiB`: exact, in the largest unit that has no fraction, and without a blank, so that it can be typed.
pub(crate) fn typed(count: u64) -> String {
    let power = (count.trailing_zeros() / 10).min(4) as usize;
    if count == 0 {
        "0B".to_owned()
    } else {
        format!("{}{}", count >> (10 * power), ["B", "KiB", "MiB", "GiB", "TiB"][power])
    }
}

/// `20,000`.
pub(crate) fn count(count: u64) -> String {
    HumanCount(count).to_string()
}

/// The same, or if `exact` the digits alone.
pub(crate) fn of(count: u64, exact: bool) -> String {
    if exact { count.to_string() } else { bytes(count) }
}

/// Letters of a size in a column whose sizes are not all known yet: `1023.9 KiB`, or the digits of a petabyte.
pub(crate) fn width(exact: bool) -> usize {
    if exact { 15 } else { 10 }
}

/// RFC 3339 in UTC, milliseconds.
pub(crate) fn time(unix_ms: u64) -> String {
    humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(unix_ms)).to_string()
}

/// `2026-11-20 03:12`, in UTC.
pub(crate) fn minute(unix_ms: u64) -> String {
    let short: String = time_short(unix_ms.min(YEAR_10000 * 1000 - 1)).chars().take(16).collect();
    short.replace('T', " ")
}

/// RFC 3339 in UTC, whole seconds, for listings.
pub(crate) fn time_short(unix_ms: u64) -> String {
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_millis(unix_ms)).to_string()
}

/// `1 file`, `20,000 files`.
pub(crate) fn files(count: u64) -> String {
    let files = if count == 1 { "file" } else { "files" };
    format!("{} {files}", self::count(count))
}

/// RFC 3339 in UTC, milliseconds; of years without four digits seconds since 1970 with an `@`, as `date -d` takes them.
pub(crate) fn modified(modified: Modified) -> String {
    match u64::try_from(modified.seconds) {
        Ok(seconds) if seconds < YEAR_10000 => time(seconds * 1000 + u64::from(modified.nanos / 1_000_000)),
        _ => format!("@{}", modified.seconds),
    }
}

/// The same in whole seconds, for listings.
pub(crate) fn modified_short(modified: Modified) -> String {
    match u64::try_from(modified.seconds) {
        Ok(seconds) if seconds < YEAR_10000 => time_short(seconds * 1000),
        _ => format!("@{}", modified.seconds),
    }
}

#[cfg(test)]
mod tests {
    /// Digits are grouped by three from the right.
    #[test]
    fn counts() {
        for (count, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(super::count(count), text);
        }
        assert_eq!((super::files(1).as_str(), super::files(20_000).as_str()), ("1 file", "20,000 files"));
    }

    /// Times that were never meant to be printed are printed all the same.
    #[test]
    fn any_time() {
        let at = |seconds, nanos| super::modified(super::Modified { seconds, nanos });
        assert_eq!(at(0, 1_999_999), "1970-01-01T00:00:00.001Z");
        assert_eq!(at(253_402_300_799, 0), "9999-12-31T23:59:59.000Z");
        assert_eq!((at(253_402_300_800, 0), at(-1, 5)), ("@253402300800".to_owned(), "@-1".to_owned()));
        at(i64::MAX, 999_999_999);
        at(i64::MIN, 0);
    }

    /// What is typed is read as it is shown, whatever the spelling.
    #[test]
    fn typed() {
        for (count, text) in
            [(0, "0B"), (1023, "1023B"), (1 << 20, "1MiB"), (1536 << 10, "1536KiB"), (5 << 50, "5120TiB")]
        {
            assert_eq!(super::typed(count), text);
            assert_eq!(super::parsed(text), Ok(count));
        }
        for text in ["20MiB", "20 mib", "20M", "20mb", "20971520"] {
            assert_eq!(super::parsed(text), Ok(20 << 20), "{text}");
        }
        for text in ["", "MiB", "1.5MiB", "20 apples", "-1", "99999999999999999999", "20000000T"] {
            assert!(super::parsed(text).is_err(), "{text}");
        }
    }

    /// Every unit changes where its printed value would reach 1024.
    #[test]
    fn units() {
        for (count, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1 << 20, "1.0 MiB"),
            ((1 << 20) - 1, "1.0 MiB"),
            (1_610_612_736, "1.5 GiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(super::bytes(count), text);
        }
    }
}
