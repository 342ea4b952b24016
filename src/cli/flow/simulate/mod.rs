//! `dering flow simulate`: a person types as the callee and sees the bot's side.

mod act;
mod pace;

use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use callcore::audio::wav::Side;
use callcore::clock::CallTime;
use callcore::flow::{
    Diagnostic, Flow, Input, Rehearsal, Replies, Run, VariableType, parse_replies, speaking_ms,
};
use callcore::language::LocalTime;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Map, Value};

use self::act::Act;
use super::trace::Trace;
use crate::flows::{check_file, listened, read_text};
use crate::speech::file;
use crate::speech::stt::{Recognizer, Request};

/// No simulated call lasts longer, ms.
const LONGEST_MS: u64 = 2 * 3_600_000;

/// After so long an entry of keys is judged, ms: the keys of the next line are another entry.
const ENTRY_MS: u64 = 500;

/// What to simulate and how.
#[derive(Debug, clap::Args)]
pub(super) struct Simulate {
    /// The flow file.
    file: PathBuf,
    /// A variable that the call brings; may be repeated. Those that are missing are made up.
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = variable)]
    variables: Vec<(String, String)>,
    /// What is made up differs from seed to seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Let time pass as it does; without it, time stands still while you think.
    #[arg(long)]
    realtime: bool,
    /// Print one JSON object per line.
    #[arg(long)]
    json: bool,
    /// The date and time of the call where the callee is, such as "2026-05-31 14:30": what `today` and `now` are;
    /// 1 January 2026, nine in the morning, if left out.
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    now: Option<LocalTime>,
    /// What web services answer: a YAML list as under `http:` of a flow test. Requests beyond it ask you.
    #[arg(long, value_name = "FILE")]
    http: Option<PathBuf>,
    /// A whisper.cpp model file that puts words to recordings.
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
}

fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it like name=Ani")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn moment(text: &str) -> Result<LocalTime, String> {
    LocalTime::parse(text).ok_or_else(|| "write it like 2026-05-31 or \"2026-05-31 14:30\"".to_owned())
}

/// Runs the call until somebody hangs up or the input ends; then it goes on to its end by itself.
///
/// # Errors
/// The flow has errors or needs other variables, or `out` is gone.
pub(super) fn run(simulate: &Simulate, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let mut show = Trace::new(out, "you", simulate.json, colours && !simulate.json);
    let mut call = Simulated::new(simulate)?;
    if simulate.realtime {
        pace::real(&mut call, &mut show)?;
    } else {
        let asks = std::io::stdin().is_terminal() && !simulate.json;
        typed(&mut call, &mut show, std::io::stdin().lock(), asks)?;
    }
    call.rehearsal.pass(LONGEST_MS);
    show.follow(call.rehearsal.log())?;
    let variables = Value::Object(call.rehearsal.run().variables().clone());
    let outcome = call.rehearsal.outcome().unwrap_or("none");
    show.end(call.rehearsal.now().as_ms(), outcome, &variables)?;
    Ok(ExitCode::SUCCESS)
}

/// Virtual time: the bot has its say, then a line is read, until the call or the input ends.
fn typed(
    call: &mut Simulated,
    show: &mut Trace<'_, impl Write>,
    mut input: impl BufRead,
    asks: bool,
) -> anyhow::Result<()> {
    if asks {
        show.say("Type as the callee; /help shows how.")?;
    }
    let mut line = String::new();
    loop {
        call.let_the_bot_speak();
        show.follow(call.rehearsal.log())?;
        if call.rehearsal.is_over() {
            return Ok(());
        }
        if let Some(request) = call.rehearsal.waiting_request() {
            show.say(&format!(
                "the service is asked: {request}\nanswer it: /http 200 {{\"key\": 1}}, or /http fails"
            ))?;
        }
        if asks {
            let mut prompt = super::super::out();
            write!(prompt, "> ")?;
            prompt.flush()?;
        }
        line.clear();
        if input.read_line(&mut line)? == 0 {
            return Ok(());
        }
        if !obeyed(call, show, &line)? {
            return Ok(());
        }
    }
}

