//! Who speaks and who hears: for which flows, with which models and voices, and what is missing.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use callcore::flow::Ears;
use serde::Serialize;
use serde_json::Map;

use super::frame::{Frame, Room, Sees};
use crate::access::SeeServer;
use crate::api::Api;
use crate::api::error::Problem;
use crate::flows::Stored;
use crate::session::Readiness;
use crate::speech::models::State as ModelState;
use crate::speech::stt::Preference;
use crate::speech::tts::Speaker;
use crate::speech::{ModelFacts, VoiceFacts};

#[derive(Serialize)]
struct Page {
    speakers: Vec<SpeakerLine>,
    prompts: Vec<PromptsLine>,
    hearers: Vec<Hearer>,
    recognisers: Vec<RecogniserLine>,
    models: Vec<ModelLine>,
    models_folder: String,
    voices: Vec<VoiceLine>,
    voices_folder: String,
    /// What the chosen voice takes for a second of speech, ms.
    speaks_in: Option<u64>,
}

/// Who speaks a language with a voice.
#[derive(Serialize)]
struct SpeakerLine {
    language: String,
    /// The voice that flows ask for; empty for the usual one.
    wanted: String,
    flows: Vec<String>,
    engine: &'static str,
    voice: String,
    /// Why it is another engine than the one that was chosen.
    instead: String,
    /// Why nobody speaks it.
    mute: String,
}

/// What is there of what a flow says.
#[derive(Serialize)]
struct PromptsLine {
    flow: String,
    /// It cannot be told for all calls: the flow begins only with what a dial request brings.
    differs: bool,
    made: usize,
    known: usize,
    missing: Vec<String>,
}

/// Who hears the calls of a flow.
#[derive(Serialize)]
struct Hearer {
    flow: String,
    language: String,
    /// Empty: nobody.
    recogniser: String,
    problem: String,
}

#[derive(Serialize)]
struct RecogniserLine {
    name: String,
    kind: &'static str,
    /// ms for a second of speech; not known before the trial at the start is over.
    cost: Option<u64>,
    limit_ms: u128,
}

#[derive(Serialize)]
struct ModelLine {
    name: String,
    megabytes: u64,
    languages: String,
    licence: String,
    /// `yes`, `part`, `damaged` or empty.
    state: &'static str,
    state_said: &'static str,
    used: bool,
    /// The command that brings it, where it is not here.
    fetch: String,
}

#[derive(Serialize)]
struct VoiceLine {
    engine: &'static str,
    licence: &'static str,
    here: bool,
    used: bool,
    voices: String,
    fetch: &'static str,
}

impl ModelLine {
    fn of(frame: &Frame, facts: ModelFacts) -> Self {
        let (state, key) = match facts.state {
            ModelState::Absent => ("", "speech_absent"),
            ModelState::Begun(_) => ("part", "speech_begun"),
            ModelState::Present => ("yes", "speech_here"),
            ModelState::Damaged => ("damaged", "speech_damaged"),
        };
        Self {
            fetch: if state == "yes" { String::new() } else { format!("dering models fetch {}", facts.name) },
            megabytes: facts.bytes / 1_000_000,
            languages: match facts.languages.as_str() {
                "many" => frame.say("speech_many").to_owned(),
                languages => languages.to_owned(),
            },
            licence: facts.licence,
            name: facts.name,
            used: facts.is_used,
            state_said: frame.say(key),
            state,
        }
    }
}

impl VoiceLine {
    fn of(facts: VoiceFacts) -> Self {
        Self {
            engine: facts.engine,
            licence: facts.licence,
            here: facts.is_here,
            used: facts.is_used,
            voices: facts.voices.join(", "),
            fetch: if facts.is_here { "" } else { facts.brought_by },
        }
    }
}

