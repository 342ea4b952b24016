//! What the store keeps and how it is asked for, whichever engine keeps it: states, pages.

mod page;
mod state;
mod text;

pub use page::{Cursor, Page};
pub use state::{CallState, DeadReason, DeliveryState, NotificationState, Speaker};
pub(super) use text::{read, written};
