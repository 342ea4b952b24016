//! The queue of a recogniser that runs on its own threads, and its order: a finished utterance comes before one that is still
//! growing; when the queue is full, the oldest of the latter makes room.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};
use tokio::sync::oneshot;

use super::request::{Request, Urgency};
use super::transcript::{SttError, Transcript};

type Outcome = Result<Transcript, SttError>;

/// One utterance on its way through the pool.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) request: Request,
    entered: Instant,
    /// Until when it is in time, and until when it is waited for.
    in_time: Instant,
    due: Instant,
    reply: oneshot::Sender<Outcome>,
    /// Set while it runs, when something more urgent waits for its thread.
    give_way: Arc<AtomicBool>,
}

impl Job {
    fn new(request: Request) -> (Self, oneshot::Receiver<Outcome>) {
        let (reply, answer) = oneshot::channel();
        let entered = Instant::now();
        let due = entered + request.patience;
        let in_time = request.in_time.map_or(due, |in_time| due.min(entered + in_time));
        (Self { request, entered, in_time, due, reply, give_way: Arc::default() }, answer)
    }

    /// Nobody waits for it any more, or somebody more urgent waits for its thread. Asked from the recogniser's own
    /// threads while they run.
    pub(super) fn is_over(&self) -> bool {
        self.give_way.load(Ordering::Relaxed) || self.is_abandoned()
    }

    /// Why it is over.
    pub(super) fn why(&self) -> SttError {
        if self.give_way.load(Ordering::Relaxed) { SttError::Displaced } else { self.request.late() }
    }

    fn is_abandoned(&self) -> bool {
        self.reply.is_closed() || self.due <= Instant::now()
    }

    fn answer(self, outcome: Outcome) {
        // The caller may have given up in the meantime.
        drop(self.reply.send(outcome));
    }
}

/// The jobs that wait, and the less urgent ones that run.
#[derive(Debug, Default)]
struct State {
    finals: VecDeque<Job>,
    interims: VecDeque<Job>,
    /// Flags of the interim jobs that run, oldest first.
    running: Vec<Arc<AtomicBool>>,
    idle: usize,
    closed: bool,
    /// What the latest finished utterances took, on average.
    usual: Duration,
}

impl State {
    /// Takes the job in, if need be at the cost of another, which is handed back with the reason.
    fn enter(&mut self, job: Job, room: usize) -> Option<(Job, SttError)> {
        if self.finals.len() + self.interims.len() >= room {
            // Before anybody is turned away, those go that nobody waits for.
            self.finals.retain(|waiting| !waiting.is_abandoned());
            self.interims.retain(|waiting| !waiting.is_abandoned());
        }
        let waiting = self.finals.len() + self.interims.len();
        let displaced = if waiting < room {
            None
        } else if let Some(oldest) = self.interims.pop_front() {
            Some((oldest, SttError::Displaced))
        } else {
            return Some((job, SttError::Overloaded { waiting }));
        };
        match job.request.urgency {
            Urgency::Interim => self.interims.push_back(job),
            Urgency::Final => {
                self.finals.push_back(job);
                if self.idle < self.finals.len() {
                    self.make_way();
                }
            }
        }
        displaced
    }

    /// Asks the interim job that has run longest for its thread.
    fn make_way(&mut self) {
        if let Some(running) = self.running.iter().find(|running| !running.load(Ordering::Relaxed)) {
            running.store(true, Ordering::Relaxed);
        }
    }

    fn next(&mut self, now: Instant) -> Option<Job> {
        let job = self.next_final(now).or_else(|| self.interims.pop_front())?;
        if job.request.urgency == Urgency::Interim {
            self.running.push(Arc::clone(&job.give_way));
        }
        Some(job)
    }

    /// The first that can still be in time. Work at one that will be too late would make the next one late, too.
    fn next_final(&mut self, now: Instant) -> Option<Job> {
        let in_time = |job: &Job| job.in_time.saturating_duration_since(now) >= self.usual;
        let at = self.finals.iter().position(in_time).unwrap_or(0);
        self.finals.remove(at)
    }

    /// A finished utterance took so long.
    fn took(&mut self, time: Duration) {
        self.usual = if self.usual.is_zero() { time } else { self.usual * 7 / 8 + time / 8 };
    }

    fn report(&self) {
        metrics::gauge!("dering_stt_waiting", "kind" => "final").set(self.finals.len() as f64);
        metrics::gauge!("dering_stt_waiting", "kind" => "interim").set(self.interims.len() as f64);
    }
}

