//! Whether a server answers: OPTIONS outside of any call (RFC 3261, section 11).

use rsipstack::sip::typed::{From, To};
use rsipstack::sip::{Method, SipMessage, Uri};
use rsipstack::transaction::endpoint::EndpointInnerRef;
use rsipstack::transaction::key::{TransactionKey, TransactionRole};
use rsipstack::transaction::make_tag;
use rsipstack::transaction::transaction::Transaction;

/// What a server said to a ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pong {
    /// It is there, whatever it thinks of the request; its status.
    Answer(u16),
    /// It answers, but takes no calls now (503).
    Overloaded,
    /// Nothing came in time (32 s), or it cannot be reached at all.
    Silence,
}

/// Asks `server`.
pub(super) async fn ping(stack: &EndpointInnerRef, server: Uri) -> Pong {
    send(stack, server).await.unwrap_or(Pong::Silence)
}

async fn send(stack: &EndpointInnerRef, server: Uri) -> Option<Pong> {
    let to = To { display_name: None, uri: server.clone(), params: Vec::new() };
    let from = From { display_name: None, uri: server.clone(), params: Vec::new() }.with_tag(make_tag());
    let via = super::message::via(stack, &server)?;
    let request = stack.make_request(Method::Options, server, via, from, to, 1, None);
    let key = TransactionKey::from_request(&request, TransactionRole::Client).ok()?;
    let mut transaction = Transaction::new_client(key, request, stack.clone(), None);
    transaction.send().await.ok()?;
    while let Some(message) = transaction.receive().await {
        let SipMessage::Response(response) = message else { continue };
        return match response.status_code.code() {
            100..=199 => continue,
            // What the stack makes of silence, too.
            408 => None,
            503 => Some(Pong::Overloaded),
            status => Some(Pong::Answer(status)),
        };
    }
    None
}
