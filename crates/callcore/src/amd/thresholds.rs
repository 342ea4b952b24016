//! The numbers a verdict waits for: today's as the default, others from a file that `dering amd tune` wrote.

use serde::{Deserialize, Serialize};

/// When a probability is enough. `likely` and the probabilities were searched on the corpus with every speaker judged by
/// a model that had not heard the speaker (`training/search.py`); the times of `machine` and `human` were chosen on
/// calls with other voices, where patience is what tells a pause of a greeting from the end of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct DecisionThresholds {
    /// A machine is named once this much was said (ms) and it is at least this likely: the longer somebody
    /// speaks without waiting for an answer, the less it takes. Before the first of them sound alone names none.
    pub machine: [(u64, f32); 5],
    /// A person is likely, and may be spoken to, once a machine is at most this likely and it was silent this long
    /// (ms): the surer, the sooner.
    pub likely: [(f32, u64); 4],
    /// The same for the verdict: a greeting that only draws breath goes on within this time.
    pub human: [(f32, u64); 4],
    /// After this silence (ms) one side is named: a person, unless a machine is at least `late_machine` likely.
    /// To hang up on a person costs more than to talk to a machine.
    pub late_ms: u64,
    pub late_machine: f32,
    /// Log-odds added for a machine, as if more of them answered: below 0 spares people, above 0 catches
    /// machines.
    pub bias: f32,
    /// How long a decision is watched for what speaks against it, in ms; 0 does not watch.
    pub shadow_ms: u64,
}

impl Default for DecisionThresholds {
    fn default() -> Self {
        Self {
            machine: [(2_400, 0.95), (2_700, 0.93), (3_000, 0.9), (4_500, 0.85), (6_300, 0.3)],
            likely: [(0.075, 360), (0.13, 600), (0.23, 880), (0.79, 1_300)],
            human: [(0.075, 900), (0.13, 1_000), (0.23, 1_100), (0.79, 1_300)],
            late_ms: 1_980,
            late_machine: 0.89,
            bias: 0.0,
            shadow_ms: 20_000,
        }
    }
}