/// What the threads share. It outlives the pool until the last of them has seen that it is closed.
#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Blocks until there is work; `None` when there will be none any more.
    fn take(&self) -> Option<Job> {
        let mut state = self.state();
        state.idle += 1;
        let job = loop {
            if state.closed {
                break None;
            }
            if let Some(job) = state.next(Instant::now()) {
                break Some(job);
            }
            self.changed.wait(&mut state);
        };
        state.idle -= 1;
        state.report();
        job
    }
}

/// Threads that recognise. They end when the pool is dropped.
#[derive(Debug)]
pub(super) struct Pool {
    shared: Arc<Shared>,
    room: usize,
}

impl Pool {
    /// A thread for each of `makers`, which makes its worker there. At most `room` jobs wait.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub(super) fn start<M, W>(makers: Vec<M>, room: usize) -> std::io::Result<Self>
    where
        M: FnOnce() -> W + Send + 'static,
        W: FnMut(&Job) -> Outcome,
    {
        let pool = Self { shared: Arc::default(), room: room.max(1) };
        for (number, make) in makers.into_iter().enumerate() {
            let shared = Arc::clone(&pool.shared);
            std::thread::Builder::new()
                .name(format!("recogniser-{number}"))
                .spawn(move || work(&shared, make()))?;
        }
        Ok(pool)
    }

    /// Recognises one utterance; dropping the future gives it up.
    pub(super) async fn recognise(&self, request: Request) -> Outcome {
        let (patience, late) = (request.patience, request.late());
        let answer = self.enter(request);
        match tokio::time::timeout(patience, answer).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(SttError::Engine("its thread has ended".into())),
            // Dropping the answer tells the worker to give up.
            Err(_) => Err(late),
        }
    }

    fn enter(&self, request: Request) -> oneshot::Receiver<Outcome> {
        let (job, answer) = Job::new(request);
        let mut state = self.shared.state();
        let displaced = state.enter(job, self.room);
        state.report();
        drop(state);
        self.shared.changed.notify_one();
        if let Some((job, why)) = displaced {
            job.answer(Err(why));
        }
        answer
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.closed = true;
        state.finals.clear();
        state.interims.clear();
        drop(state);
        self.shared.changed.notify_all();
    }
}

fn work(shared: &Shared, mut recognise: impl FnMut(&Job) -> Outcome) {
    while let Some(job) = shared.take() {
        let waited = job.entered.elapsed().as_secs_f64();
        metrics::histogram!("dering_stt_wait_seconds", "kind" => job.request.urgency.label()).record(waited);
        let began = Instant::now();
        let outcome = if job.is_over() { Err(job.why()) } else { unharmed(|| recognise(&job)) };
        match job.request.urgency {
            Urgency::Interim => {
                shared.state().running.retain(|running| !Arc::ptr_eq(running, &job.give_way));
            }
            Urgency::Final if outcome.is_ok() => shared.state().took(began.elapsed()),
            Urgency::Final => {}
        }
        job.answer(outcome);
    }
}

