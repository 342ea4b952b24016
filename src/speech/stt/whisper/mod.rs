//! Whisper in this process: one model shared by a few threads, each with a state of its own.
//!
//! A state is large (about 130 MB for the tiny model), so there is one per thread and never one per call.

mod header;
mod memory;
mod weigh;

use std::collections::BTreeMap;
use std::ffi::{c_int, c_void};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use callcore::audio::{SAMPLE_RATE, resample};
use whisper_rs::{
    FullParams, SamplingStrategy, WhisperContext, WhisperContextParameters, WhisperError, WhisperState,
};

use super::super::models::built_in;
use super::guard;
use super::pool::{Job, Pool};
use super::request::{Request, duration_ms};
use super::transcript::{SttError, Transcript};
use super::weighing::{BUILT_IN, PUBLISHED};

/// What Whisper hears: 16 kHz.
const MODEL_RATE: u32 = 16_000;
/// One position of the encoder spans 20 ms.
const MS_PER_POSITION: u64 = 20;
/// Whisper ignores less than 100 ms and is unsure of less than a second; silence makes up for the rest.
const SHORTEST_MS: usize = 1_100;
/// Words of the model in this program that it is less sure of are none: it knows few, and calls everything by one of them.
const BELIEVED: f32 = 0.5;
/// Longest text that a prompt may make, in tokens.
const MAX_PROMPT_TOKENS: usize = 128;

/// How much of its 30 s window the encoder looks at. Its time grows with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// As long as the utterance, plus a margin, but not less than `floor` positions of 20 ms: trained on
    /// 30 s, the published models get worse in very short windows.
    Fitted { floor: u32, margin: u32 },
    /// What a model was trained for, in positions of 20 ms; longer utterances are refused.
    Fixed(u32),
}

/// Which model hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Model {
    /// A file in ggml format.
    File(PathBuf),
    /// The small one in this program. It hears what it is asked about, and only that: the answers of a question, in at
    /// most 4 s of speech, in English and Indonesian.
    BuiltIn,
}

impl From<&Path> for Model {
    /// A file, or the model in this program by its name.
    fn from(path: &Path) -> Self {
        if built_in::is_meant(path) { Self::BuiltIn } else { Self::File(path.into()) }
    }
}

impl Model {
    fn path(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::BuiltIn => Path::new(built_in::NAME),
        }
    }
}

/// How to run a Whisper model.
#[derive(Clone, Debug)]
pub struct Options {
    pub model: Model,
    /// Utterances recognised at once; each needs a state and a thread.
    pub workers: usize,
    /// Threads for one utterance. They spin while they wait, so `workers` times this should not exceed the
    /// cores.
    pub threads: usize,
    /// Utterances that may wait; more are refused.
    pub queue: usize,
    pub window: Window,
    /// Tell the model what is expected; one that was never trained with a prompt hears nonsense then.
    pub bias: bool,
    /// Used when a request names no language; `None` lets a multilingual model find out, which costs a
    /// second pass of the encoder.
    pub language: Option<String>,
}

impl Options {
    /// One worker with one thread, eight utterances in the queue, the window fitted to the utterance.
    ///
    /// `model` is a file, or the name of the model in this program; that one looks at shorter windows, for which it was
    /// trained.
    pub fn new(model: impl AsRef<Path>) -> Self {
        let model = Model::from(model.as_ref());
        let window = match model {
            Model::File(_) => Window::Fitted { floor: 384, margin: 64 },
            Model::BuiltIn => Window::Fitted { floor: 64, margin: 8 },
        };
        Self { model, workers: 1, threads: 1, queue: 8, window, bias: true, language: None }
    }
}

/// Why a model could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("the speech model {path} cannot be read: {reason}")]
    Missing { path: PathBuf, reason: String },
    #[error("the speech model {path} cannot be loaded: {reason}; is it a Whisper model in ggml format?")]
    Model { path: PathBuf, reason: String },
    #[error(
        "the speech model {path} is damaged: {reason}; fetch it again, or verify it with `dering models verify`"
    )]
    Damaged { path: PathBuf, reason: String },
    #[error(
        "the speech model {path} needs about {needed_mib} MiB of memory, and {free_mib} are free: take a smaller one \
         (`dering models list`), fewer `workers`, or a machine with more memory"
    )]
    Memory { path: PathBuf, needed_mib: u64, free_mib: u64 },
    #[error("the language {language:?} is unknown to Whisper; use a code such as \"en\" or \"id\"")]
    Language { language: String },
    #[error("a thread for the recogniser cannot be started: {0}")]
    Thread(std::io::Error),
}

/// A loaded model with its threads. They end when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Whisper {
    pool: Arc<Pool>,
    is_multilingual: bool,
    is_built_in: bool,
}

