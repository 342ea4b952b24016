//! Kore's dialect: what programs made for its platform send and read. Dial-outs, notifications, the interactions page,
//! campaigns.
//!
//! The core, the store and the sessions use neutral names; a second dialect can stand beside this folder.

mod bodies;
mod campaign;
mod campaign_contact;
mod dial_out;
mod examples;
mod hours;
mod interaction;
mod notification;
#[cfg(test)]
mod samples;
mod wording;

pub use bodies::{AmdEvent, AmdNotification, Answered, Completed, Failed, FlowNotification};
pub(crate) use campaign::{
    Caller, Campaign, CampaignStatus, MachineDetect, NewCampaign, Schedule, Standing, Strategy, kores_field,
};
pub(crate) use campaign_contact::{CampaignContact, HungUp, dialer_outcome};
pub(crate) use dial_out::{CallControlParameter, DialOut, Greet, MachineDetection, Timers};
pub(crate) use examples::examples;
pub(crate) use hours::{CallingDay, CallingHours, Day, Frequency};
pub(crate) use interaction::{InteractionRow, InteractionStatus};
pub use notification::Envelope;