/// A thread that dies would be missed by every call after this one.
fn unharmed(recognise: impl FnOnce() -> Outcome) -> Outcome {
    std::panic::catch_unwind(AssertUnwindSafe(recognise)).unwrap_or_else(|_| {
        tracing::error!("the recogniser crashed; the utterance is lost, its thread goes on");
        Err(SttError::Engine("it crashed".into()))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use tokio::sync::oneshot::error::TryRecvError;

    use super::*;

    /// A recogniser that takes as long as the test wants: it names the job that it works at by its length in ms, and
    /// waits to be let go on, or until the job is over.
    struct Slow {
        pool: Pool,
        begun: mpsc::Receiver<usize>,
        go: mpsc::Sender<()>,
    }

    fn slow(room: usize) -> Slow {
        let (begins, begun) = mpsc::channel();
        let (go, may_go) = mpsc::channel::<()>();
        let maker = move || {
            move |job: &Job| {
                begins.send(job.request.audio.len()).expect("the test listens");
                while may_go.try_recv().is_err() {
                    if job.is_over() {
                        return Err(job.why());
                    }
                    std::thread::yield_now();
                }
                Ok(Transcript { text: job.request.audio.len().to_string(), ..Transcript::nothing_said() })
            }
        };
        Slow { pool: Pool::start(vec![maker], room).expect("a thread"), begun, go }
    }

    impl Slow {
        fn ask(&self, name: usize, urgency: Urgency) -> oneshot::Receiver<Outcome> {
            self.ask_for(name, urgency, Duration::from_secs(600))
        }

        fn ask_for(&self, name: usize, urgency: Urgency, patience: Duration) -> oneshot::Receiver<Outcome> {
            self.pool.enter(Request { urgency, ..Request::new(vec![0; name], patience) })
        }

        /// Lets the job that is worked at end, and waits for the next one to begin.
        fn next(&self) -> usize {
            self.go.send(()).expect("a worker");
            self.begun.recv().expect("a worker")
        }
    }

    fn text(mut answer: oneshot::Receiver<Outcome>) -> Option<Outcome> {
        match answer.try_recv() {
            Ok(outcome) => Some(outcome),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Closed) => Some(Err(SttError::Engine("gone".into()))),
        }
    }

    #[test]
    fn finished_utterances_go_before_those_that_still_grow() {
        let slow = slow(8);
        let _first = slow.ask(1, Urgency::Final);
        assert_eq!(slow.begun.recv(), Ok(1));
        let _answers = [
            slow.ask(2, Urgency::Interim),
            slow.ask(3, Urgency::Final),
            slow.ask(4, Urgency::Interim),
            slow.ask(5, Urgency::Final),
        ];
        assert_eq!([slow.next(), slow.next(), slow.next(), slow.next()], [3, 5, 2, 4]);
    }

    #[test]
    fn a_full_queue_drops_the_oldest_interim_and_refuses_finals_last() {
        let slow = slow(3);
        let _first = slow.ask(1, Urgency::Final);
        assert_eq!(slow.begun.recv(), Ok(1));
        let (old, young) = (slow.ask(2, Urgency::Interim), slow.ask(3, Urgency::Interim));
        let _waiting = slow.ask(4, Urgency::Final);
        let _another = slow.ask(5, Urgency::Final);
        assert_eq!(text(old), Some(Err(SttError::Displaced)));
        let newest = slow.ask(6, Urgency::Interim);
        assert_eq!(text(young), Some(Err(SttError::Displaced)), "a newer window is worth more");
        let _third = slow.ask(7, Urgency::Final);
        assert_eq!(text(newest), Some(Err(SttError::Displaced)));
        for urgency in [Urgency::Interim, Urgency::Final] {
            assert_eq!(text(slow.ask(8, urgency)), Some(Err(SttError::Overloaded { waiting: 3 })));
        }
        assert_eq!([slow.next(), slow.next(), slow.next()], [4, 5, 7]);
    }

    #[test]
    fn with_too_much_to_do_those_that_can_be_in_time_go_first() {
        let mut state = State::default();
        state.took(Duration::from_secs(2));
        for (name, patience) in [(1, 1), (2, 1), (3, 3), (4, 3)] {
            let request = Request::new(vec![0; name], Duration::from_secs(patience));
            assert!(state.enter(Job::new(request).0, 8).is_none());
        }
        let now = Instant::now();
        let order: Vec<usize> =
            std::iter::from_fn(|| state.next(now)).map(|job| job.request.audio.len()).collect();
        assert_eq!(order, [3, 4, 1, 2], "the late ones are tried when there is nothing else");
    }

    #[test]
    fn an_interim_under_way_gives_its_thread_to_a_final() {
        let slow = slow(8);
        let interim = slow.ask(1, Urgency::Interim);
        assert_eq!(slow.begun.recv(), Ok(1));
        let _final = slow.ask(2, Urgency::Final);
        // Nobody lets the first one go on.
        assert_eq!(slow.begun.recv(), Ok(2));
        assert_eq!(interim.blocking_recv(), Ok(Err(SttError::Displaced)));
    }

    #[test]
    fn what_nobody_waits_for_makes_room_and_costs_no_work() {
        let slow = slow(2);
        let _first = slow.ask(1, Urgency::Final);
        assert_eq!(slow.begun.recv(), Ok(1));
        drop(slow.ask(2, Urgency::Final));
        let late = slow.ask_for(3, Urgency::Final, Duration::ZERO);
        let _patient = slow.ask(4, Urgency::Final);
        assert_eq!(slow.next(), 4);
        assert!(matches!(text(late), Some(Err(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn the_call_goes_on_at_its_deadline_though_the_engine_hangs() {
        let slow = slow(2);
        let patience = Duration::from_millis(3_500);
        let begun = tokio::time::Instant::now();
        let outcome = slow.pool.recognise(Request::new(vec![0; 1], patience)).await;
        assert_eq!((outcome, begun.elapsed()), (Err(SttError::TooLate(3_500)), patience));
    }

    #[tokio::test]
    async fn a_crash_fails_its_utterance_and_no_other() {
        let maker = || {
            |job: &Job| {
                assert!(job.request.audio.len() < 2, "the engine crashed");
                Ok(Transcript::nothing_said())
            }
        };
        let pool = Pool::start(vec![maker], 4).expect("a thread");
        let ask = |samples| pool.recognise(Request::new(vec![0; samples], Duration::from_secs(600)));
        assert_eq!(ask(2).await, Err(SttError::Engine("it crashed".into())));
        assert_eq!(ask(1).await, Ok(Transcript::nothing_said()));
    }
}