impl Whisper {
    /// Loads the model and runs it once, so that the first caller does not pay for that. Blocks for as long
    /// as reading the file takes; the first run happens on the recogniser's own threads.
    ///
    /// # Errors
    /// When the file is no model or a damaged one, the language is unknown, or memory or threads are short.
    pub fn load(options: &Options) -> Result<Self, LoadError> {
        whisper_rs::install_logging_hooks();
        let (model, path) = (&options.model, options.model.path());
        if let Some(language) = &options.language
            && whisper_code(language).is_none()
        {
            return Err(LoadError::Language { language: language.clone() });
        }
        if let Model::File(path) = model {
            header::check(path)?;
            memory::check(path, options.workers.max(1))?;
        }
        let unloadable =
            |error: WhisperError| LoadError::Model { path: path.into(), reason: error.to_string() };
        let context = load_context(model).map_err(unloadable)?;
        let is_multilingual = context.is_multilingual();
        let is_built_in = *model == Model::BuiltIn;
        let engine = Arc::new(Engine {
            is_multilingual,
            is_built_in,
            positions: u32::try_from(context.model_n_audio_ctx()).unwrap_or(1_500),
            threads: c_int::try_from(options.threads.max(1)).unwrap_or(1),
            window: options.window,
            bias: options.bias,
            language: options.language.clone(),
            tokens: weigh::Tokens::of(&context),
            context,
        });
        let mut makers = Vec::with_capacity(options.workers.max(1));
        for _ in 0..options.workers.max(1) {
            let state = engine.context.create_state().map_err(unloadable)?;
            let engine = Arc::clone(&engine);
            makers.push(move || {
                let mut worker = Worker { engine, state, templates: BTreeMap::new() };
                if let Err(error) = worker.warm_up() {
                    tracing::warn!(%error, "the recogniser's first run failed");
                }
                move |job: &Job| worker.recognise(job)
            });
        }
        let pool = Pool::start(makers, options.queue).map_err(LoadError::Thread)?;
        Ok(Self { pool: Arc::new(pool), is_multilingual, is_built_in })
    }

    /// Whether Whisper has a code for `language`, and the model in this program was taught it.
    #[must_use]
    pub fn knows(&self, language: &str) -> bool {
        whisper_code(language).is_some_and(|code| !self.is_built_in || built_in::LANGUAGES.contains(&code))
    }

    /// Whether it hears nothing but the answers of questions: the model in this program does.
    #[must_use]
    pub const fn hears_answers_only(&self) -> bool {
        self.is_built_in
    }

    /// Whether the model was made for English alone. It takes whatever it hears for that.
    #[must_use]
    pub const fn is_english_only(&self) -> bool {
        !self.is_multilingual && !self.is_built_in
    }

    pub(super) async fn transcribe(&self, request: Request) -> Result<Transcript, SttError> {
        self.pool.recognise(request).await
    }
}

/// Whisper's code of `id`, `en-US` or `EN_gb`; `None` when it has none.
fn whisper_code(language: &str) -> Option<&'static str> {
    let code = language.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
    let id = if code.contains('\0') { None } else { whisper_rs::get_lang_id(&code) };
    id.and_then(whisper_rs::get_lang_str)
}

fn load_context(model: &Model) -> Result<WhisperContext, WhisperError> {
    let mut parameters = WhisperContextParameters::default();
    parameters.use_gpu(false);
    match model {
        Model::File(path) => WhisperContext::new_with_params(path, parameters),
        Model::BuiltIn => WhisperContext::new_from_buffer_with_params(built_in::MODEL, parameters),
    }
}

struct Engine {
    context: WhisperContext,
    is_multilingual: bool,
    is_built_in: bool,
    /// Of the encoder: 1,500 for every published model.
    positions: u32,
    threads: c_int,
    window: Window,
    bias: bool,
    language: Option<String>,
    tokens: weigh::Tokens,
}

impl Engine {
    fn longest_ms(&self) -> u64 {
        let positions = match self.window {
            Window::Fitted { .. } => self.positions,
            Window::Fixed(positions) => positions.min(self.positions),
        };
        u64::from(positions) * MS_PER_POSITION
    }

    fn audio_ctx(&self, ms: u64) -> c_int {
        let positions = match self.window {
            Window::Fitted { floor, margin } => {
                let spoken = u32::try_from(ms.div_ceil(MS_PER_POSITION)).unwrap_or(self.positions);
                spoken.saturating_add(margin).max(floor)
            }
            Window::Fixed(positions) => positions,
        };
        c_int::try_from(positions.min(self.positions)).unwrap_or(0)
    }

