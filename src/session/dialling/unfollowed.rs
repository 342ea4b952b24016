//! Fields of a request that have no effect on the call; the answer lists them, so that nobody relies on them.

use callcore::flow::{MachineDetection, TimerOverrides};

use crate::session::dialling::check::{Checked, mode};
use crate::session::request::DialRequest;

/// Names what is not followed, in Kore's words.
pub(in crate::session) fn unfollowed(request: &DialRequest, checked: &Checked) -> Vec<String> {
    let hears_words = checked.speech_input.recognises();
    let detects = mode(request, &checked.flow) != MachineDetection::Disabled;
    let waits = detects && checked.flow.flow.amd().waits_for_verdict;
    let control = &request.control;
    let fields = [
        (request.caller.is_some() && !checked.trunk.shows_caller(), "caller"),
        (request.greet.is_some() && !waits, "greet"),
        (request.timers != TimerOverrides::default() && !detects, "timers"),
        (request.threshold_word_count.is_some() && !(detects && hears_words), "thresholdWordCount"),
        (request.amd_params.is_some() && !detects, "amdParams"),
        (checked.speech_input.is_substitute(), "callControlParameter.sttProvider"),
        (control.language.is_some() && !hears_words, "callControlParameter.sttLanguage"),
        (
            control.interim == Some(true) && !checked.speech_input.gives_interims(),
            "callControlParameter.interim",
        ),
    ];
    let fields = fields.into_iter().filter(|(unfollowed, _)| *unfollowed).map(|(_, field)| field.to_owned());
    let unused = checked.flow.flow.unused(&request.metadata);
    fields.chain(unused.into_iter().map(|name| format!("metadata.{name}"))).collect()
}
