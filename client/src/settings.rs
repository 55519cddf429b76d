//! Settings of the whole cluster.

use gossamer_proto::setting::{Setting, SettingError};
use gossamer_proto::v1::{Configure, Queue, ReadSettings, SettingValue, outcome, task};

use crate::Client;
use crate::kind::Kind;
use crate::retry::AskError;

/// A setting as it holds now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingInfo {
    /// Its name, as [`Setting::key`]; it may be of a later version than this library.
    pub key: String,
    /// What holds; times are in milliseconds.
    pub value: u64,
    /// Somebody set it; else it is the default.
    pub is_set: bool,
}

/// Why settings cannot be read or set.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// No such setting, or a value that it cannot have. Nothing was asked of the cluster.
    #[error("{0}")]
    Setting(#[from] SettingError),
    /// The cluster did not answer, or said no.
    #[error(transparent)]
    Ask(#[from] AskError),
}

impl SettingsError {
    /// What kind of end this is.
    pub fn kind(&self) -> Kind {
        match self {
            SettingsError::Setting(_) => Kind::Usage,
            SettingsError::Ask(error) => error.kind(),
        }
    }
}

impl Client {
    /// All settings of the cluster. Sees every change acknowledged before the call.
    pub async fn settings(&self) -> Result<Vec<SettingInfo>, SettingsError> {
        let mut patience = self.patience(&*self.0.progress, "read the settings".to_owned());
        let read = task::Kind::ReadSettings(ReadSettings {});
        let answered = self.ask(Queue::ReadQueue, read, &mut patience).await?;
        let outcome::Kind::Settings(values) = answered.kind else {
            return Err(patience.nonsense("no settings in the answer").into());
        };
        let info = |SettingValue { key, value, set }| SettingInfo { key, value, is_set: set };
        Ok(values.settings.into_iter().map(info).collect())
    }

    /// Sets one (see [`Setting`]); times are in milliseconds. Done once however often it had to be sent.
    pub async fn configure(&self, key: &str, value: u64) -> Result<(), SettingsError> {
        Setting::of_key(key)?.check(value)?;
        let mut patience = self.patience(&*self.0.progress, format!("set {key}"));
        let operation = Some(self.operation(&mut patience).await?);
        let configure = Configure { operation, key: key.to_owned(), value };
        let answered = self.ask(Queue::LeaderQueue, task::Kind::Configure(configure), &mut patience).await;
        match answered.map(|answered| answered.kind) {
            Ok(outcome::Kind::Configured(_)) => Ok(()),
            Ok(_) => Err(patience.nonsense("it was not set and did not fail").into()),
            Err(error) => Err(error.into()),
        }
    }
}