    /// The code Whisper knows; `None` when the model has to find out.
    fn language(&self, wanted: Option<&str>) -> Result<Option<&'static str>, SttError> {
        if !self.is_multilingual {
            // Without a language Whisper would try to find out, which such a model cannot.
            return Ok(Some("en"));
        }
        let Some(wanted) = wanted else { return Ok(None) };
        whisper_code(wanted).map(Some).ok_or_else(|| SttError::Language(wanted.to_owned()))
    }

    /// What the decoder is told before it writes: what the question expects, or, where the model was taught to be told just
    /// that, the language that is `wanted`.
    fn prompt(&self, request: &Request, wanted: Option<&str>) -> Result<Option<String>, SttError> {
        if !self.is_built_in {
            return Ok(request.prompt().filter(|_| self.bias));
        }
        let Some(wanted) = wanted else { return Ok(None) };
        let known = whisper_code(wanted).filter(|code| built_in::LANGUAGES.contains(code));
        // As the first word of a text is written.
        known.map(|code| Some(format!(" {code}"))).ok_or_else(|| SttError::Language(wanted.to_owned()))
    }

    fn prompt_tokens(&self, prompt: &str) -> Vec<c_int> {
        // A token is at least a byte long. With room for fewer than there are, the crate takes Whisper's
        // negative answer for a length, which is undefined behaviour.
        let most = prompt.len() + 1;
        let mut tokens = self.context.tokenize(prompt, most).unwrap_or_else(|error| {
            tracing::debug!(%error, "a prompt could not be used");
            Vec::new()
        });
        tokens.truncate(MAX_PROMPT_TOKENS);
        tokens
    }
}

struct Worker {
    engine: Arc<Engine>,
    state: WhisperState,
    /// By language. `FullParams` leaks its language string each time one is set, so it is set once.
    templates: BTreeMap<Option<&'static str>, FullParams<'static, 'static>>,
}

impl Worker {
    fn warm_up(&mut self) -> Result<(), WhisperError> {
        let mut params = self.params(Some("en"));
        params.set_audio_ctx(self.engine.audio_ctx(1_000));
        params.set_max_tokens(1);
        self.state.full(params, &[0.0; MODEL_RATE as usize])
    }

    fn recognise(&mut self, job: &Job) -> Result<Transcript, SttError> {
        let Request { audio, language, expected, .. } = &job.request;
        let (ms, limit_ms) = (duration_ms(audio), self.engine.longest_ms());
        if ms > limit_ms {
            return Err(SttError::TooLong { ms, limit_ms });
        }
        let samples = model_samples(audio)?;
        let wanted = language.as_deref().or(self.engine.language.as_deref());
        let language = self.engine.language(wanted)?;
        let prompt = self.engine.prompt(&job.request, wanted)?;
        let tokens = prompt.map(|prompt| self.engine.prompt_tokens(&prompt)).unwrap_or_default();
        let mut params: FullParams<'_, '_> = self.params(language);
        params.set_tokens(&tokens);
        params.set_audio_ctx(self.engine.audio_ctx(ms));
        // Faster than anyone speaks: a decoder in a loop stops here.
        params.set_max_tokens(c_int::try_from(ms / 1_000 * 15 + 24).unwrap_or(c_int::MAX));
        stop_when_over(&mut params, job);
        match self.state.full(params, &samples) {
            Ok(()) => {
                let written = self.transcript();
                let lost = guard::is_loop(&written.text);
                // What a model was not told of, it cannot have read out.
                let told: &[String] = if self.engine.is_built_in { &[] } else { expected };
                let transcript = guard::doubt(written, ms as f32 / 1_000.0, told);
                Ok(self.weighed(transcript, lost, language, &tokens, job))
            }
            Err(_) if job.is_over() => Err(job.why()),
            Err(error) => Err(SttError::Engine(error.to_string())),
        }
    }

