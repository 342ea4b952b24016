//! What the flow wants goes to the callee, and what came of it back to the flow.

use std::sync::Arc;

use super::super::ending::Ended;
use super::super::fact::{Fact, HeardPrompt, LeftMessage};
use super::super::input::{Effect, RecordingMute};
use super::super::notice::NotificationState;
use super::Conversation;
use super::early_start::unheard;
use super::keys::Key;
use super::message::Message;
use super::sight::Sight;
use super::speaking::{PlaybackReport, PromptEnded, Speech};
use crate::clock::CallTime;
use crate::flow::{self, Command, ExternalStepEnd, ExternalStepOrder, Note, Part, PlaybackEnd};
use crate::ids::{ExternalStepId, PlayId};
use crate::playback::Out;

impl Conversation {
    pub(super) fn obey_flow(&mut self, now: CallTime) -> bool {
        let mut moved = false;
        while self.hung_up().is_none()
            && let Some(command) = self.flow.poll_command()
        {
            moved = true;
            match &mut self.early {
                Some(early) if !early.allows(&command) => early.hold(command, now),
                Some(_) | None => self.obey(command, now),
            }
        }
        moved
    }

    pub(super) fn obey(&mut self, command: Command, now: CallTime) {
        match command {
            Command::Play { id, parts, barge_in, confirm, keys_after_ms } => {
                let confirm = if self.words_confirm { confirm } else { confirm.without_words() };
                let speech = Speech { id, parts, barge_in, confirm, keys_after_ms };
                let wanted = self.speaking.speak(speech, now);
                self.record(Fact::Prompt { play: id, barge_in });
                for (part, what) in wanted {
                    self.make(id, part, what);
                }
            }
            Command::Stop { id } => self.speaking.stop(id, now),
            Command::Withdraw { id } => self.speaking.withdraw(id, now),
            Command::SendDigits(digits) => {
                let dropped = self.keys.press(&digits);
                if dropped > 0 {
                    self.record(Fact::KeysDropped { keys: dropped });
                }
                // The first one goes out before the flow goes on, and perhaps hangs up.
                self.press_keys(now);
            }
            Command::Show(picture) => self.show(picture),
            Command::Hangup { outcome } => {
                self.account.outcome = outcome.or(self.account.outcome.take());
                self.hang_up(Ended::ByBot);
            }
            Command::Listen(how) => {
                let mute = self.redaction.set_question(how.redacted, now + self.words_wait_ms);
                self.listening.set_listening(how);
                self.mute_recording(mute);
            }
            Command::External { id, order } => self.begin_external(id, order, now),
            Command::EndRecording { id } => {
                if self.message.is_some_and(|message| message.id == id) {
                    self.end_message(now);
                }
            }
            Command::Note(note) => {
                self.account.do_not_call |= matches!(note, Note::DoNotCall(_));
                self.record(Fact::Flow(self.redaction.note(note, now)));
            }
        }
    }

    /// Shows a picture where the callee can see it; where not, the timeline says so once.
    fn show(&mut self, picture: Option<String>) {
        let fact = match (&picture, self.sight) {
            (Some(name), Sight::Sees) => Fact::PictureShown { name: name.clone() },
            (None, Sight::Sees) => Fact::PictureCleared {},
            (Some(name), Sight::Blind) => {
                self.sight = Sight::BlindAndTold;
                return self.record(Fact::PictureNotShown { name: name.clone() });
            }
            (None, Sight::Blind) | (_, Sight::BlindAndTold) => return,
        };
        self.record(fact);
        self.push(Effect::Show(picture));
    }

    /// Has audio made of a part; what says digits that are to be hidden is not kept.
    pub(super) fn make(&mut self, play: PlayId, part: u16, what: Part) {
        let keep = self.redaction.is_public(&what);
        self.push(Effect::Render { play, part, what, keep });
    }

    /// Sends the key that is due. While the carrier is away keys wait: they would all arrive at once.
    pub(super) fn press_keys(&mut self, now: CallTime) -> bool {
        if self.is_held || self.hung_up().is_some() {
            return false;
        }
        let Some(Key { digit, duration_ms }) = self.keys.poll(now) else { return false };
        self.push(Effect::SendDigit { digit, duration_ms });
        true
    }

    /// Sends what is to be played, and reports what was.
    pub(super) fn report_prompts(&mut self, now: CallTime) -> bool {
        let mut moved = false;
        while self.hung_up().is_none() {
            if let Some(out) = self.speaking.poll_out() {
                let effect = match out {
                    Out::Audio(chunk) => {
                        self.listening.sent(&chunk);
                        Effect::SendAudio(chunk)
                    }
                    Out::Mark(name) => Effect::SendCheckPoint(name),
                    Out::Flush => {
                        self.listening.silenced(now);
                        Effect::SendInterruption
                    }
                };
                self.push(effect);
            } else if let Some(report) = self.speaking.poll() {
                self.playback_report(report, now);
            } else {
                break;
            }
            moved = true;
        }
        moved
    }