/// What each flow that runs says, who speaks it and who hears the answers.
async fn flows(api: &Api, frame: &Frame) -> (Vec<SpeakerLine>, Vec<PromptsLine>, Vec<Hearer>) {
    let mut voices: BTreeMap<(String, Option<String>), Vec<String>> = BTreeMap::new();
    let (mut prompts, mut hearers) = (Vec::new(), Vec::new());
    for described in api.flows.all() {
        // A version that cannot be read is told of when it is called.
        let Ok(stored) = api.flows.find(&described.flow).await else { continue };
        for (language, voice) in stored.flow.voices() {
            let wanted = (language.to_owned(), voice.map(str::to_owned));
            voices.entry(wanted).or_default().push(described.flow.clone());
        }
        hearers.push(hearer(api, frame, &described.flow, &stored.flow));
        prompts.push(prompts_of(api, described.flow, stored).await);
    }
    let mut speakers = Vec::with_capacity(voices.len());
    for ((language, wanted), flows) in voices {
        let speaker = api.speech.tts.speaker(&language, wanted.as_deref()).await;
        let mut line = SpeakerLine {
            language,
            wanted: wanted.unwrap_or_default(),
            flows,
            engine: "",
            voice: String::new(),
            instead: String::new(),
            mute: String::new(),
        };
        match speaker {
            Ok(Speaker { engine, voice, instead }) => {
                line.engine = engine;
                line.voice = voice.unwrap_or_else(|| frame.say("speech_usual_voice").to_owned());
                line.instead = instead.map(|why| why.to_string()).unwrap_or_default();
            }
            Err(error) => line.mute = error.to_string(),
        }
        speakers.push(line);
    }
    (speakers, prompts, hearers)
}

async fn prompts_of(api: &Api, flow: String, stored: Arc<Stored>) -> PromptsLine {
    let found = api.calls.readiness(stored, Map::new()).await;
    let differs = found.is_none();
    let Readiness { known, made, missing } = found.unwrap_or_default();
    PromptsLine { flow, differs, made, known, missing }
}

fn hearer(api: &Api, frame: &Frame, name: &str, flow: &callcore::flow::Flow) -> Hearer {
    let language = flow.language();
    let choice = api.speech.recognizers.choose(Preference { flow: name, ..Preference::default() });
    let mut hearer = Hearer {
        flow: name.to_owned(),
        language: language.to_owned(),
        recogniser: String::new(),
        problem: String::new(),
    };
    let Some(choice) = choice else {
        let scenes = flow.scenes_unheard(Ears::Deaf).join(", ");
        if !scenes.is_empty() {
            hearer.problem = frame.tell("speech_deaf", &[("scenes", &scenes)]);
        }
        return hearer;
    };
    hearer.recogniser.clone_from(&choice.first.name);
    let recogniser = &choice.first.recognizer;
    if !recogniser.knows(language) {
        hearer.problem = frame.say("speech_language_unknown").to_owned();
    } else if recogniser.is_english_only() && !language.to_ascii_lowercase().starts_with("en") {
        hearer.problem = frame.say("speech_english_only").to_owned();
    } else if recogniser.hears_answers_only() {
        let scenes = flow.scenes_unheard(Ears::Answers).join(", ");
        if !scenes.is_empty() {
            hearer.problem = frame.tell("speech_answers_only", &[("scenes", &scenes)]);
        }
    }
    hearer
}

/// Everything about speech.
pub(super) async fn page(sees: Sees<SeeServer>, State(api): State<Api>) -> Result<Response, Problem> {
    let (speakers, prompts, hearers) = flows(&api, &sees).await;
    let engines = api.speech.clone();
    let models = tokio::task::spawn_blocking(move || engines.models()).await;
    let models =
        models.map_err(|error| error.to_string()).and_then(|found| found.map_err(|error| error.to_string()));
    let models = models.unwrap_or_else(|error| {
        tracing::error!(%error, "the models that are here cannot be listed");
        Vec::new()
    });
    let recognisers = api.speech.recognizers.all().iter().map(|one| RecogniserLine {
        name: one.name.clone(),
        kind: one.recognizer.kind(),
        cost: one.speed.ms_per_second(),
        limit_ms: one.speed.limit().as_millis(),
    });
    let page = Page {
        speakers,
        prompts,
        hearers,
        recognisers: recognisers.collect(),
        models: models.into_iter().map(|facts| ModelLine::of(&sees, facts)).collect(),
        models_folder: api.speech.models.display().to_string(),
        voices: api.speech.voices().await.into_iter().map(VoiceLine::of).collect(),
        voices_folder: api.speech.voices.display().to_string(),
        speaks_in: api.speech.tts.ms_per_second(),
    };
    Ok(sees.page(&api, ("speech.html", Room::Speech), sees.say("nav_speech"), &[], &page))
}