    /// The transcript, and which of the expected answers it is where it was to be found out. Words that are not believed are
    /// those of the answer, if one was given.
    ///
    /// A decoder that has lost its way finds nearly anything probable: its answers count for nothing (`lost`), unless one is plain.
    fn weighed(
        &mut self,
        transcript: Transcript,
        lost: bool,
        language: Option<&'static str>,
        prompt: &[c_int],
        job: &Job,
    ) -> Transcript {
        let answers = &job.request.answers;
        let Some(language) = language.filter(|_| !answers.is_empty()) else { return transcript };
        let engine = &self.engine;
        let (context, tokens) = (&engine.context, &engine.tokens);
        let told = if engine.is_built_in {
            tokens.after_previous(prompt)
        } else if engine.bias {
            weigh::told(context, tokens, answers)
        } else {
            Vec::new()
        };
        let is_over = || job.is_over();
        let found = weigh::weigh(&mut self.state, context, tokens, language, answers, &told, is_over);
        let evidence = match found {
            Ok(Some(evidence)) => evidence,
            Ok(None) => return transcript,
            Err(error) => {
                tracing::warn!(%error, "the answers could not be weighed");
                return transcript;
            }
        };
        let judgement = if engine.is_built_in { &BUILT_IN } else { &PUBLISHED };
        if evidence.is_silence(judgement) || (lost && evidence.is_foreign(judgement)) {
            // What was written may look like an answer, and was read from what the decoder was told.
            metrics::counter!("dering_stt_doubted_total", "reason" => "nobody").increment(1);
            return Transcript::nothing_said();
        }
        if lost && !evidence.is_plain() {
            return transcript;
        }
        let weighed = evidence.judge(judgement);
        let said = weighed.likely.filter(|_| transcript.text.is_empty()).and_then(|likely| {
            let answer = answers.iter().find(|answer| answer.id == likely)?;
            answer.phrases.first().cloned()
        });
        match said {
            Some(text) => {
                Transcript { text, confidence: weighed.probability, weighed: Some(weighed), ..transcript }
            }
            None => Transcript { weighed: Some(weighed), ..transcript },
        }
    }

    fn params(&mut self, language: Option<&'static str>) -> FullParams<'static, 'static> {
        let (threads, is_built_in) = (self.engine.threads, self.engine.is_built_in);
        let template = self.templates.entry(language).or_insert_with(|| {
            let mut params = FullParams::new(SamplingStrategy::Greedy { best_of: 1 });
            params.set_language(language);
            params.set_n_threads(threads);
            params.set_no_context(true);
            params.set_single_segment(true);
            params.set_no_timestamps(true);
            // Decoding again at higher temperatures multiplies the time, and never when it is short.
            params.set_temperature_inc(0.0);
            // A model that was taught to be silent may be.
            params.set_suppress_blank(!is_built_in);
            params.set_print_progress(false);
            params.set_print_realtime(false);
            params.set_print_special(false);
            params.set_print_timestamps(false);
            params
        });
        template.clone()
    }

    fn transcript(&self) -> Transcript {
        let end_of_text = self.engine.context.token_eot();
        let (mut text, mut no_speech, mut words, mut log_probability) = (String::new(), 0.0_f32, 0, 0.0);
        for segment in self.state.as_iter() {
            no_speech = no_speech.max(segment.no_speech_probability());
            text.push_str(&segment.to_str_lossy().unwrap_or_default());
            for token in (0..segment.n_tokens()).filter_map(|at| segment.get_token(at)) {
                if token.token_id() < end_of_text {
                    words += 1;
                    log_probability += f64::from(token.token_probability().max(1e-6)).ln();
                }
            }
        }
        let confidence = (log_probability / f64::from(words.max(1))).exp() as f32;
        if words == 0 || (self.engine.is_built_in && confidence < BELIEVED) {
            return Transcript { no_speech: no_speech.max(0.5), ..Transcript::nothing_said() };
        }
        Transcript { text: text.trim().to_owned(), confidence, no_speech, took_ms: 0, weighed: None }
    }
}

fn model_samples(audio: &[i16]) -> Result<Vec<f32>, SttError> {
    let wide =
        resample::convert(audio, SAMPLE_RATE, MODEL_RATE).map_err(|e| SttError::Engine(e.to_string()))?;
    let mut samples: Vec<f32> = wide.iter().map(|s| f32::from(*s) / 32_768.0).collect();
    samples.resize(samples.len().max(SHORTEST_MS * MODEL_RATE as usize / 1_000), 0.0);
    Ok(samples)
}

/// Makes the run end, at the next pass of the encoder or decoder, once `job` is over.
///
/// The crate's safe way to do this hands its trampoline a box of another type than it expects, so the
/// plain callback is used.
#[expect(unsafe_code, reason = "whisper-rs offers no sound way to abort")]
fn stop_when_over(params: &mut FullParams<'_, '_>, job: &Job) {
    unsafe extern "C" fn is_over(job: *mut c_void) -> bool {
        // SAFETY: `job` is the pointer set below.
        unsafe { &*job.cast::<Job>() }.is_over()
    }
    // SAFETY: the callback is called only during `WhisperState::full`, by threads that it joins. `recognise`,
    // the only caller, runs these params while it holds its borrow of the job, and drops them there. A job
    // may be shared between threads (checked below), and is only read.
    unsafe {
        params.set_abort_callback(Some(is_over));
        params.set_abort_callback_user_data(std::ptr::from_ref(job).cast_mut().cast());
    }
    const fn may_be_shared<T: Sync>() {}
    const { may_be_shared::<Job>() }
}
