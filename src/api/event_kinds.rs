//! Every kind of event that a call's timeline can hold, and its fields. `docs/events.md` is made from this table, and
//! tests hold what is recorded against it.

/// One kind of event.
#[derive(Clone, Copy, Debug)]
pub struct EventKind {
    pub kind: &'static str,
    pub means: &'static str,
    /// Of `detail`, in any order; one with `?` may be absent.
    pub fields: &'static [&'static str],
}

const fn of(kind: &'static str, means: &'static str, fields: &'static [&'static str]) -> EventKind {
    EventKind { kind, means, fields }
}

/// Groups as the page shows them.
pub const GROUPS: [(&str, &[EventKind]); 6] = [
    ("The call begins", BEGINNING),
    ("Detection", DETECTION),
    ("The bot speaks", BOT),
    ("The callee speaks", CALLEE),
    ("The flow", FLOW),
    ("The call ends", ENDING),
];

const BEGINNING: &[EventKind] = &[
    of("dialled", "the call was asked for and begins", &["flow", "digest", "trunk", "sid?", "lateMs?"]),
    of(
        "planned",
        "the call was asked for, for later",
        &["flow", "digest", "trunk", "sid", "startMs", "expiresMs"],
    ),
    of("incoming", "somebody calls in", &["flow", "digest", "machineDetection"]),
    of("turned_away", "somebody calls in whom no route takes", &["reason", "why", "cause"]),
    of(
        "hearing",
        "how it is listened, when the request said so",
        &["recogniser", "language", "interim", "endSilenceMs", "label", "askedFor", "substitute"],
    ),
    of(
        "queued",
        "it waits for a line",
        &["trunk", "ahead?", "calls?", "perSecond?", "retryAfterMs?", "why?"],
    ),
    of("dequeued", "it has a line", &["waitedMs"]),
    of("dialling", "the carrier is asked to place it; written before the request", &["trunk"]),
    of("placed", "the carrier took it", &["sessionId"]),
    of("accepted", "we took a call that comes in", &["sessionId"]),
    of("refused", "the carrier did not take it", &["cause", "why"]),
    of(
        "dial_status",
        "what the carrier says while it dials: `Dialing`, `Ringing`, `Connected` …",
        &["status"],
    ),
    of("ring_timeout", "it has rung for as long as it may", &["afterMs"]),
    of("carrier_away", "the connection to the carrier broke: the call stands still", &["why", "silentMs"]),
    of("carrier_stalled", "nothing moves on the connection: the call stands still", &["why", "silentMs"]),
    of("carrier_back", "the carrier is back, and the call goes on", &["awayMs"]),
];

const DETECTION: &[EventKind] = &[
    of(
        "amd",
        "an event of detection, as the webhook tells it; `t_ms` is the old name of `tMs`",
        &[
            "seq",
            "event",
            "tMs",
            "t_ms",
            "reason?",
            "subtype?",
            "confidence?",
            "speechOnsetMs?",
            "speechEndMs?",
            "greeting?",
            "hint?",
            "language?",
            "tone?",
        ],
    ),
    of(
        "amd_finding",
        "evidence found after the decision",
        &["atMs", "kind", "because", "decision", "subtype?"],
    ),
    of(
        "tone",
        "a tone was heard; `start_ms` and `end_ms` are the old names",
        &["kind", "startMs", "endMs?", "start_ms", "end_ms?", "hz"],
    ),
    of("beep", "the flow takes a beep for the beginning of the recording", &[]),
    of("no_signal", "the beep, or the end of the greeting, did not come", &[]),
];

const BOT: &[EventKind] = &[
    of("prompt", "a prompt begins", &["play", "bargeIn"]),
    of("keys_dropped", "more keys wait to be sent than may: these are not", &["keys"]),
    of(
        "prompt_ended",
        "a prompt is over, and what of it was heard; `estimated` by a carrier that confirms nothing",
        &[
            "play",
            "heardMs",
            "completed",
            "startMs",
            "text",
            "words",
            "heardText",
            "heardWords",
            "estimated?",
        ],
    ),
    of("prompt_failed", "a prompt, or a part of it, could not be made", &["play", "error"]),
    of(
        "checkpoint",
        "the callee has heard everything before it, or the flow came past it",
        &["name", "estimated?"],
    ),
    of("talk_over", "the callee speaks while the bot does", &["paused"]),
    of("message_withdrawn", "a mailbox was not listening yet: the message is taken back", &["because"]),
    of("message_again", "the message is said again from its start", &[]),
    of("resumed", "it was no interruption: the prompt goes on", &[]),
    of("interruption", "the prompt was cut by speech or a key", &["by"]),
    of("interruption_deferred", "it will be cut at the end of its protected part", &["by"]),
];

