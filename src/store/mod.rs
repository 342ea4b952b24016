//! The database. It offers verbs of the trade (record a batch of a call, claim notifications) and never hands out a
//! connection.
//!
//! `model/` is what is kept, `sqlite/` the engine that keeps it, [`Store`] the door to it. `directory` has those who may
//! call at hand, `keys/` the server key and what is sealed with it.
//!
//! Times are milliseconds since 1970-01-01 UTC (`_ms`) unless a field says otherwise.

mod directory;
mod error;
mod handle;
mod keys;
mod model;
mod options;
mod sqlite;
mod verbs;

pub use crate::cdr_wire::CdrQuery;
pub use directory::{ApiKey, AppSecret, ClientApp, LastUsed};
pub use error::{Cause, Error};
pub use handle::Store;
pub use keys::{KeySource, NoKey, ServerKey};
pub(crate) use model::CampaignNotice;
pub use model::{
    Acceptance, Actor, AmdParamsRow, ApiKeyRow, AppChange, AppPolicy, AppRow, Attempt, AttemptCount,
    AttemptLine, AttemptPlace, AttemptRow, AudioFault, AuditAction, AuditFilter, AuditRow, BrowserRow,
    BudgetKind, CallBatch, CallCounts, CallFigures, CallFilter, CallLabelRow, CallRow, CallState, CallStatus,
    CallUpdate, CampaignChange, CampaignEvent, CampaignNews, CampaignRow, CampaignState, CdrPage, CdrRow,
    Changed, Claim, ClaimRequest, Claimed, Condition, ContactChange, ContactPlace, ContactRow, ContactSearch,
    ContactSource, CopyMark, Cursor, DeadReason, DeliveryFilter, DeliveryOutcome, DeliveryRound, DeliveryRow,
    DeliveryState, DoNotCallRow, EndedAttempt, EndpointHealth, EndpointRow, EventRow, Exclusions,
    ExpiredRecording, Facet, FacetCount, FactorGone, FirstWordCount, FlowLabelRow, FlowUse, FlowVersionRow,
    FoundContact, FoundContacts, HistoryRow, ImportRow, ImportState, KEPT_ERRORS, Kept, KeyChange,
    LARGEST_METADATA, LabelMove, LabelMoveRow, LabelOrigin, LabelTally, LabelledCall, LastSigns, LinkKey,
    LinkPurpose, LinkRow, LinkedBy, ListContactRow, ListRow, ListSearch, ListedContactRow, Merged,
    NewAmdParams, NewApiKey, NewApp, NewAudit, NewBrowser, NewCall, NewCampaign, NewContact, NewDialOut,
    NewDoNotCall, NewEvent, NewFactor, NewFlowVersion, NewImport, NewLink, NewList, NewListContact,
    NewNotification, NewOpenId, NewParties, NewPerson, NewPlan, NewRecording, NewStep, NewTranscript, NodeId,
    NotSettled, NotificationRow, NotificationState, Page, PersonChange, PersonRow, PlaceAttemptRow,
    PlaceCount, PlaceFilter, PlaceLine, PlaceRow, PlaceState, PlannedRow, Prepared, Progress, Proof, Rate,
    ReachedCount, RecordingRow, Redeemed, Redelivered, RefusedRow, RequestKey, Reservation, Reserve,
    Reserved, RevisionRow, RowChunk, RowErrorKind, RowErrorRow, RowProblem, RtpFigures, SERVER_STOPPED,
    SecondFactor, SecretRow, Settled, Settlement, ShadowDifference, ShadowTally, SignInRow, Signalling,
    SipMessageRow, Speaker, Step, StepRow, Tally, TranscriptRow, Usage, Visibility, ZoneCount, ZoneFrom,
    ZoneVerdict, is_linked_contact, linked_contact, party_key,
};
pub use options::{Options, Place};
