//! Outgoing audio, sent at the pace at which it is played, so that little is in flight when it must stop, and tracked by the
//! clock, because this wire reports nothing. A check point counts once the peer has been heard from after its time, and has
//! answered a ping that was sent after its audio: a peer that has vanished, or receives nothing, plays nothing. Pure.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

/// At most this much audio is sent ahead of what is playing: a carrier that ignores `interrupt` goes on for
/// no longer.
pub const LEAD: Duration = Duration::from_millis(200);
/// A packet is not cut shorter than this to fit the lead.
const SHORTEST: Duration = Duration::from_millis(40);
/// Audio that may wait here, in bytes (10 s). A session sends no faster than it is played.
const MAX_WAITING: usize = 160_000;
/// Check points that may wait for their audio to be played.
const MAX_MARKS: usize = 1_000;
/// 20 ms.
const FRAME_BYTES: usize = 320;
/// 8 kHz samples of two bytes.
const BYTE: Duration = Duration::from_nanos(62_500);

#[derive(Debug)]
enum Item {
    Audio(Bytes),
    Mark(String),
}

/// The outgoing audio of one call.
#[derive(Debug)]
pub struct Pace {
    waiting: VecDeque<Item>,
    waiting_bytes: usize,
    /// When everything sent so far will have been played.
    busy_until: Instant,
    /// Check points behind what was sent, with the time at which it will have been played.
    due: VecDeque<Sent>,
    /// When audio last left.
    sent_at: Instant,
}

/// A check point whose audio has left.
#[derive(Debug)]
struct Sent {
    /// When the audio before it will have been played.
    at: Instant,
    /// When the last of that audio left.
    sent_at: Instant,
    name: String,
}

/// What is known of the peer.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// When it was last heard of.
    pub heard_at: Instant,
    /// What was sent up to then has come to it; `None` for one that answers no pings, whose word must do.
    pub received: Option<Instant>,
}

impl Peer {
    fn has_got(&self, sent_at: Instant) -> bool {
        self.received.is_none_or(|received| received >= sent_at)
    }
}

/// What is due.
#[derive(Debug, PartialEq, Eq)]
pub enum Due {
    Audio(Bytes),
    Mark(String),
}

/// There is no room.
#[derive(Debug, PartialEq, Eq)]
pub struct Full;

impl Pace {
    pub fn new(now: Instant) -> Self {
        Self {
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            busy_until: now,
            due: VecDeque::new(),
            sent_at: now,
        }
    }

    /// Queues pcm16 behind what waits.
    ///
    /// # Errors
    /// When it does not fit; then nothing of it is queued.
    pub fn push(&mut self, audio: Bytes) -> Result<(), Full> {
        if self.waiting_bytes + audio.len() > MAX_WAITING {
            return Err(Full);
        }
        if !audio.is_empty() {
            self.waiting_bytes += audio.len();
            self.waiting.push_back(Item::Audio(audio));
        }
        Ok(())
    }

    /// Marks the end of what has been pushed.
    ///
    /// # Errors
    /// When too many marks wait already.
    pub fn mark(&mut self, name: String) -> Result<(), Full> {
        if self.waiting.len() + self.due.len() >= MAX_MARKS {
            return Err(Full);
        }
        self.waiting.push_back(Item::Mark(name));
        Ok(())
    }

    /// Forgets everything that has not been played by `now`.
    pub fn cut(&mut self, now: Instant) {
        self.waiting.clear();
        self.waiting_bytes = 0;
        self.due.retain(|mark| mark.at <= now);
        self.busy_until = self.busy_until.min(now);
    }

    /// The next thing that is due at `now`.
    pub fn poll(&mut self, now: Instant, peer: Peer) -> Option<Due> {
        let is_played = |mark: &Sent| mark.at <= now.min(peer.heard_at) && peer.has_got(mark.sent_at);
        if let Some(mark) = self.due.pop_front_if(|mark| is_played(mark)) {
            return Some(Due::Mark(mark.name));
        }
        loop {
            match self.waiting.pop_front()? {
                Item::Mark(name) => {
                    let mark = Sent { at: self.busy_until, sent_at: self.sent_at, name };
                    if self.due.is_empty() && is_played(&mark) {
                        return Some(Due::Mark(mark.name));
                    }
                    self.due.push_back(mark);
                }
                Item::Audio(mut audio) => {
                    let fits = fitting(LEAD.saturating_sub(self.busy_until.duration_since(now)));
                    let needed = audio.len().min(fitting(SHORTEST));
                    if fits < needed {
                        self.waiting.push_front(Item::Audio(audio));
                        return None;
                    }
                    // A cut goes between frames: carriers play 20 ms at a time.
                    let cut = fits - fits % FRAME_BYTES;
                    let packet = audio.split_to(if fits < audio.len() { cut } else { audio.len() });
                    if !audio.is_empty() {
                        self.waiting.push_front(Item::Audio(audio));
                    }
                    self.waiting_bytes -= packet.len();
                    self.sent_at = now;
                    self.busy_until = self.busy_until.max(now) + length(packet.len());
                    return Some(Due::Audio(packet));
                }
            }
        }
    }

