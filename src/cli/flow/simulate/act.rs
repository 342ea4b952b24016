//! What a person types as the callee.

use std::path::PathBuf;

use callcore::flow::{ExternalStepEnd, Outcome, duration_ms};

pub(super) const HELP: &str = "\
text             the callee says it          12#         presses keys (0-9 * #)
(empty line)     waits for what comes next   /silence 5s waits that long
/amd voicemail   the detector decides: human, voicemail, screening, ivr, unavailable, fax, no_speech, timeout
/greeting-ends   a machine's greeting is over /beep       its beep has been
/wav FILE        sounds like this recording  /talk 2s    talks, and no words are recognised
/http 200 JSON   the web service answers; /http fails: it does not
/cut 800ms TEXT  goes back into the last prompt and says (or presses) it there: barge-in
/back            takes the last act back     /variables  shows them
/hangup          hangs up                    /quit       leaves";

/// One line of input.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Act {
    Says(String),
    Talks(u64),
    Presses(String),
    Verdict(Outcome),
    GreetingEnds,
    Beep,
    Silence(u64),
    Wav(PathBuf),
    /// A web service answers.
    Serves(ExternalStepEnd),
    HangsUp,
    /// Waits for the next thing to happen.
    Waits,
    /// Goes back to this long after the last prompt began, ms, and acts there.
    Cuts(u64, Box<Act>),
    Back,
    Variables,
    Help,
    Quit,
}

/// Reads a line; the error says what to type.
pub(super) fn parse(line: &str) -> Result<Act, String> {
    let line = line.trim();
    let Some(command) = line.strip_prefix('/') else {
        return Ok(match line {
            "" => Act::Waits,
            keys if keys.chars().all(is_key) => Act::Presses(keys.to_owned()),
            text => Act::Says(text.to_owned()),
        });
    };
    let (word, rest) = command.split_once(' ').unwrap_or((command, ""));
    let rest = rest.trim();
    let ms = |text: &str| {
        duration_ms(text).map_err(|problem| format!("/{word}: {problem}; write it like 800ms or 5s"))
    };
    Ok(match word {
        "amd" => {
            let known = serde_json::from_value(serde_json::Value::from(rest));
            Act::Verdict(known.map_err(|_| {
                "/amd human, voicemail, screening, ivr, unavailable, fax, no_speech or timeout".to_owned()
            })?)
        }
        "beep" => Act::Beep,
        "greeting-ends" => Act::GreetingEnds,
        "silence" | "wait" => Act::Silence(ms(rest)?),
        "talk" => Act::Talks(ms(rest)?),
        "http" => Act::Serves(served(rest)?),
        "wav" if rest.is_empty() => return Err("/wav needs a file: /wav callee.wav".to_owned()),
        "wav" => Act::Wav(PathBuf::from(rest)),
        "cut" => {
            let (at, what) =
                rest.split_once(' ').ok_or("/cut needs a time and words or keys: /cut 800ms yes")?;
            match parse(what)? {
                act @ (Act::Says(_) | Act::Presses(_) | Act::Talks(_) | Act::HangsUp) => {
                    Act::Cuts(ms(at)?, Box::new(act))
                }
                Act::Verdict(_)
                | Act::GreetingEnds
                | Act::Beep
                | Act::Silence(_)
                | Act::Wav(_)
                | Act::Serves(_)
                | Act::Waits
                | Act::Cuts(..)
                | Act::Back
                | Act::Variables
                | Act::Help
                | Act::Quit => return Err("/cut takes words, keys, /talk or /hangup".to_owned()),
            }
        }
        "hangup" => Act::HangsUp,
        "back" => Act::Back,
        "variables" | "vars" => Act::Variables,
        "help" | "?" => Act::Help,
        "quit" | "exit" => Act::Quit,
        other => return Err(format!("there is no /{other}; /help shows what there is")),
    })
}

/// `200 {"key": 1}`, `404`, or `fails REASON`.
fn served(text: &str) -> Result<ExternalStepEnd, String> {
    const USAGE: &str = "/http 200 {\"key\": 1}, /http 404, or /http fails REASON";
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let rest = rest.trim();
    if word == "fails" {
        let reason = if rest.is_empty() { "the service cannot be reached" } else { rest };
        return Ok(ExternalStepEnd::Failed(reason.to_owned()));
    }
    let status = word.parse().ok().filter(|status| (100..600).contains(status)).ok_or(USAGE)?;
    let body = match rest {
        "" => None,
        json => {
            Some(serde_json::from_str(json).map_err(|error| format!("{USAGE}; this is no JSON: {error}"))?)
        }
    };
    Ok(ExternalStepEnd::Answered { status, body })
}

fn is_key(c: char) -> bool {
    c.is_ascii_digit() || matches!(c, '*' | '#')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_keys_and_commands_are_told_apart() {
        for (line, act) in [
            ("", Act::Waits),
            ("12#", Act::Presses("12#".into())),
            ("yes, 1 please", Act::Says("yes, 1 please".into())),
            ("/amd voicemail", Act::Verdict(Outcome::Voicemail)),
            ("/silence 5s", Act::Silence(5_000)),
            ("/cut 800ms 1", Act::Cuts(800, Box::new(Act::Presses("1".into())))),
            ("/wav a b.wav", Act::Wav("a b.wav".into())),
        ] {
            assert_eq!(parse(line), Ok(act), "{line}");
        }
        for (line, hint) in [
            ("/amd robot", "human, voicemail"),
            ("/silence soon", "write it like"),
            ("/dance", "/help"),
            ("/cut yes", "/cut 800ms yes"),
            ("/cut 1s /back", "takes words"),
            ("/http", "/http 200"),
            ("/http 200 {", "no JSON"),
        ] {
            assert!(parse(line).unwrap_err().contains(hint), "{line}");
        }
    }
}
