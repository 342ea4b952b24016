//! What a picture is made of.

use crate::amd::event::Event;
use crate::amd::evidence::Evidence;

/// What a picture shows.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    /// Whose call this is: a file name or a call id.
    pub title: &'a str,
    /// What the callee's side sounded like, 8 kHz, from answer.
    pub audio: &'a [i16],
    pub events: &'a [Event],
    pub evidence: &'a Evidence,
}