    /// The time of the latest check point that is due at `now`, but not known to be played.
    pub fn doubtful(&self, now: Instant) -> Option<Instant> {
        self.due.iter().map(|mark| mark.at).take_while(|at| *at <= now).last()
    }

    /// When the audio before the latest check point left that has not counted yet.
    pub fn unproven(&self) -> Option<Instant> {
        self.due.back().map(|mark| mark.sent_at)
    }

    /// When [`Self::poll`] has something next, given that it has nothing now, and that the peer has been asked at `asked`
    /// whether it is there.
    pub fn poll_timeout(&self, asked: Instant) -> Option<Instant> {
        let mark = self.due.iter().map(|mark| mark.at).find(|at| *at > asked);
        let audio = self.waiting.iter().find_map(|item| match item {
            Item::Audio(audio) => {
                let needed = length(audio.len()).min(SHORTEST);
                Some(self.busy_until.checked_sub(LEAD - needed).unwrap_or(self.busy_until))
            }
            Item::Mark(_) => None,
        });
        match (mark, audio) {
            (Some(mark), Some(audio)) => Some(mark.min(audio)),
            (mark, audio) => mark.or(audio),
        }
    }
}

/// How long so many bytes sound.
fn length(bytes: usize) -> Duration {
    BYTE * u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// How many bytes sound for so long.
fn fitting(time: Duration) -> usize {
    usize::try_from(time.as_nanos() / BYTE.as_nanos()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn audio(ms: usize) -> Bytes {
        Bytes::from(vec![7; ms * 16])
    }

    fn there(at: Instant) -> Peer {
        Peer { heard_at: at, received: None }
    }

    fn drain(pace: &mut Pace, now: Instant) -> Vec<Due> {
        std::iter::from_fn(|| pace.poll(now, there(now))).collect()
    }

    #[test]
    fn a_long_prompt_leaves_a_fifth_of_a_second_ahead_and_no_more() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        pace.push(audio(1_000)).expect("room");
        pace.mark("end".into()).expect("room");
        assert_eq!(drain(&mut pace, start), [Due::Audio(audio(200))]);
        let next = pace.poll_timeout(start).expect("more waits");
        assert_eq!(next.duration_since(start), Duration::from_millis(40));
        assert_eq!(drain(&mut pace, start + Duration::from_millis(100)), [Due::Audio(audio(100))]);
    }

    #[test]
    fn a_check_point_comes_when_the_audio_before_it_has_been_played() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        pace.push(audio(100)).expect("room");
        pace.mark("heard".into()).expect("room");
        assert_eq!(drain(&mut pace, start), [Due::Audio(audio(100))]);
        assert_eq!(pace.poll_timeout(start), Some(start + Duration::from_millis(100)));
        assert_eq!(drain(&mut pace, start + Duration::from_millis(99)), []);
        assert_eq!(drain(&mut pace, start + Duration::from_millis(100)), [Due::Mark("heard".into())]);
    }

    #[test]
    fn a_check_point_waits_until_the_peer_is_known_to_be_there() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut pace = Pace::new(start);
        pace.push(audio(100)).expect("room");
        pace.mark("heard".into()).expect("room");
        pace.poll(start, there(start));
        assert_eq!(pace.poll(at(5_000), there(at(99))), None, "the peer vanished before");
        assert_eq!((pace.doubtful(at(5_000)), pace.poll_timeout(at(5_000))), (Some(at(100)), None));
        assert_eq!(pace.poll(at(5_020), there(at(5_010))), Some(Due::Mark("heard".into())));
    }

    #[test]
    fn a_check_point_waits_until_the_peer_is_known_to_have_got_its_audio() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let heard_and_got = |heard, got| Peer { heard_at: at(heard), received: Some(at(got)) };
        let mut pace = Pace::new(start);
        pace.push(audio(300)).expect("room");
        pace.mark("heard".into()).expect("room");
        assert_eq!(pace.poll(start, heard_and_got(0, 0)), Some(Due::Audio(audio(200))));
        assert_eq!(
            (pace.poll(at(100), heard_and_got(100, 0)), pace.unproven()),
            (Some(Due::Audio(audio(100))), None)
        );
        assert_eq!((pace.poll(at(100), heard_and_got(100, 0)), pace.unproven()), (None, Some(at(100))));
        assert_eq!(pace.poll(at(5_000), heard_and_got(5_000, 99)), None, "it speaks, but it got nothing");
        assert_eq!(pace.poll(at(5_000), heard_and_got(5_000, 100)), Some(Due::Mark("heard".into())));
    }

    #[test]
    fn an_interruption_drops_what_was_not_played_with_its_check_points() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        for name in ["first", "second", "third"] {
            pace.push(audio(150)).expect("room");
            pace.mark(name.into()).expect("room");
        }
        drain(&mut pace, start);
        let now = start + Duration::from_millis(160);
        pace.cut(now);
        assert_eq!(drain(&mut pace, now), [Due::Mark("first".into())]);
        assert_eq!(pace.poll_timeout(now), None);
        pace.push(audio(20)).expect("room");
        assert_eq!(drain(&mut pace, now), [Due::Audio(audio(20))], "the next prompt is not held up");
    }

    #[test]
    fn what_a_session_should_never_send_is_refused() {
        let mut pace = Pace::new(Instant::now());
        pace.push(audio(10_000)).expect("room");
        assert_eq!(pace.push(audio(1)), Err(Full));
        for n in 0..MAX_MARKS - 1 {
            pace.mark(n.to_string()).expect("room");
        }
        assert_eq!(pace.mark("more".into()), Err(Full));
    }

    proptest! {
        #[test]
        fn all_audio_leaves_once_in_order_never_far_ahead_and_marks_follow_their_audio(
            pushes in prop::collection::vec((1_usize..800, 0_u64..300), 1..40),
        ) {
            let start = Instant::now();
            let (mut pace, mut now) = (Pace::new(start), start);
            let (mut pushed, mut sent) = (Vec::new(), Vec::new());
            // How many bytes had been pushed before each mark, and when each byte sent will have sounded.
            let (mut marks, mut reached, mut sounded) = (Vec::new(), Vec::new(), start);
            let mut ends: Vec<(usize, Instant)> = Vec::new();
            let mut take = |pace: &mut Pace, now: Instant| {
                while let Some(due) = pace.poll(now, there(now)) {
                    match due {
                        Due::Audio(bytes) => {
                            sounded = sounded.max(now) + super::length(bytes.len());
                            assert!(sounded - now <= LEAD, "too far ahead");
                            sent.extend_from_slice(&bytes);
                            ends.push((sent.len(), sounded));
                        }
                        Due::Mark(name) => reached.push((name, now)),
                    }
                }
                (sent.clone(), reached.clone(), ends.clone())
            };
            for (n, (length, wait)) in pushes.iter().enumerate() {
                let bytes: Vec<u8> = (0..*length).map(|byte| (byte + n) as u8).collect();
                pushed.extend_from_slice(&bytes);
                pace.push(bytes.into()).expect("room");
                pace.mark(n.to_string()).expect("room");
                marks.push(pushed.len());
                take(&mut pace, now);
                let until = now + Duration::from_millis(*wait);
                while let Some(due) = pace.poll_timeout(now).filter(|due| *due <= until) {
                    now = now.max(due);
                    take(&mut pace, now);
                }
                now = until;
                take(&mut pace, now);
            }
            while let Some(due) = pace.poll_timeout(now) {
                now = now.max(due);
                take(&mut pace, now);
            }
            let (sent, reached, ends) = take(&mut pace, now);
            prop_assert_eq!(sent, pushed);
            prop_assert_eq!(reached.len(), marks.len());
            for (n, (name, at)) in reached.iter().enumerate() {
                prop_assert_eq!(name, &n.to_string());
                let sounded = ends.iter().find(|(total, _)| *total >= marks[n]).map(|(_, at)| *at);
                prop_assert!(sounded.is_some_and(|sounded| *at >= sounded), "{n} came too early");
            }
        }
    }
}
