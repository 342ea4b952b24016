//! The states that rows go through, and the words for them: the same in columns, on the wire and in records.

use callcore::call::DialStatus;
use serde::Serialize;

/// Where a call stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, strum::EnumString, strum::IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum CallState {
    /// It waits for its time, or for a free line, and has not begun.
    Scheduled,
    /// It waits in the queue of its trunk.
    Queued,
    /// It has begun; the carrier is asked to place it.
    #[default]
    Placing,
    Dialing,
    Ringing,
    /// It was answered.
    Connected,
    Busy,
    /// The carrier gave it up.
    Failed,
    Ended,
}

impl From<DialStatus> for CallState {
    fn from(status: DialStatus) -> Self {
        match status {
            DialStatus::Dialing => Self::Dialing,
            DialStatus::Ringing => Self::Ringing,
            DialStatus::Busy => Self::Busy,
            DialStatus::Connected => Self::Connected,
            DialStatus::Failed => Self::Failed,
        }
    }
}

/// Who says something in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, strum::EnumString, strum::IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Speaker {
    Callee,
    Bot,
}

/// Where a notification stands. Of a call's notifications at most one is `Due` or `Sending`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, strum::EnumString, strum::IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum NotificationState {
    /// An earlier notification of the same call comes first.
    Waiting,
    Due,
    /// A worker holds the claim to it.
    Sending,
    Delivered,
    /// It was given up.
    Dead,
}

/// Why a notification is not tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, strum::EnumString, strum::IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum DeadReason {
    /// The schedule is used up.
    Exhausted,
    /// Its time ran out while its endpoint was held back.
    Expired,
    /// The receiver wants nothing more of this call (410). What else waits for the same URL is dead, too.
    Gone,
    /// Nothing may be posted to its URL.
    Refused,
}

/// Where notifications stand, as far as those who look for them distinguish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum DeliveryState {
    /// Neither delivered nor dead.
    Open,
    Delivered,
    Dead,
}

/// How far an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, strum::EnumString, strum::IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum ImportState {
    Running,
    /// Its contacts are in the list.
    Done,
    /// Its contacts are being taken out.
    Undoing,
    Undone,
    /// It did not come to its end, and left nothing.
    Failed,
}

/// How the zone of a contact is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, strum::EnumString, strum::IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum ZoneFrom {
    /// The file names it.
    Column,
    /// Its number belongs to a place with one zone.
    Number,
    /// It is the one of the list.
    List,
}

/// Why a row was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, strum::EnumString, strum::IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum RowErrorKind {
    /// Something in it is wrong.
    Refused,
    /// Its number is in the list already.
    Duplicate,
}

macro_rules! named {
    ($($state:ident),+) => {
        $(impl $state {
            /// The word for it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                self.into()
            }
        })+
    };
}

named!(CallState, Speaker, NotificationState, DeadReason, DeliveryState, ImportState, ZoneFrom, RowErrorKind);
