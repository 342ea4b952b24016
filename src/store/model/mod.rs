//! What the store keeps and how it is asked for, whichever engine keeps it: rows, states, filters, pages.

mod amd_params;
mod audit;
mod batch;
mod calls;
mod campaign_news;
mod campaign_report;
mod campaigns;
mod cdr;
mod claims;
mod clients;
mod condition;
mod contact_search;
mod contacts;
mod deliveries;
mod dialout;
mod do_not_call;
mod fair_share;
mod figures;
mod flow_versions;
mod link_keys;
mod lists;
mod node;
mod page;
mod people;
mod second_factor;
mod signalling;
mod state;
mod text;
mod visibility;

pub use amd_params::{AmdParamsRow, NewAmdParams};
pub use audit::{Actor, AuditAction, AuditFilter, AuditRow, NewAudit};
pub use batch::{CallBatch, CallUpdate, NewCall, NewEvent, NewNotification, NewRecording, NewTranscript};
pub use calls::{
    CallFilter, CallRow, CallStatus, EventRow, ExpiredRecording, LastSigns, Progress, RecordingRow,
    SERVER_STOPPED, TranscriptRow,
};
pub(crate) use campaign_news::CampaignNotice;
pub use campaign_news::{BudgetKind, CampaignEvent, CampaignNews};
pub(super) use campaign_news::{NoticeBudget, NoticeContacts};
pub use campaign_report::{
    AttemptLine, AttemptPlace, Facet, FacetCount, FirstWordCount, PlaceLine, ReachedCount,
};
pub(super) use campaigns::column;
pub use campaigns::{
    AttemptCount, CampaignChange, CampaignRow, CampaignState, Changed, EndedAttempt, Exclusions, NewCampaign,
    PlaceAttemptRow, PlaceCount, PlaceFilter, PlaceRow, PlaceState, Prepared, Reservation, Reserve, Reserved,
    RevisionRow, Settled, Step, Usage, ZoneCount, ZoneVerdict,
};
pub use cdr::{CdrPage, CdrRow};
pub use claims::{Attempt, Claim, ClaimRequest, Claimed, DeliveryOutcome, DeliveryRound, Settlement};
pub use clients::{ApiKeyRow, AppChange, AppPolicy, AppRow, KeyChange, NewApiKey, NewApp, Rate, SecretRow};
pub(super) use clients::{ClientRecords, SecretRecord, rate};
pub use condition::{Condition, CopyMark};
pub use contact_search::{
    ContactPlace, ContactSearch, ContactSource, FoundContact, FoundContacts, ListedContactRow,
};
pub(in crate::store) use contacts::LINKED;
pub use contacts::{
    ContactChange, ContactRow, HistoryRow, Kept, LARGEST_METADATA, Merged, NewContact, is_linked_contact,
    linked_contact, party_key,
};
pub use deliveries::{
    AttemptRow, DeliveryFilter, DeliveryRow, EndpointHealth, EndpointRow, NotSettled, NotificationRow,
    Redelivered, Tally,
};
pub use dialout::{Acceptance, FlowUse, NewDialOut, NewParties, NewPlan, PlannedRow, RequestKey};
pub use do_not_call::{DoNotCallRow, NewDoNotCall};
pub(super) use fair_share::Room;
pub use figures::{
    CallCounts, CallFigures, CallLabelRow, LabelOrigin, LabelTally, LabelledCall, ShadowDifference,
    ShadowTally,
};
pub use flow_versions::{FlowLabelRow, FlowVersionRow, LabelMove, LabelMoveRow, NewFlowVersion};
pub use link_keys::LinkKey;
pub use lists::{
    ImportRow, KEPT_ERRORS, ListContactRow, ListRow, ListSearch, NewImport, NewList, NewListContact,
    RefusedRow, RowChunk, RowErrorRow, RowProblem,
};
pub(super) use node::LEASE_MS;
pub use node::NodeId;
pub use page::{Cursor, Page};
pub use people::{
    BrowserRow, LinkPurpose, LinkRow, LinkedBy, NewBrowser, NewLink, NewOpenId, NewPerson, PersonChange,
    PersonRow, Proof, Redeemed, SignInRow,
};
pub use second_factor::{FactorGone, NewFactor, NewStep, SecondFactor, StepRow};
pub use signalling::{AudioFault, RtpFigures, Signalling, SipMessageRow};
pub use state::{
    CallState, DeadReason, DeliveryState, ImportState, NotificationState, RowErrorKind, Speaker, ZoneFrom,
};
pub(super) use text::{read, written};
pub use visibility::Visibility;
