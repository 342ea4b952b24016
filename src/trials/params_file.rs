//! Parameters as a file that says what each line means and where it is from.

use callcore::amd::{Costs, DecisionThresholds};

/// The file; `origin` is its first comment.
pub(super) fn params_text(params: &DecisionThresholds, origin: &str) -> String {
    let Costs { person_called_machine, machine_called_person, false_start, waiting } = params.costs;
    let mut text = format!(
        "# {origin}\n\
         # What errors and 100 ms of waiting cost, each against the others.\n\
         costs: {{ personCalledMachine: {person_called_machine}, machineCalledPerson: {machine_called_person}, \
         falseStart: {false_start}, waiting: {waiting} }}\n\
         # Speech before sound alone, and before words that lean to one, name a machine, ms.\n\
         machineAfterMs: {}\nmachineWithWordsAfterMs: {}\n\
         # Silence before a person is certain, and before one may be spoken to, ms.\n\
         humanAfterMs: {}\nlikelyAfterMs: {}\n\
         # How long words are waited for, ms.\nwordsWaitMs: {}\n\
         # After this silence one side is named.\nlateMs: {}\n\
         # Log-odds added for a machine.\nbias: {:.3}\n\
         # How long a decision is watched, ms.\nshadowMs: {}\n",
        params.machine_after_ms,
        params.machine_with_words_after_ms,
        params.human_after_ms,
        params.likely_after_ms,
        params.words_wait_ms,
        params.late_ms,
        params.bias,
        params.shadow_ms,
    );
    if !params.weights.is_usual() {
        let weights = &params.weights;
        text += &format!(
            "# What each measure weighs, as log-odds of a machine: for each second of speech, silence and utterance, stretch by stretch;\n\
             # for each pause to draw breath and to wait; trust in the sound, in phrases of machines, in mere greetings.\n\
             weights:\n  base: {}\n  said: {:?}\n  silence: {:?}\n  utterance: {:?}\n  breath: {}\n  wait: {}\n  sound: {}\n  \
             machineWords: {}\n  greetingWords: {}\n",
            weights.base,
            weights.said,
            weights.silence,
            weights.utterance,
            weights.breath,
            weights.wait,
            weights.sound,
            weights.machine_words,
            weights.greeting_words,
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use callcore::amd::Weights;

    use super::*;

    #[test]
    fn the_written_file_is_what_the_server_reads() {
        let usual = DecisionThresholds::default();
        let weights = Weights { sound: 0.25, said: [0.5, 0.25, 0.0, 1.0, 2.125], ..Weights::default() };
        for params in [
            usual,
            DecisionThresholds { bias: -1.25, human_after_ms: 1_080, ..usual },
            DecisionThresholds { weights, ..usual },
        ] {
            let text = params_text(&params, "Parameters of a test.");
            let read: DecisionThresholds = serde_saphyr::from_str(&text).unwrap();
            assert_eq!(read, params, "{text}");
            assert_eq!(text.contains("weights:"), !params.weights.is_usual());
        }
    }
}