/// Does what a line says; false when the person wants to leave.
fn obeyed(call: &mut Simulated, show: &mut Trace<'_, impl Write>, line: &str) -> anyhow::Result<bool> {
    let act = match act::parse(line) {
        Ok(act) => act,
        Err(problem) => {
            show.say(&problem)?;
            return Ok(true);
        }
    };
    match act {
        Act::Quit => return Ok(false),
        Act::Help => show.say(act::HELP)?,
        Act::Variables => show.say(&Value::Object(call.rehearsal.run().variables().clone()).to_string())?,
        Act::Back => {
            call.acts.pop();
            let log_at = call.replay(None)?;
            show.rewound(call.rehearsal.log(), log_at)?;
        }
        Act::Cuts(ms, act) => {
            let Some(began) = last_prompt_ms(call.rehearsal.log()) else {
                show.say("there is no prompt to cut yet")?;
                return Ok(true);
            };
            let at = call.replay(Some(began + ms))?;
            show.rewound(call.rehearsal.log(), at)?;
            call.act(*act)?;
        }
        act @ (Act::Says(_)
        | Act::Talks(_)
        | Act::Presses(_)
        | Act::Verdict(_)
        | Act::GreetingEnds
        | Act::Beep
        | Act::Silence(_)
        | Act::Wav(_)
        | Act::Serves(_)
        | Act::HangsUp
        | Act::Waits) => {
            if let Err(error) = call.act(act) {
                show.say(&format!("{error:#}"))?;
            }
        }
    }
    Ok(true)
}

/// When the last prompt of a log began.
fn last_prompt_ms(log: &str) -> Option<u64> {
    let line = log.lines().rev().find(|line| line.contains(" -> play "))?;
    line.split_whitespace().next()?.parse().ok()
}

/// A call and what the callee has done in it, so that it can be gone back in.
struct Simulated {
    flow: Arc<Flow>,
    variables: Map<String, Value>,
    now: LocalTime,
    replies: Replies,
    rehearsal: Rehearsal,
    acts: Vec<(CallTime, Act)>,
    recognizer: Option<(Recognizer, tokio::runtime::Runtime)>,
}

impl Simulated {
    fn new(simulate: &Simulate) -> anyhow::Result<Self> {
        let checked = check_file(&simulate.file)?;
        let Some(stored) = checked.stored else {
            anyhow::bail!("{0} has errors; `dering flow check {0}` shows them", simulate.file.display());
        };
        let variables = brought(&stored.flow, &simulate.variables, simulate.seed);
        let replies = simulate.http.as_deref().map(replies).transpose()?.unwrap_or_default();
        let now = simulate.now.unwrap_or_default();
        let rehearsal = answered(&stored.flow, &variables, now, &replies)?;
        let recognizer = simulate.model.as_deref().map(recognizer).transpose()?;
        Ok(Self { flow: stored.flow, variables, now, replies, rehearsal, acts: Vec::new(), recognizer })
    }

    /// Lets the call go on while the bot speaks.
    fn let_the_bot_speak(&mut self) {
        let until = CallTime::from_ms(LONGEST_MS);
        while self.rehearsal.bot_speaks() && self.rehearsal.step(until) {}
    }

    /// Makes a new call of what the callee has done, as far as `until` ms. Hands out where it stands.
    fn replay(&mut self, until: Option<u64>) -> anyhow::Result<u64> {
        let acts = std::mem::take(&mut self.acts);
        self.rehearsal = answered(&self.flow, &self.variables, self.now, &self.replies)?;
        for (at, act) in acts {
            if until.is_some_and(|until| at.as_ms() > until) {
                break;
            }
            self.rehearsal.pass(at.ms_since(self.rehearsal.now()));
            self.act(act)?;
        }
        if let Some(until) = until {
            self.rehearsal.pass(CallTime::from_ms(until).ms_since(self.rehearsal.now()));
        }
        Ok(self.rehearsal.now().as_ms())
    }

