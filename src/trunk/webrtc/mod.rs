//! Calls that people place or take in their browsers, over WebRTC. One port carries all of them.
//!
//! | module | owns |
//! |---|---|
//! | `options` | where browsers send to, how many may call |
//! | `call` | the state of one call, pure |
//! | `task` | one call from the answer to its record: connection, media and leg together |
//! | `port` | the port, UDP and TCP, and whose each datagram is |
//! | `limits` | how many calls there are, by whom and from where |
//! | `line` | the connection to a browser that was answered |
//! | `links` | links that ring, and who may answer them; pure |
//! | `ringing` | a call to whoever holds a link |
//! | `camera` | the camera of a call: its frames, and who watches them |
//! | `allowance` | how much a camera may send; pure |
//! | `screen` | what the browser is shown; pure |
//! | `watching` | a browser that watches one |
//! | `browsers` | takes offers |
//!
//! Whoever signals (the API, a page) hands an offer to [`Browsers::answer`]. The call comes out as for every other way in: a
//! [`Leg`](super::Leg), and the way to pick up; and with it the answer for the browser. The connection is by the crate `webrtc`,
//! the audio is [`crate::media::rtp`], as for SIP.

mod allowance;
mod browsers;
mod call;
mod camera;
mod limits;
mod line;
mod links;
mod options;
mod port;
mod ringing;
mod screen;
mod task;
mod watching;

pub use ::webrtc::LONGEST_OFFER;
pub use browsers::{Answered, Browsers, NoAnswer, Offered};
pub use camera::Unseen;
pub use limits::Crowded;
pub use links::{LinkNews, LinkState, NoLink, without_tokens};
pub use options::{Options, StartError};
pub use ringing::{Accepted, NewLink, NoCall, WantedLink};
pub use watching::{NoView, Watched};

/// The name under which calls of browsers are recorded where others have that of their trunk.
pub const TRUNK: &str = "browser";
