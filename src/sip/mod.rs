//! SIP signalling (RFC 3261): calls out and in, registration, pings. No media: session descriptions go through as text.
//!
//! | module | owns |
//! |---|---|
//! | `address` | servers and SIP URIs as they may be written; pure |
//! | `cause` | SIP status and `Reason` header as a hang-up cause (Q.850), and back; pure |
//! | `digit` | keys in the body of an INFO; pure |
//! | `challenge` | digest authentication of those who call us |
//! | `message` | what is read out of messages |
//! | `guard` | who may send requests; the rest is dropped and counted |
//! | `wire` | datagrams, made readable for the stack |
//! | `ladder` | the messages of a call, for who looks for the reason of a failure |
//! | `resolve` | the address of a server, the same for all messages of a call |
//! | `connect` | connections that are there before something is asked over them |
//! | `error` | why something cannot be done |
//! | `call` | one call as its owner sees it: events and orders |
//! | `dialog`, `outgoing`, `incoming` | the task behind a call: what both directions share, INVITE out, INVITE in |
//! | `redirect` | who is called instead when a server says so; pure |
//! | `refer` | transfers: what is asked, and what becomes of it |
//! | `register`, `ping` | registration kept alive; whether a server answers |
//! | `dispatch`, `endpoint` | what requests lead to; the sockets, and the way in for the rest of the program |
//!
//! Messages, transactions and dialogs are those of `rsipstack`, whose types stay in here. How it is used:
//!
//! * [`Endpoint::open`] binds a socket and returns the endpoint with the calls that come in.
//! * [`Endpoint::invite`] calls somebody and returns a [`Call`]; its [`Call::next`] gives [`CallEvent`]s until the call is
//!   over, [`Call::hang_up`] ends it (CANCEL or BYE, whatever fits). A dropped `Call` is hung up.
//! * An [`Incoming`] rings until its [`Answering`] accepts or refuses it. Its `call` then goes on as one of ours.
//! * [`CallEvent::Offer`] is the peer's wish for other media (hold, another address); its [`Reply`] must be used.
//!
//! Requests of sources that nobody knows get no answer ([`Admission`]).

mod address;
mod call;
pub mod cause;
mod challenge;
mod connect;
mod dialog;
mod digit;
mod dispatch;
mod endpoint;
mod error;
mod guard;
mod incoming;
mod ladder;
mod message;
mod outgoing;
mod ping;
mod redirect;
mod refer;
mod register;
mod resolve;
mod wire;

pub use address::{BadAddress, Server, SipUri, Transport};
pub use call::{Answering, Call, CallEvent, Headers, Incoming, Party, Referral, Referring, Refusal, Reply};
pub use challenge::Account;
pub use endpoint::{Endpoint, Invite, Options};
pub use error::SipError;
pub use guard::Admission;
pub use ladder::{Ladder, Message};
pub use ping::Pong;
pub use register::{Farewell, Registered, Registration};