    /// The callee does something now.
    fn act(&mut self, act: Act) -> anyhow::Result<()> {
        let at = self.rehearsal.now();
        let call = &mut self.rehearsal;
        match &act {
            Act::Says(text) => call.say(speaking_ms(text), Some(text.clone())),
            Act::Talks(ms) => call.say(*ms, None),
            Act::Presses(keys) => {
                keys.chars().for_each(|key| call.put(Input::Digit(key)));
                call.pass(ENTRY_MS);
            }
            Act::Verdict(outcome) => call.put(Input::Outcome(*outcome)),
            Act::GreetingEnds => call.put(Input::GreetingEnded),
            Act::Beep => call.put(Input::BeepEnded),
            Act::Serves(end) => call.reply(end.clone()),
            Act::Silence(ms) => call.pass(*ms),
            Act::Wav(path) => {
                let recording = {
                    let samples = file::load_now(path, Side::Mixed, file::RECORDING)?;
                    let language = self.flow.language().to_owned();
                    listened(&samples, &self.flow, |audio| words(self.recognizer.as_ref(), audio, &language))
                };
                self.rehearsal.play_recording(&recording);
            }
            Act::HangsUp => call.hang_up(),
            Act::Waits => {
                let _something = call.step(CallTime::from_ms(LONGEST_MS));
            }
            Act::Cuts(..) | Act::Back | Act::Variables | Act::Help | Act::Quit => return Ok(()),
        }
        self.acts.push((at, act));
        Ok(())
    }
}

fn answered(
    flow: &Arc<Flow>,
    variables: &Map<String, Value>,
    now: LocalTime,
    replies: &Replies,
) -> anyhow::Result<Rehearsal> {
    let mut run = Run::new(Arc::clone(flow), variables.clone())?;
    run.begin_at(now);
    let mut call = Rehearsal::new(run);
    call.serve(replies.clone());
    call.put(Input::Answered);
    Ok(call)
}

/// What services answer, from a file.
fn replies(file: &Path) -> anyhow::Result<Replies> {
    let shown = |findings: Vec<Diagnostic>| {
        let shown: Vec<String> = findings.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("the answers cannot be read:\n{}", shown.join("\n"))
    };
    let text = read_text(file)?.map_err(|finding| shown(vec![finding]))?;
    parse_replies(&file.display().to_string(), &text).map_err(shown)
}

/// The variables given, and plausible ones for those that the flow needs besides.
fn brought(flow: &Flow, given: &[(String, String)], seed: u64) -> Map<String, Value> {
    const NAMES: [&str; 6] = ["Ani", "Budi", "Citra", "Dewi", "Eko", "Alex"];
    let mut random = StdRng::seed_from_u64(seed);
    let mut variables: Map<String, Value> =
        given.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
    for (name, variable) in flow.variables() {
        let brought_as = variable.from.as_ref().unwrap_or(name);
        if variable.default.is_some() || variables.contains_key(brought_as) {
            continue;
        }
        let value = match variable.kind {
            VariableType::Boolean => Value::from(random.random::<bool>()),
            VariableType::Number => Value::from(random.random_range(1..=50) * 10_000),
            VariableType::Text if name.contains("name") => {
                Value::from(NAMES[random.random_range(0..NAMES.len())])
            }
            VariableType::Text => Value::from(name.replace('_', " ")),
            VariableType::Date => Value::from(format!("2026-12-{:02}", random.random_range(1..=28))),
            VariableType::Time => Value::from(format!("{:02}:30", random.random_range(8..=17))),
        };
        variables.insert(brought_as.clone(), value);
    }
    variables
}

