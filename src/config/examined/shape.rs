//! What each setting looks like: the one list from which mistakes are found and the schema for editors is made.

/// What a setting may hold.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    Text,
    Switch,
    /// From, to.
    Whole(u64, u64),
    /// From, to.
    Number(f64, f64),
    Word(&'static [&'static str]),
    /// With one of these schemes.
    Url(&'static [&'static str]),
    /// Address and port to listen on.
    Socket,
    /// An address or a network.
    Network,
    Country,
    /// An IP address.
    Address,
    /// From, to: `20000-29999`.
    Ports,
    LogFilter,
    /// A file or folder that is made when it is absent.
    Path,
    /// A file that is there.
    File,
    /// A folder, or nothing yet.
    Folder,
    /// A variable of the environment that is set.
    Variable,
    /// Whatever it is.
    Any,
    List(&'static Self),
    /// Names that are free.
    Map(&'static Self),
    Table(&'static [Key]),
    /// A table whose `kind` says which settings it has; the first kind where it says nothing.
    Kinds(&'static [Kind]),
    /// A path, or a table.
    PathOr(&'static Self),
    /// Nothing, or this.
    Maybe(&'static Self),
}

/// A setting.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) is_required: bool,
}

/// A kind of what has several.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) keys: &'static [Key],
}

const fn key(name: &'static str, shape: Shape) -> Key {
    Key { name, shape, is_required: false }
}

const fn required(name: &'static str, shape: Shape) -> Key {
    Key { name, shape, is_required: true }
}

use Shape::{
    Address, Any, Country, File, Folder, Kinds, List, LogFilter, Map, Maybe, Network, Number, Path, PathOr,
    Ports, Socket, Switch, Table, Text, Url, Variable, Whole, Word,
};

const WEB: &[&str] = &["https", "http"];
const COLLECTOR: &[&str] = &["http", "https"];
const WEB_OR_SOCKET: &[&str] = &["https", "http", "wss", "ws"];
const ROLES: &[&str] = &["viewer", "campaign_manager", "flow_author", "admin"];
const ENGINES: &[&str] = &["none", "whisper", "openai", "deepgram"];
/// More seconds or days than anybody means.
const LONG: u64 = 4_000_000_000;

const RATE: Shape =
    Maybe(&Table(&[required("per_second", Number(0.001, 1e6)), required("burst", Whole(1, 1_000_000))]));

const SECRET: Shape = Table(&[key("env", Maybe(&Variable)), key("file", Maybe(&File))]);

const OUTWARD: Shape = Table(&[key("allow_private", Switch), key("allow", List(&Network))]);

const OPENID: Shape = Table(&[
    required("issuer", Url(WEB)),
    required("client_id", Text),
    key("client_secret_env", Maybe(&Variable)),
    key("client_secret_file", Maybe(&File)),
    key("label", Maybe(&Text)),
    key("scopes", List(&Text)),
    key("role_claim", Maybe(&Text)),
    key("roles", Map(&Word(ROLES))),
    key("default_role", Maybe(&Word(ROLES))),
    key("link_by_name", Switch),
]);

const LIMITS: Shape = Table(&[
    key("calls", Maybe(&Whole(1, 1_000_000))),
    key("per_second", Maybe(&Number(0.001, 1_000.0))),
    key("queue", Whole(0, 1_000_000)),
    key("queue_timeout", Whole(0, LONG)),
]);

const KINDS: &[&str] = &["outgoing-call-service", "sip"];

const SERVICE_TRUNK: &[Key] = &[
    required("name", Text),
    required("url", Url(WEB)),
    key("token", Maybe(&Text)),
    key("token_env", Maybe(&Variable)),
    key("token_file", Maybe(&File)),
    key("kind", Word(KINDS)),
    key("version", Word(&["auto", "1.0.3", "1.0.4", "1.0.5"])),
    key("media", Word(&["socketio", "websocket"])),
    key("codec", Word(&["pcm16", "ulaw", "alaw"])),
    key("media_hosts", List(&Text)),
    key("caller_id", Maybe(&Text)),
    key("limits", LIMITS),
    key("away_timeout", Whole(0, LONG)),
    key("takes_calls", Switch),
    key("did", Maybe(&Text)),
    key("calls_per_connection", Whole(1, 1_000_000)),
];

const SIP_TRUNK: &[Key] = &[
    required("name", Text),
    required("kind", Word(KINDS)),
    required("server", Text),
    key("transport", Word(&["udp", "tcp"])),
    key("listen", Socket),
    key("public_address", Maybe(&Address)),
    key("username", Maybe(&Text)),
    key("password_env", Maybe(&Variable)),
    key("password_file", Maybe(&File)),
    key("register", Switch),
    key("from_domain", Maybe(&Text)),
    key("caller_id", Maybe(&Text)),
    key("asserts_caller", Switch),
    key("codecs", List(&Word(&["ulaw", "alaw"]))),
    key("rtp_ports", Ports),
    key("limits", LIMITS),
    key("away_timeout", Whole(1, LONG)),
    key("takes_calls", Switch),
    key("allow", List(&Network)),
    key("redirects", Maybe(&List(&Text))),
    key("ping", Whole(0, 3_600)),
];

const TRUNK: Shape = Kinds(&[
    Kind { name: "outgoing-call-service", keys: SERVICE_TRUNK },
    Kind { name: "sip", keys: SIP_TRUNK },
]);

const ROUTE: Shape = Table(&[
    required("did", Text),
    required("flow", Text),
    key("variables", Map(&Any)),
    key("machine_detection", Word(&["disconnect", "detect", "disabled"])),
    key("app", Maybe(&Text)),
    key("notify_url", Maybe(&Url(WEB))),
    key("notify_headers", Map(&Text)),
]);

const INBOUND: Shape = Table(&[
    key("listen", Maybe(&Socket)),
    key("secret", Maybe(&Text)),
    key("secret_env", Maybe(&Variable)),
    key("secret_file", Maybe(&File)),
    key("allow", List(&Network)),
    key("tls", Maybe(&Table(&[required("cert", File), required("key", File)]))),
    key("max_connections", Whole(1, 1_000_000)),
    key("routes", List(&ROUTE)),
    key("default_flow", Maybe(&Text)),
]);

const WEBRTC: Shape = Table(&[
    key("listen", Maybe(&Socket)),
    key("public_address", Maybe(&Address)),
    key("tcp", Switch),
    key("max_calls", Whole(1, 1_000_000)),
    key("per_caller", Whole(1, 1_000_000)),
    key("per_address", Whole(1, 1_000_000)),
    key("camera_kbit", Whole(100, 20_000)),
    key("max_watchers", Whole(1, 10_000)),
    key("origins", List(&Url(WEB))),
]);

macro_rules! recogniser {
    ($($more:expr),*) => {
        &[
            key("engine", Maybe(&Word(ENGINES))),
            key("model", Maybe(&Text)),
            key("workers", Maybe(&Whole(1, 10_000))),
            key("window", Maybe(&Whole(1, 1_500))),
            key("bias", Maybe(&Switch)),
            key("url", Maybe(&Url(WEB_OR_SOCKET))),
            key("key", SECRET),
            key("language", Maybe(&Text)),
            key("interim", Maybe(&Switch)),
            $($more),*
        ]
    };
}

const OTHER: Shape = Table(recogniser!());

const SPEECH_TO_TEXT: Shape = Table(recogniser!(
    key("models", Maybe(&Path)),
    key("others", Map(&OTHER)),
    key("fallback", Maybe(&Text)),
    key("flows", Map(&Text))
));

const TEXT_TO_SPEECH: Shape = Table(&[
    key("engine", Maybe(&Word(&["espeak", "kokoro", "piper", "openai"]))),
    key("loudness", Number(-70.0, 0.0)),
    key("cache_mib", Whole(0, 1_000_000)),
    key("voices", Maybe(&Path)),
    key("program", Maybe(&Path)),
    key("url", Maybe(&Url(WEB))),
    key("key", SECRET),
    key("model", Maybe(&Text)),
    key("voice", Maybe(&Text)),
    key("prompts_ready", Word(&["wait", "begin"])),
]);

/// All settings.
pub(super) const SETTINGS: &[Key] = &[
    key("listen", Socket),
    key("connections", Table(&[key("max", Whole(1, 1_000_000)), key("per_address", Whole(1, 1_000_000))])),
    key("public_url", Maybe(&Url(WEB))),
    key("database", Path),
    key(
        "recordings",
        PathOr(&Table(&[
            key("folder", Folder),
            key("keep_days", Maybe(&Whole(0, LONG))),
            key("keep_words_days", Maybe(&Whole(0, LONG))),
        ])),
    ),
    key("speech_cache", Folder),
    key("flows", Folder),
    key("flow_versions", Maybe(&Folder)),
    key("bots", Map(&Text)),
    key("country", Maybe(&Country)),
    key(
        "log",
        Table(&[key("filter", LogFilter), key("format", Word(&["text", "json"])), key("access", Switch)]),
    ),
    key("telemetry", Table(&[key("otlp", Table(&[key("endpoint", Maybe(&Url(COLLECTOR)))]))])),
    key(
        "auth",
        Table(&[
            key("secret_key_file", Maybe(&File)),
            key("max_token_age", Maybe(&Whole(0, LONG))),
            key("app_rate", RATE),
            key("key_rate", RATE),
            key("failed_logins_per_minute", Whole(0, 1_000_000)),
            key("trusted_proxies", List(&Network)),
        ]),
    ),
    key("console", Table(&[key("second_factor", List(&Word(ROLES))), key("openid", Maybe(&OPENID))])),
    key("calls", Table(&[key("max", Whole(1, 1_000_000)), key("ring_timeout", Whole(1, LONG))])),
    key("trunks", List(&TRUNK)),
    key("inbound", INBOUND),
    key("webrtc", WEBRTC),
    key("webhooks", OUTWARD),
    key("requests", OUTWARD),
    key("speech_to_text", SPEECH_TO_TEXT),
    key("text_to_speech", TEXT_TO_SPEECH),
    key("amd", Table(&[key("params", Maybe(&File)), key("sets", Map(&File)), key("shadow", Maybe(&Text))])),
];