const CALLEE: &[EventKind] = &[
    of("speech_started", "the callee begins to speak", &["mediaMs"]),
    of("speech_ended", "the callee has spoken and is silent", &["mediaMs", "startMs"]),
    of("transcript", "what they said", &["utterance", "text", "confidence", "startMs", "endMs", "late?"]),
    of("audio_unreadable", "audio of one side cannot be read; told once each way", &["ours", "why"]),
    of("recognition_late", "the words did not come in time", &["utterance"]),
    of("digit", "they pressed a key", &["key", "interrupts", "dropped?"]),
    of(
        "message",
        "they left a message; `ms` is the old name of `heardMs`",
        &["message", "heardMs", "ms", "kept"],
    ),
];

const FLOW: &[EventKind] = &[
    of("scene", "the flow enters a scene", &["scene"]),
    of("choice", "an answer was one of the choices", &["choice"]),
    of("answer", "a typed answer, or the answer of a web service", &["type?", "request?", "status?"]),
    of("answered_ahead", "the question was answered before it was put", &[]),
    of("confirmed", "the callee said whether the answer is right", &["right"]),
    of("no_input", "nothing was answered", &["retry", "of"]),
    of("no_match", "what was answered fits nothing", &["retry", "of"]),
    of("set", "a variable was set", &["variable", "value"]),
    of("handler", "words or a key that count in the whole call", &["by", "words?", "key?"]),
    of("do_not_call", "the callee wants no more calls", &["by", "words?", "key?"]),
    of("call", "another flow is called", &["flow"]),
    of("return", "a scene or flow that was called comes back", &["word"]),
    of("request", "a web service is asked", &["request", "method", "url"]),
    of("http_failed", "it did not answer as it should", &["url", "reason"]),
    of("not_in_answer", "its answer lacks a value", &["variable", "at"]),
    of("notify", "the flow told the webhook something", &["event", "data"]),
    of("notify_ignored", "there is no webhook to tell it to", &["event", "why"]),
    of("transfer", "the callee is to be connected with somebody", &["to", "possible"]),
    of("transferred", "they are", &[]),
    of("no_transfer", "they could not be", &["reason"]),
    of("nothing_said", "no message was left", &[]),
    of("errand_failed", "something outside the call failed", &["errand", "reason"]),
    of("error", "the flow cannot go on", &["reason"]),
];

const ENDING: &[EventKind] = &[
    of("hangup_requested", "somebody outside wants it ended", &["by"]),
    of("call_limit", "it lasted as long as it may", &["afterMs"]),
    of("hangup", "somebody hung up", &["by", "outcome?"]),
    of("carrier_lost", "the carrier is gone for good", &["why"]),
    of("ended", "it is over", &["outcome", "cause", "disposition?", "why?"]),
    of("cdr_estimated", "the carrier gave no record; ours is made from our own times", &["why"]),
    of("cdr_late", "the carrier's record came after all", &["sessionId", "disposition", "cause", "why"]),
    of("lines_lost", "lines of this timeline are lost: the database could not be written", &["lost", "why"]),
    of("recording_ready", "its recording can be had", &["durationMs"]),
    of("recording_incomplete", "a part of the recording is missing", &["lostMs", "why"]),
    of("recording_failed", "there is no recording", &["why"]),
    of("recording_deleted", "its recording was deleted", &["messages"]),
    of("words_deleted", "everything said in it was deleted", &[]),
    of(
        "recovered",
        "the server had stopped while it was under way: it ends when it was last seen",
        &["why", "knownToMs", "unknownMs"],
    ),
    of(
        "may_be_ringing",
        "the server stopped before it heard the carrier's answer to the dial request",
        &["why"],
    ),
];

/// The kind of this name.
#[must_use]
pub fn find(kind: &str) -> Option<EventKind> {
    GROUPS.iter().flat_map(|(_, kinds)| *kinds).find(|one| one.kind == kind).copied()
}

/// The table as the page has it.
#[must_use]
pub fn page() -> String {
    let mut page = String::new();
    for (group, kinds) in GROUPS {
        page.push_str(&format!("\n## {group}\n\n| `kind` | means | `detail` |\n|---|---|---|\n"));
        for EventKind { kind, means, fields } in kinds {
            let fields: Vec<String> = fields
                .iter()
                .map(|field| match field.strip_suffix('?') {
                    Some(field) => format!("`{field}`?"),
                    None => format!("`{field}`"),
                })
                .collect();
            page.push_str(&format!("| `{kind}` | {means} | {} |\n", fields.join(", ")));
        }
    }
    page
}