fn words(
    recognizer: Option<&(Recognizer, tokio::runtime::Runtime)>,
    audio: Arc<[i16]>,
    language: &str,
) -> Option<String> {
    let (recognizer, runtime) = recognizer?;
    let patience = std::time::Duration::from_secs(60);
    let request = Request { language: Some(language.to_owned()), ..Request::new(audio, patience) };
    let heard = runtime.block_on(recognizer.transcribe(request)).ok()?;
    Some(heard.text).filter(|text| !text.is_empty())
}

#[cfg(feature = "whisper")]
fn recognizer(model: &Path) -> anyhow::Result<(Recognizer, tokio::runtime::Runtime)> {
    use crate::speech::stt::whisper::{Options, Whisper};
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let whisper = {
        let _inside = runtime.enter();
        Whisper::load(&Options::new(model))?
    };
    Ok((Recognizer::Whisper(whisper), runtime))
}

#[cfg(not(feature = "whisper"))]
fn recognizer(_model: &Path) -> anyhow::Result<(Recognizer, tokio::runtime::Runtime)> {
    anyhow::bail!("this dering was built without whisper: leave --model out, or build with the feature")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOW: &str = "flow: a\nstart: s\nvariables: { name: text, agreed: { type: boolean, default: false } }\nscenes:\n  s:\n    - say: \"Hello {{ name }}, welcome to the shop.\"\n    - ask:\n        say: [\"Will you come?\", { checkpoint: asked }]\n        retries: 0\n        choices: { \"1\": { phrases: [\"yes\"], set: { agreed: true }, goto: e }, \"2\": e }\n        no_input: e\n    - hangup: unclear\n  e: [ { hangup: done } ]\n";

    fn simulated(lines: &str, json: bool) -> String {
        simulated_of(FLOW, lines, json)
    }

    fn simulated_of(flow: &str, lines: &str, json: bool) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.yaml");
        std::fs::write(&file, flow).unwrap();
        let variables = vec![("name".to_owned(), "Ani".to_owned())];
        let simulate = Simulate {
            file,
            variables,
            seed: 1,
            realtime: false,
            json,
            now: LocalTime::parse("2026-05-31 14:30"),
            http: None,
            model: None,
        };
        let mut call = Simulated::new(&simulate).unwrap();
        let mut out = Vec::new();
        let mut show = Trace::new(&mut out, "you", json, false);
        typed(&mut call, &mut show, lines.as_bytes(), false).unwrap();
        call.rehearsal.pass(LONGEST_MS);
        show.follow(call.rehearsal.log()).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_typed_call_is_shown_from_both_sides() {
        insta::assert_snapshot!(simulated("well\nyes\n", false));
        insta::assert_snapshot!(simulated("/dance\n/cut 300ms yes\n/back\n\n", false));
    }

    #[test]
    fn the_keys_of_each_line_are_an_entry_of_their_own() {
        let flow = "flow: a\nstart: s\nscenes:\n  s:\n    - ask: { say: \"One?\", retries: 0, choices: { \"1\": t, \"2\": e }, no_input: e, no_match: e }\n  t:\n    - ask: { say: \"Two?\", retries: 0, choices: { \"1\": e, \"2\": f }, no_input: e, no_match: e }\n  e: [ { hangup: lost } ]\n  f: [ { hangup: done } ]\n";
        assert!(simulated_of(flow, "1\n2\n", false).contains("hangs up: done"));
        assert!(simulated_of(flow, "12\n", false).contains("hangs up: lost"));
    }

    #[test]
    fn json_has_one_object_per_line() {
        let shown = simulated("1\n", true);
        for line in shown.lines() {
            let value: Value = serde_json::from_str(line).unwrap();
            assert!(value.is_object(), "{line}");
        }
        assert!(shown.contains("\"what\":\"play\""), "{shown}");
    }

    #[test]
    fn variables_that_are_missing_are_made_up_the_same_for_one_seed() {
        let flow = callcore::flow::parse("a.yaml", FLOW).flow.unwrap();
        assert_eq!(brought(&flow, &[], 3), brought(&flow, &[], 3));
        assert!(brought(&flow, &[], 3)["name"].is_string());
    }
}
