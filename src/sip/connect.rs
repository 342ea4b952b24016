//! Connections to servers, made before something is asked over them: the stack would try until it gives the request up.

use std::time::Duration;

use rsipstack::sip::{Transport, Uri};
use rsipstack::transaction::endpoint::EndpointInnerRef;
use rsipstack::transport::SipAddr;
use tokio::time::{Instant, sleep, timeout_at};

use super::error::SipError;

/// For a server to take a connection, and between two attempts while it refuses.
const CONNECTED: Duration = Duration::from_secs(3);
const TRIED_AGAIN: Duration = Duration::from_millis(100);

/// Has a connection to where the URI leads; over UDP there is nothing to be had.
///
/// # Errors
/// When none is taken within three seconds.
pub(super) async fn to(stack: &EndpointInnerRef, uri: &Uri) -> Result<(), SipError> {
    let to = SipAddr::try_from(uri).map_err(|error| SipError::Request(error.to_string()))?;
    if matches!(to.r#type, None | Some(Transport::Udp)) {
        return Ok(());
    }
    let until = Instant::now() + CONNECTED;
    loop {
        match timeout_at(until, stack.transport_layer.lookup(&to, None)).await {
            Ok(Ok(_)) => return Ok(()),
            // A server that is being started takes one in a moment.
            Ok(Err(_)) if Instant::now() + TRIED_AGAIN < until => sleep(TRIED_AGAIN).await,
            Ok(Err(error)) => return Err(SipError::NoConnection(error.to_string())),
            Err(_) => {
                return Err(SipError::NoConnection(format!("none in {} s", CONNECTED.as_secs())));
            }
        }
    }
}
