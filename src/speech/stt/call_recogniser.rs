//! How one call is heard: by the recogniser chosen for it, by another when that one fails, and in between by whatever
//! interim results there is time for.

use std::sync::Arc;
use std::time::Duration;

use callcore::flow::Expected;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::named::Named;
use super::options::{StreamOptions, SttOptions};
use super::recognizer::counted;
use super::request::{Request, Urgency, is_silent};
use super::speed::Speed;
use super::stream::{Stream, Words};
use super::transcript::{SttError, Transcript};

/// Words of an utterance that still grows are worth nothing later.
const INTERIM_PATIENCE: Duration = Duration::from_millis(1_000);
/// A call holds the line no longer than this for two of them.
const MOST_FOR_TWO: Duration = Duration::from_secs(15);

/// Recognises one call. Utterances have growing numbers; of each, the audio from its beginning is given again and again,
/// longer each time, and then whole.
#[derive(Debug)]
pub struct CallRecogniser {
    first: Named,
    second: Option<Named>,
    options: SttOptions,
    stream: Option<Stream>,
    /// Closed when the interim result under way is there; dropping it gives that up.
    under_way: Option<oneshot::Sender<()>>,
}

impl CallRecogniser {
    pub(super) const fn new(first: Named, second: Option<Named>, options: SttOptions) -> Self {
        Self { first, second, options, stream: None, under_way: None }
    }

    /// The recogniser's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.first.name
    }

    /// Whether nothing but the answers of questions is heard.
    #[must_use]
    pub fn hears_answers_only(&self) -> bool {
        self.first.recognizer.hears_answers_only()
    }

    /// How long a call waits for the words of an utterance that is over, by what is known of who recognises it.
    #[must_use]
    pub fn limit(&self) -> Duration {
        let second = self.second.as_ref().map_or(Duration::ZERO, |second| second.speed.limit());
        (self.first.speed.limit() + second).min(MOST_FOR_TWO)
    }

    /// Whether [`Self::interim`] is of any use.
    #[must_use]
    pub fn gives_interims(&self) -> bool {
        // An answer that is only begun is none of those that are known.
        if self.hears_answers_only() {
            return false;
        }
        let usual = self.first.interim.unwrap_or_else(|| self.first.recognizer.gives_interims());
        self.options.interim.unwrap_or(usual)
    }

    /// The words of an utterance that still grows; `None` when they are not wanted, or the last ones are not there yet.
    /// The future yields `None` when there are none or they would come too late.
    pub fn interim(
        &mut self,
        utterance: u32,
        audio: Arc<[i16]>,
        expected: Expected,
    ) -> Option<BoxFuture<'static, Option<Transcript>>> {
        if !self.gives_interims() {
            return None;
        }
        let request =
            Request { urgency: Urgency::Interim, ..self.request(audio, expected, INTERIM_PATIENCE) };
        self.stream(&request).feed(utterance, &request.audio);
        if self.under_way.as_ref().is_some_and(|stop| !stop.is_closed()) {
            let skipped =
                metrics::counter!("dering_stt_requests_total", "kind" => "interim", "outcome" => "skipped");
            skipped.increment(1);
            return None;
        }
        let (stop, stopped) = oneshot::channel::<()>();
        self.under_way = Some(stop);
        let words = self.stream(&request).interim(utterance, request);
        Some(Box::pin(async move {
            tokio::select! {
                words = words => words.ok().filter(|words| !words.text.is_empty()),
                _ = stopped => None,
            }
        }))
    }

    /// The words of an utterance that is over, within `patience`.
    pub fn finish(
        &mut self,
        utterance: u32,
        audio: Arc<[i16]>,
        expected: Expected,
        patience: Duration,
    ) -> Words {
        self.finish_late(utterance, audio, expected, patience, Duration::ZERO)
    }

    /// The same; an answer that comes up to `late` after `patience` is worth less, and goes behind others where there
    /// is too much to do.
    pub fn finish_late(
        &mut self,
        utterance: u32,
        audio: Arc<[i16]>,
        expected: Expected,
        patience: Duration,
        late: Duration,
    ) -> Words {
        self.under_way = None;
        let due = Instant::now() + patience + late;
        let share = self.second.as_ref().map_or(patience, |second| {
            let (first, second) =
                (self.first.speed.limit().as_secs_f64(), second.speed.limit().as_secs_f64());
            patience.mul_f64(first / (first + second))
        });
        let last = if self.second.is_some() { share } else { share + late };
        let request = Request { in_time: Some(share), ..self.request(audio, expected, last) };
        let unasked = self.hears_answers_only() && request.answers.is_empty();
        let words: Words = if unasked || is_silent(&request.audio) {
            Box::pin(counted(request.urgency, async { Ok(Transcript::nothing_said()) }))
        } else {
            self.stream(&request).finish(utterance, request.clone())
        };
        let first = timed(self.first.speed.clone(), words);
        let Some(second) = self.second.clone() else { return Box::pin(first) };
        let name = self.first.name.clone();
        Box::pin(async move {
            let error = match timeout(last, first).await {
                Ok(Ok(words)) => return Ok(words),
                Ok(Err(error)) => error,
                Err(_) => request.late(),
            };
            tracing::warn!(%error, recogniser = name, "an utterance goes to the other recogniser");
            metrics::counter!("dering_stt_fallbacks_total").increment(1);
            let left = due.saturating_duration_since(Instant::now());
            timed(
                second.speed,
                second.recognizer.transcribe(Request { patience: left, in_time: None, ..request }),
            )
            .await
        })
    }

    /// The stream of this call, which is kept while the same is asked of it.
    fn stream(&mut self, request: &Request) -> &mut Stream {
        let wanted = StreamOptions {
            language: request.language.clone(),
            expected: Arc::clone(&request.expected),
            endpointing_ms: self.options.endpointing_ms,
            utterance_end_ms: self.options.utterance_end_ms,
        };
        let kept = self.stream.take().filter(|stream| stream.serves(&wanted));
        self.stream.insert(kept.unwrap_or_else(|| Stream::open(&self.first.recognizer, wanted)))
    }

    fn request(&self, audio: Arc<[i16]>, expected: Expected, patience: Duration) -> Request {
        let Expected { phrases, answers } = expected;
        let language = self.options.language.clone();
        Request { language, expected: phrases, answers, ..Request::new(audio, patience) }
    }
}

