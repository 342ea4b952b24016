//! Settings to begin with, by country and purpose: dated data with their source. A person picks one and may change all of it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::settings::{Problem, Settings};

const TABLE: &str = include_str!("presets.json");

/// Settings to begin with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preset {
    pub name: String,
    pub title: String,
    /// When it was last compared with its source.
    pub dated: String,
    /// The law or policy that it follows.
    pub source: String,
    /// What to mind.
    pub note: String,
    /// The part of [`super::Settings`] that it sets.
    pub settings: Value,
}

impl Settings {
    /// Takes over what the preset that they name sets and they leave at its usual value: a name alone would keep nobody from being called
    /// at night.
    ///
    /// # Errors
    /// When there is no preset of that name.
    pub fn with_preset(self) -> Result<Self, Problem> {
        let Some(name) = self.preset.clone() else { return Ok(self) };
        let all = presets();
        let Some(preset) = all.iter().find(|preset| preset.name == name) else {
            let known: Vec<&str> = all.iter().map(|preset| preset.name.as_str()).collect();
            let problem = format!("there is no preset {name:?}; there are: {}", known.join(", "));
            return Err(Problem { field: "preset".to_owned(), problem });
        };
        let part = preset.settings.as_object().and_then(|part| Self::read(part).ok()).unwrap_or_default();
        let usual = Self::default();
        Ok(Self {
            windows: if self.windows.is_empty() { part.windows } else { self.windows },
            holidays_of: if self.holidays_of.is_empty() { part.holidays_of } else { self.holidays_of },
            consent_within: self.consent_within.or(part.consent_within),
            abandon_limit: self.abandon_limit.or(part.abandon_limit),
            caps: if self.caps == usual.caps { part.caps } else { self.caps },
            ..self
        })
    }
}

/// All presets.
#[must_use]
pub fn presets() -> Vec<Preset> {
    serde_json::from_str(TABLE).unwrap_or_default()
}
