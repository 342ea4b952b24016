//! What would be otherwise.

use callcore::amd::{DecisionThresholds, Options};
use serde::Serialize;

/// Settings that differ from those a call had; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_speech_timeout_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision_timeout_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tone_timeout_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub greeting_completion_timeout_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold_word_count: Option<u32>,
    /// A whole set of parameters, by name; those below stand above it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amd_params: Option<String>,
    /// How many machines called people cost as much as one person called a machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_ratio: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bias: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub human_after_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine_after_ms: Option<u64>,
}

impl Change {
    /// Whether nothing would differ.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// The settings of a call, changed; `set` is the one that is named.
    #[must_use]
    pub fn applied(&self, usual: Options, set: Option<DecisionThresholds>) -> Options {
        let Options { mut timers, threshold_word_count, params, .. } = usual;
        let put = |timer: &mut u64, ms: Option<u64>| *timer = ms.unwrap_or(*timer);
        put(&mut timers.no_speech_timeout_ms, self.no_speech_timeout_ms);
        put(&mut timers.decision_timeout_ms, self.decision_timeout_ms);
        put(&mut timers.tone_timeout_ms, self.tone_timeout_ms);
        put(&mut timers.greeting_completion_timeout_ms, self.greeting_completion_timeout_ms);
        let mut params = set.unwrap_or(params);
        put(&mut params.human_after_ms, self.human_after_ms);
        put(&mut params.machine_after_ms, self.machine_after_ms);
        // The bot begins no later than the verdict.
        params.likely_after_ms = params.likely_after_ms.min(params.human_after_ms);
        params.bias = self.bias.map_or(params.bias, |bias| bias as f32);
        if let Some(ratio) = self.cost_ratio {
            params.costs.person_called_machine = ratio as f32 * params.costs.machine_called_person;
        }
        let threshold_word_count = self.threshold_word_count.or(threshold_word_count);
        Options { timers, threshold_word_count, params, ..usual }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_stays_as_the_call_had_it() {
        let mut usual = Options { locale: Some("id".into()), ..Options::default() };
        usual.timers.tone_timeout_ms = 7_000;
        usual.params.bias = 0.5;
        let change = Change {
            no_speech_timeout_ms: Some(3_000),
            human_after_ms: Some(300),
            cost_ratio: Some(20.0),
            ..Change::default()
        };
        let changed = change.applied(usual.clone(), None);
        assert_eq!((changed.timers.no_speech_timeout_ms, changed.timers.tone_timeout_ms), (3_000, 7_000));
        assert_eq!((changed.params.human_after_ms, changed.params.likely_after_ms), (300, 300));
        assert_eq!((changed.params.bias, changed.params.costs.person_called_machine), (0.5, 20.0));
        assert_eq!(changed.locale.as_deref(), Some("id"));
        assert_eq!(Change::default().applied(usual.clone(), None), usual);
        let sales = DecisionThresholds::for_purpose("sales");
        assert_eq!(Change::default().applied(usual, sales).params, sales.unwrap());
        assert!(Change::default().is_none() && !change.is_none());
    }
}