    pub(super) fn playback_report(&mut self, report: PlaybackReport, now: CallTime) {
        match report {
            PlaybackReport::Reached { play, name, estimated } => {
                if self.is_taken_back(play) {
                    return;
                }
                match &mut self.early {
                    Some(early) => early.reached(name.clone(), estimated),
                    None => self.reached(name.clone(), estimated),
                }
                self.flow.handle(flow::Input::Checkpoint(name), now);
            }
            PlaybackReport::Ended(ended) => self.prompt_ended(ended, now),
        }
    }

    /// The callee has heard everything before this check point.
    pub(super) fn reached(&mut self, name: String, estimated: bool) {
        self.record(Fact::Flow(Note::Checkpoint { name: name.clone(), estimated }));
        self.account.last_checkpoint = Some(name);
    }

    fn prompt_ended(&mut self, ended: PromptEnded, now: CallTime) {
        let prompt = HeardPrompt {
            play: ended.id,
            heard_ms: ended.heard_ms,
            completed: ended.completed,
            start_ms: ended.began_at.map(|at| at.ms_since(self.answered_at())),
            text: self.redaction.our_words(&ended.text),
            words: Some(ended.words),
            heard_text: self.redaction.our_words(&ended.heard_text),
            heard_words: ended.heard_words,
            estimated: ended.estimated,
        };
        if self.is_taken_back(ended.id) {
            return self.record(Fact::PromptEnded(unheard(prompt)));
        }
        match &mut self.early {
            Some(early) => early.heard(prompt),
            None => self.heard(prompt),
        }
        let end = PlaybackEnd {
            id: ended.id,
            heard_ms: ended.heard_ms,
            heard_text: ended.heard_text,
            heard_words: ended.heard_words,
            completed: ended.completed,
            error: ended.error,
        };
        self.flow.handle(flow::Input::PlaybackEnded(end), now);
    }

    /// A prompt is over, and what was heard of it counts.
    pub(super) fn heard(&mut self, prompt: HeardPrompt) {
        self.is_estimated |= prompt.estimated;
        self.record(Fact::PromptEnded(prompt));
    }

    /// Does something outside the conversation.
    fn begin_external(&mut self, id: ExternalStepId, order: ExternalStepOrder, now: CallTime) {
        match order {
            ExternalStepOrder::Record { max_ms, end_silence_ms } => {
                self.message = Some(Message::new(id, max_ms, end_silence_ms));
                self.push(Effect::KeepMessage { id });
            }
            ExternalStepOrder::Request(request) => {
                let (method, url) = (request.method, request.shown_url.clone());
                self.record(Fact::Flow(Note::Request { request: id, method, url }));
                self.push(Effect::Request { id, request: Box::new(request) });
            }
            ExternalStepOrder::Notify { event, data } => {
                let kept = self.redaction.data(&data);
                self.record(Fact::Flow(Note::Notify { event: event.clone(), data: kept }));
                self.notify(NotificationState::Event { event, data }, now);
            }
            ExternalStepOrder::Transfer { to, timeout_ms } => {
                let possible = self.can_transfer;
                self.record(Fact::Flow(Note::Transfer { to: to.clone(), possible }));
                if possible {
                    self.push(Effect::SendTransfer { id, to, timeout_ms });
                } else {
                    self.flow.handle(
                        flow::Input::ExternalStepEnded { id, end: ExternalStepEnd::Unsupported },
                        now,
                    );
                }
            }
        }
    }

    /// The frame that was just heard belongs to the message, if one is being left.
    pub(super) fn message_frame(&mut self, now: CallTime) {
        if let Some(message) = &mut self.message
            && message.push(self.listening.hears_speech())
        {
            self.end_message(now);
        }
    }

    /// Closes the message that is being left. The shell stores it and answers with its name.
    pub(super) fn end_message(&mut self, now: CallTime) {
        let Some(message) = self.message.take() else { return };
        let (id, keep) = (message.id, message.says_something());
        self.record(Fact::Message(LeftMessage { message: id, heard_ms: message.heard_ms, kept: keep }));
        self.push(Effect::EndMessage { id, keep });
        if !keep {
            self.flow.handle(flow::Input::ExternalStepEnded { id, end: ExternalStepEnd::NothingSaid }, now);
        }
    }

    /// The callee begins to answer.
    pub(super) fn answering(&mut self) {
        self.mute_recording(self.redaction.answering());
    }

    fn mute_recording(&mut self, mute: Option<RecordingMute>) {
        if let Some(mute) = mute {
            self.push(Effect::MuteRecording(mute));
        }
    }

    /// Asks a recogniser for the words of an utterance. While it goes on nothing is weighed: it may become another answer.
    pub(super) fn ask_for_words(&mut self, utterance: u32, interim: bool, audio: Arc<[i16]>) {
        let mut expected = self.listening.expected();
        if interim {
            expected.answers = Arc::default();
        }
        self.push(Effect::Recognise { utterance, interim, audio, expected });
    }
}