/// Notes how long the words of a finished utterance took.
async fn timed(
    speed: Speed,
    words: impl Future<Output = Result<Transcript, SttError>>,
) -> Result<Transcript, SttError> {
    let begun = Instant::now();
    let outcome = words.await;
    let took = begun.elapsed();
    // One that hangs is no slow one: nobody waits longer for it.
    if outcome.as_ref().is_ok_and(|words| !words.text.is_empty()) {
        speed.measured(took);
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::speech::stt::recognizer::Recognizer;
    use crate::speech::stt::scripted::Scripted;

    fn named(name: &str, scripted: Scripted) -> Named {
        Named::new(name, Recognizer::Scripted(scripted), None)
    }

    fn speech(ms: usize) -> Arc<[i16]> {
        (0..ms * 8).map(|n| if n % 2 == 0 { 3_000 } else { -3_000 }).collect()
    }

    fn expecting(phrase: &str) -> Expected {
        Expected::phrases([phrase.to_owned()])
    }

    const PATIENCE: Duration = Duration::from_secs(3);

    #[tokio::test]
    async fn words_come_before_the_end_and_again_at_the_end() {
        let scripted = Scripted::new([Ok("two hundred and ten".into())]);
        let manner = SttOptions { language: Some("id".into()), ..SttOptions::default() };
        let mut recogniser = CallRecogniser::new(named("a", scripted.clone()), None, manner);
        for (ms, words) in [(400, None), (1_000, Some("two hundred")), (1_500, Some("two hundred and"))] {
            let interim =
                recogniser.interim(1, speech(ms), expecting("ten")).expect("interim results are on");
            assert_eq!(interim.await.map(|heard| heard.text).as_deref(), words);
        }
        let heard = recogniser.finish(1, speech(2_000), expecting("ten"), PATIENCE).await.expect("words");
        assert_eq!((heard.text.as_str(), scripted.interims()), ("two hundred and ten", 3));
        assert_eq!(scripted.expected(), [expecting("ten").phrases]);
        assert_eq!(scripted.languages(), [Some("id".to_owned())]);
    }

    #[tokio::test]
    async fn one_interim_at_a_time_and_none_after_the_end() {
        let scripted = Scripted::new([Ok("yes please".into())]);
        let mut recogniser = CallRecogniser::new(named("a", scripted.clone()), None, SttOptions::default());
        let first = recogniser.interim(1, speech(1_000), Expected::default()).expect("the first one");
        assert!(
            recogniser.interim(1, speech(1_200), Expected::default()).is_none(),
            "the first is under way"
        );
        let last = recogniser.finish(1, speech(1_400), Expected::default(), PATIENCE);
        assert_eq!(last.await.expect("words").text, "yes please");
        drop(first);
        assert!(recogniser.interim(2, speech(600), Expected::default()).is_some());
    }

    #[tokio::test]
    async fn whoever_wants_no_interims_gets_none() {
        let scripted = Scripted::new([]);
        let off = Named { interim: Some(false), ..named("a", scripted.clone()) };
        let mut recogniser = CallRecogniser::new(off.clone(), None, SttOptions::default());
        assert!(recogniser.interim(1, speech(900), Expected::default()).is_none());
        let asked = SttOptions { interim: Some(true), ..SttOptions::default() };
        assert!(CallRecogniser::new(off, None, asked).interim(1, speech(900), Expected::default()).is_some());
        let unasked = SttOptions { interim: Some(false), ..SttOptions::default() };
        assert!(!CallRecogniser::new(named("a", scripted), None, unasked).gives_interims());
    }

    #[tokio::test(start_paused = true)]
    async fn another_recogniser_answers_for_one_that_fails_or_stalls() {
        let failing = Scripted::new([Err(SttError::Engine("it is away".into()))]).then_stalls();
        let second = Scripted::new([Ok("yes".into()), Ok("no".into())]);
        let mut recogniser =
            CallRecogniser::new(named("a", failing), Some(named("b", second)), SttOptions::default());
        let begun = Instant::now();
        let first = recogniser.finish(1, speech(900), Expected::default(), PATIENCE).await.expect("words");
        assert_eq!((first.text.as_str(), begun.elapsed()), ("yes", Duration::ZERO));
        let stalled = recogniser.finish(2, speech(900), Expected::default(), PATIENCE).await.expect("words");
        assert_eq!(stalled.text, "no");
        assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    }
}
