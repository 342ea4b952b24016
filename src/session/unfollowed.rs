//! Fields of a request that the call cannot follow: told to whoever asks, so that nobody believes in them.

use callcore::flow::{MachineDetection, TimerOverrides};

use super::dialling::{Checked, mode};
use super::request::DialRequest;
use crate::trunk::socketio::Version;

/// Names what is not followed, in Kore's words.
pub(super) fn unfollowed(request: &DialRequest, checked: &Checked) -> Vec<String> {
    let hears_words = checked.hearing.recognises();
    let detects = mode(request, &checked.flow) != MachineDetection::Disabled;
    let control = &request.control;
    // Versions before 1.0.5 show the number of the account.
    let silent_about_callers = checked.trunk.version().is_some_and(|version| version != Version::V1_0_5);
    let fields = [
        (request.caller.is_some() && silent_about_callers, "caller"),
        (request.timers != TimerOverrides::default() && !detects, "timers"),
        (request.threshold_word_count.is_some() && !(detects && hears_words), "thresholdWordCount"),
        (request.amd_params.is_some() && !detects, "amdParams"),
        (checked.hearing.is_substitute(), "callControlParameter.sttProvider"),
        (control.language.is_some() && !hears_words, "callControlParameter.sttLanguage"),
        (control.interim == Some(true) && !checked.hearing.gives_interims(), "callControlParameter.interim"),
    ];
    let fields = fields.into_iter().filter(|(unfollowed, _)| *unfollowed).map(|(_, field)| field.to_owned());
    let unused = checked.flow.flow.unused(&request.metadata);
    fields.chain(unused.into_iter().map(|name| format!("metadata.{name}"))).collect()
}
