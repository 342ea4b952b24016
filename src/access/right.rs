//! Rights: what can be done, and what it requires. Each is a type, so that a handler names the right it needs in its
//! signature; its rule is defined here and nowhere else.

use super::Scope;

/// What a right takes.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Any of these will do.
    pub(super) scopes: &'static [Scope],
    /// Those that a refusal names; `None` names all that will do.
    pub(super) named: Option<&'static [Scope]>,
    /// Without any of these, only the calls that the client itself asked for are visible.
    pub(super) widened_by: &'static [Scope],
    pub(super) password: Password,
    pub(super) bots: Bots,
}

/// What a password does that a browser remembers and sends along with whatever any page makes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Password {
    Suffices,
    /// Together with a header that pages of other sites cannot send.
    WithHeader,
    Never,
}

/// What holds for those who are tied to bots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bots {
    /// They have to do with what belongs to their bots.
    Narrow,
    /// What it is about belongs to no bot, so they are refused, with this advice.
    Refuse(&'static str),
}

/// Something that can be done.
pub trait Right: Send + Sync + 'static {
    /// What it takes.
    const RULE: Rule;
}

const UNTIED: &str = "use a key that is not tied to bots";
const NO_BOTS_CONTACTS: &str =
    "contacts belong to no bot, so use a key that is not tied to bots; calling one by its id is possible";
const NO_BOTS_DO_NOT_CALL: &str =
    "the do-not-call list holds for all bots, so use a key that is not tied to some of them";
const NO_BOTS_CAMPAIGNS: &str = "campaigns belong to no bot, so use a key that is not tied to some of them";
const ASKING: &[Scope] = &[Scope::Dialout, Scope::Campaigns];
const SEEING: &[Scope] = &[Scope::Read, Scope::Campaigns];

macro_rules! rights {
    ($($(#[doc = $about:literal])+ $name:ident: $rule:expr;)+) => {$(
        $(#[doc = $about])+
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl Right for $name {
            const RULE: Rule = $rule;
        }
    )+};
}

/// Reading, with one scope.
const READING: Rule = Rule {
    scopes: &[Scope::Read],
    named: None,
    widened_by: &[Scope::Read],
    password: Password::Suffices,
    bots: Bots::Narrow,
};

rights! {
    /// See calls and what belongs to them.
    SeeCalls: READING;
    /// See flows and their versions.
    SeeFlows: READING;
    /// See the server as a whole: its metrics, its pages, how endpoints of all apps fare.
    SeeServer: Rule { bots: Bots::Refuse(UNTIED), ..READING };
    /// Make a link to a recording that others can open.
    ShareRecordings: Rule { password: Password::WithHeader, ..READING };
    /// See the history of contacts: of others' calls as well, for those who read or run campaigns.
    SeeHistory: Rule {
        scopes: &[Scope::Dialout, Scope::Campaigns, Scope::Read],
        named: Some(SEEING),
        widened_by: SEEING,
        password: Password::Suffices,
        bots: Bots::Narrow,
    };
    /// See contacts.
    SeeContacts: Rule { bots: Bots::Refuse(NO_BOTS_CONTACTS), ..SeeHistory::RULE };
    /// Add, change and delete contacts.
    KeepContacts: Rule { bots: Bots::Refuse(NO_BOTS_CONTACTS), ..PlaceCalls::RULE };
    /// Ask for calls.
    PlaceCalls: Rule {
        scopes: ASKING,
        named: None,
        widened_by: &[Scope::Campaigns],
        password: Password::WithHeader,
        bots: Bots::Narrow,
    };
    /// Talk to a flow in one's own browser: nobody is rung.
    TalkToFlows: Rule {
        scopes: &[Scope::Dialout, Scope::Campaigns, Scope::Flows],
        password: Password::Never,
        ..PlaceCalls::RULE
    };
    /// End and change calls: with `campaigns` those of others, too.
    EndCalls: PlaceCalls::RULE;
    /// Dial out in Kore's way, as a client app.
    DialOut: Rule { scopes: &[Scope::Dialout], ..PlaceCalls::RULE };
    /// Have webhooks sent again.
    ResendWebhooks: Rule {
        scopes: &[Scope::Campaigns, Scope::Admin],
        named: None,
        widened_by: &[Scope::Read, Scope::Campaigns, Scope::Admin],
        password: Password::WithHeader,
        bots: Bots::Narrow,
    };
    /// See who is not to be called.
    SeeDoNotCall: Rule { scopes: SEEING, widened_by: SEEING, bots: Bots::Refuse(NO_BOTS_DO_NOT_CALL), ..READING };
    /// Put numbers on the do-not-call list and take them off.
    KeepDoNotCall: Rule {
        scopes: &[Scope::Campaigns],
        bots: Bots::Refuse(NO_BOTS_DO_NOT_CALL),
        ..PlaceCalls::RULE
    };
    /// See campaigns, and how they fare.
    SeeCampaigns: Rule { scopes: SEEING, widened_by: SEEING, bots: Bots::Refuse(NO_BOTS_CAMPAIGNS), ..READING };
    /// Write, launch, change and stop campaigns.
    RunCampaigns: Rule {
        scopes: &[Scope::Campaigns],
        bots: Bots::Refuse(NO_BOTS_CAMPAIGNS),
        ..PlaceCalls::RULE
    };
    /// Say who answered a call.
    LabelCalls: Rule {
        scopes: &[Scope::Campaigns, Scope::Flows, Scope::Admin],
        named: None,
        widened_by: &[Scope::Campaigns, Scope::Flows, Scope::Admin],
        password: Password::Never,
        bots: Bots::Narrow,
    };
    /// Replay labelled calls with other settings, and search better ones: it takes the processor, and tells of all bots.
    TryVerdicts: Rule { bots: Bots::Refuse(UNTIED), ..LabelCalls::RULE };
    /// Upload flows and decide which version runs.
    EditFlows: Rule { scopes: &[Scope::Flows], password: Password::Never, ..READING };
    /// Decide who may do what.
    Administer: Rule {
        scopes: &[Scope::Admin],
        widened_by: &[Scope::Admin],
        password: Password::Never,
        bots: Bots::Refuse(UNTIED),
        ..READING
    };
}
