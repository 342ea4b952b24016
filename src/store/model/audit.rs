//! The audit log: who did what, when and from where.

use serde_json::Value;
use sqlx::FromRow;

/// Who acts, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// `app:ID`, `key:ID`, `person:ID`, `cli:USER`, `server` or `unknown`.
    pub name: String,
    /// The caller's address, when it came over a network.
    pub address: Option<String>,
}

impl Actor {
    /// `name` from `address`.
    #[must_use]
    pub fn new(name: impl Into<String>, address: Option<String>) -> Self {
        Self { name: name.into(), address }
    }

    /// The server itself.
    #[must_use]
    pub fn server() -> Self {
        Self::new("server", None)
    }

    /// Commands on this machine while the server is stopped.
    #[must_use]
    pub fn operator() -> Self {
        Self::new("cli", None)
    }
}

/// What was done. The names are part of the API and of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditAction {
    AppCreate,
    AppChange,
    AppDelete,
    SecretCreate,
    SecretRetire,
    SecretsGivenUp,
    KeyCreate,
    KeyChange,
    KeyRevoke,
    ServerKeyChange,
    FlowUpload,
    FlowLabel,
    FlowUnlabel,
    FlowRollback,
    CallHangup,
    CallChange,
    CallListen,
    WebhookRedeliver,
    LoginFailed,
    ContactCreate,
    ContactImport,
    ContactChange,
    ContactDelete,
    ListCreate,
    ListImport,
    ListUndo,
    ListDelete,
    RecordingLink,
    RecordingLinksRevoke,
    CallLabel,
    DoNotCallAdd,
    DoNotCallRemove,
    DoNotCallImport,
    CampaignCreate,
    CampaignChange,
    CampaignLaunch,
    CampaignPause,
    CampaignResume,
    CampaignDrain,
    CampaignStop,
    CampaignFinish,
    CampaignDelete,
    CampaignExclude,
    PersonCreate,
    PersonChange,
    PersonLink,
    PersonPassword,
    PersonSignIn,
    PersonSignOut,
    PersonSecondFactor,
    PersonRecoveryCode,
    PersonOpenId,
    AmdParamsPromote,
    AmdParamsTakeBack,
}

impl AuditAction {
    /// Its name. Those with a method and a path have been called so since before the others had names.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AppCreate => "app.create",
            Self::AppChange => "app.change",
            Self::AppDelete => "app.delete",
            Self::SecretCreate => "secret.create",
            Self::SecretRetire => "secret.retire",
            Self::SecretsGivenUp => "secrets.given_up",
            Self::KeyCreate => "key.create",
            Self::KeyChange => "key.change",
            Self::KeyRevoke => "key.revoke",
            Self::ServerKeyChange => "server_key.change",
            Self::FlowUpload => "flow.upload",
            Self::FlowLabel => "flow.label",
            Self::FlowUnlabel => "flow.unlabel",
            Self::FlowRollback => "flow.rollback",
            Self::CallHangup => "call.hangup",
            Self::CallListen => "call.listen",
            Self::CallChange => "patch /v1/calls/{call_id}",
            Self::WebhookRedeliver => "webhook.redeliver",
            Self::LoginFailed => "login.failed",
            Self::ContactCreate => "post /v1/contacts",
            Self::ContactImport => "post /v1/contacts/import",
            Self::ContactChange => "patch /v1/contacts/{contact_id}",
            Self::ContactDelete => "delete /v1/contacts/{contact_id}",
            Self::ListCreate => "list.create",
            Self::ListImport => "list.import",
            Self::ListUndo => "list.undo",
            Self::ListDelete => "list.delete",
            Self::RecordingLink => "post /v1/calls/{call_id}/recording/link",
            Self::RecordingLinksRevoke => "post /v1/recordings/revoke-links",
            Self::DoNotCallAdd => "do_not_call.add",
            Self::DoNotCallRemove => "do_not_call.remove",
            Self::DoNotCallImport => "do_not_call.import",
            Self::CallLabel => "call.label",
            Self::CampaignCreate => "campaign.create",
            Self::CampaignChange => "campaign.change",
            Self::CampaignLaunch => "campaign.launch",
            Self::CampaignPause => "campaign.pause",
            Self::CampaignResume => "campaign.resume",
            Self::CampaignDrain => "campaign.drain",
            Self::CampaignStop => "campaign.stop",
            Self::CampaignFinish => "campaign.finish",
            Self::CampaignDelete => "campaign.delete",
            Self::CampaignExclude => "campaign.exclude",
            Self::PersonCreate => "person.create",
            Self::PersonChange => "person.change",
            Self::PersonLink => "person.link",
            Self::PersonPassword => "person.password",
            Self::PersonSignIn => "person.sign_in",
            Self::PersonSignOut => "person.sign_out",
            Self::PersonSecondFactor => "person.second_factor",
            Self::PersonRecoveryCode => "person.recovery_code",
            Self::PersonOpenId => "person.openid",
            Self::AmdParamsPromote => "amd_params.promote",
            Self::AmdParamsTakeBack => "amd_params.take_back",
        }
    }
}

/// An entry to be written.
#[derive(Clone, Debug)]
pub struct NewAudit {
    pub actor: Actor,
    pub action: AuditAction,
    /// What it was done to.
    pub subject: String,
    /// An object; never a secret, numbers masked.
    pub detail: Value,
}

impl NewAudit {
    /// `actor` did `action` to `subject`.
    pub fn new(actor: Actor, action: AuditAction, subject: impl Into<String>, detail: Value) -> Self {
        Self { actor, action, subject: subject.into(), detail }
    }
}

/// An entry; later ones have a higher `seq`.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub struct AuditRow {
    pub seq: i64,
    pub at_ms: i64,
    pub actor: String,
    pub address: Option<String>,
    pub action: String,
    pub subject: String,
    #[sqlx(json)]
    pub detail: Value,
}

/// Which entries; what is `None` does not matter.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// The beginning of the actor's name.
    pub actor: Option<String>,
    /// The beginning of the action's name: `app.` finds all that was done to apps.
    pub action: Option<String>,
    pub subject: Option<String>,
    pub since_ms: Option<i64>,
    pub until_ms: Option<i64>,
    /// Entries before this one only.
    pub before: Option<i64>,
}
