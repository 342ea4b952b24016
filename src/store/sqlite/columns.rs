//! The states of rows as columns of text have them.

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::{Decode, Encode, Type};
use sqlx_sqlite::{Sqlite, SqliteArgumentsBuffer, SqliteTypeInfo, SqliteValueRef};

use crate::store::model::{
    CallState, CampaignState, DeadReason, ImportState, NotificationState, PlaceState, RowErrorKind, Speaker,
    ZoneFrom,
};

macro_rules! columns_of_text {
    ($($state:ty),+) => {$(
        impl Type<Sqlite> for $state {
            fn type_info() -> SqliteTypeInfo {
                <str as Type<Sqlite>>::type_info()
            }

            fn compatible(info: &SqliteTypeInfo) -> bool {
                <str as Type<Sqlite>>::compatible(info)
            }
        }

        impl<'r> Decode<'r, Sqlite> for $state {
            fn decode(value: SqliteValueRef<'r>) -> Result<Self, BoxDynError> {
                Ok(<&str as Decode<Sqlite>>::decode(value)?.parse()?)
            }
        }

        impl Encode<'_, Sqlite> for $state {
            fn encode_by_ref(&self, buffer: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
                let text: &'static str = self.into();
                <&str as Encode<Sqlite>>::encode(text, buffer)
            }
        }
    )+};
}

columns_of_text!(
    CallState,
    CampaignState,
    PlaceState,
    DeadReason,
    ImportState,
    NotificationState,
    RowErrorKind,
    Speaker,
    ZoneFrom
);
