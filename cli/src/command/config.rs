//! `gossamer config`: settings of the whole cluster.

use std::time::Duration;

use gossamer_client::{SettingInfo, SettingsError};
use gossamer_proto::setting::Setting;
use serde::Serialize;

use super::client;
use crate::args::{Common, Config, ConfigAction, duration};
use crate::failure::{Failure, USAGE};
use crate::show::{self, size, table};

/// Fields are only ever added.
#[derive(Serialize)]
struct Row {
    key: String,
    /// As `config set` takes it.
    value: String,
    /// The same as a number; times in milliseconds.
    number: u64,
    /// Nobody set it.
    is_default: bool,
    explanation: &'static str,
}

impl Row {
    fn of(info: SettingInfo) -> Row {
        // A setting that only a later version knows is shown as it is.
        let known = Setting::of_key(&info.key).ok();
        Row {
            value: known.map_or_else(|| info.value.to_string(), |setting| shown(setting, info.value)),
            number: info.value,
            is_default: !info.is_set,
            explanation: known.map_or("unknown to this version", explanation),
            key: info.key,
        }
    }
}

pub(super) async fn run(common: &Common, config: Config) -> Result<(), Failure> {
    match config.action {
        None => list(common).await,
        Some(ConfigAction::Get { key }) => get(common, &key).await,
        Some(ConfigAction::Set { key, value }) => set(common, &key, &value).await,
    }
}

async fn list(common: &Common) -> Result<(), Failure> {
    let rows = read(common).await?;
    if common.json {
        return rows.iter().try_for_each(show::json);
    }
    let line = |row: &Row| {
        let origin = if row.is_default { "default" } else { "set" };
        vec![row.key.clone(), row.value.clone(), origin.to_owned(), row.explanation.to_owned()]
    };
    let lines: Vec<Vec<String>> = rows.iter().map(line).collect();
    table::lines(&lines, &[]).iter().try_for_each(|line| show::line(line))
}

async fn get(common: &Common, key: &str) -> Result<(), Failure> {
    let setting = Setting::of_key(key).map_err(usage)?;
    let rows = read(common).await?;
    let row = rows.iter().find(|row| row.key == setting.key());
    let row = row.ok_or_else(|| usage(format!("this cluster does not know {key} yet")))?;
    if common.json { show::json(row) } else { show::line(&row.value) }
}

async fn set(common: &Common, key: &str, value: &str) -> Result<(), Failure> {
    let setting = Setting::of_key(key).map_err(usage)?;
    let number = parsed(setting, value).map_err(|error| usage(format!("{key} {value}: {error}")))?;
    setting.check(number).map_err(usage)?;
    client(common).await?.configure(key, number).await.map_err(failed)?;
    if common.json {
        show::json(&Row::of(SettingInfo { key: key.to_owned(), value: number, is_set: true }))
    } else {
        show::line(&format!("{key} {}", shown(setting, number)))
    }
}

async fn read(common: &Common) -> Result<Vec<Row>, Failure> {
    let settings = client(common).await?.settings().await.map_err(failed)?;
    Ok(settings.into_iter().map(Row::of).collect())
}

fn failed(error: SettingsError) -> Failure {
    Failure::client(error.kind(), &error)
}

fn usage(error: impl std::fmt::Display) -> Failure {
    Failure::new(USAGE, error)
}

fn explanation(setting: Setting) -> &'static str {
    match setting {
        Setting::Voters => {
            "nodes that vote, if there are as many: 1, 3, 5 or 7; the others hold everything too"
        }
        Setting::ReplaceAfter => "how long a voter may be silent before another node takes its place",
        Setting::ScrubEvery => "how often each node begins to re-read all it holds, and mends what is bad",
        Setting::ScrubRate => "how fast it reads for that, bytes per second",
    }
}

fn parsed(setting: Setting, value: &str) -> Result<u64, String> {
    match setting {
        Setting::Voters => value.parse().map_err(|_| "this is no number; write 1, 3, 5 or 7".to_owned()),
        Setting::ScrubRate => size::parsed(value),
        Setting::ReplaceAfter | Setting::ScrubEvery => {
            u64::try_from(duration(value)?.as_millis()).map_err(|_| "this is far too long".to_owned())
        }
    }
}

fn shown(setting: Setting, value: u64) -> String {
    match setting {
        Setting::Voters => value.to_string(),
        // Without a blank, so that it can be typed as it is shown.
        Setting::ScrubRate => size::typed(value),
        Setting::ReplaceAfter | Setting::ScrubEvery => {
            humantime::format_duration(Duration::from_millis(value)).to_string().replace(' ', "")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is shown can be typed.
    #[test]
    fn there_and_back() {
        for (text, number) in
            [("5m", 300_000), ("90s", 90_000), ("1500ms", 1500), ("2", 2000), ("36h", 129_600_000)]
        {
            assert_eq!(parsed(Setting::ReplaceAfter, text), Ok(number));
            let again = parsed(Setting::ReplaceAfter, &shown(Setting::ReplaceAfter, number));
            assert_eq!(again, Ok(number), "{text}");
        }
        assert_eq!(parsed(Setting::ScrubRate, "20MiB"), Ok(20 << 20));
        assert_eq!(shown(Setting::ScrubRate, 20 << 20), "20MiB");
        assert!(parsed(Setting::Voters, "five").is_err());
    }
}
