//! Whether the server is within reach: by its answers to pings, and by our registration.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::sip::{Endpoint, Pong, Registered, Registration, Server};
use crate::trunk::reach::Reach;
use crate::wallclock::now_ms;

/// What is known of the server.
#[derive(Clone, Debug, Default)]
struct Known {
    pong: Option<Pong>,
    /// Whether it has ever answered a ping: one that never did may not answer any, and take calls all the same.
    answers_pings: bool,
    registered: Option<Registered>,
}

impl Known {
    fn pinged(&mut self, pong: Pong) {
        self.pong = Some(pong);
        self.answers_pings |= pong != Pong::Silence;
    }

    /// Why it is away, if it is.
    fn why_away(&self) -> Option<String> {
        match &self.registered {
            Some(Registered::Refused { status, text }) => {
                return Some(format!("the server refuses our registration: {status} {text}"));
            }
            Some(Registered::Unreachable { why }) => {
                return Some(format!("the server cannot be registered at: {why}"));
            }
            Some(Registered::Trying | Registered::Yes) | None => {}
        }
        match self.pong {
            Some(Pong::Silence) if self.answers_pings => Some("the server does not answer".to_owned()),
            Some(Pong::Overloaded) => Some("the server has too much to do (503)".to_owned()),
            Some(Pong::Silence | Pong::Answer(_)) | None => None,
        }
    }

    fn reach(&self, before: &Reach, now_ms: i64) -> Reach {
        if let Some(why) = self.why_away() {
            let since_ms = match before {
                Reach::Away { since_ms, .. } => *since_ms,
                Reach::Within | Reach::Unknown => now_ms,
            };
            return Reach::Away { since_ms, why };
        }
        let is_there = matches!(self.pong, Some(Pong::Answer(_))) || self.registered == Some(Registered::Yes);
        if is_there { Reach::Within } else { Reach::Unknown }
    }
}

/// Looks after one server until nobody wants to know any more.
pub(super) async fn watch(
    trunk: String,
    endpoint: Endpoint,
    server: Server,
    every: Option<Duration>,
    mut registration: Option<Registration>,
    tell: watch::Sender<Reach>,
) {
    let mut known = Known { registered: registration.as_ref().map(Registration::state), ..Known::default() };
    // Never due where nobody asks.
    let mut ticks = interval(every.unwrap_or(Duration::from_secs(3_600)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let asks = every.is_some();
    loop {
        tokio::select! {
            _ = ticks.tick(), if asks => {
                known.pinged(tokio::select! {
                    pong = endpoint.ping(&server) => pong,
                    () = tell.closed() => return,
                });
            }
            Some(state) = changed(&mut registration) => known.registered = Some(state),
            () = tell.closed() => return,
        }
        tell.send_if_modified(|reach| {
            let new = known.reach(reach, now_ms());
            let is_new = new != *reach;
            match (&new, &*reach) {
                (Reach::Away { .. }, Reach::Away { .. }) | (Reach::Unknown, _) => {}
                (Reach::Away { why, .. }, Reach::Within | Reach::Unknown) => {
                    tracing::warn!(trunk, why, "the SIP server is out of reach: no calls go out");
                }
                (Reach::Within, Reach::Away { .. }) => {
                    tracing::info!(trunk, "the SIP server is within reach again");
                }
                (Reach::Within, Reach::Within | Reach::Unknown) => {}
            }
            *reach = new;
            is_new
        });
    }
}

async fn changed(registration: &mut Option<Registration>) -> Option<Registered> {
    match registration {
        Some(registration) => registration.changed().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn away(reach: &Reach) -> Option<i64> {
        match reach {
            Reach::Away { since_ms, .. } => Some(*since_ms),
            Reach::Within | Reach::Unknown => None,
        }
    }

    #[test]
    fn a_server_that_stops_answering_is_away_and_one_that_never_did_is_not_known_to_be() {
        let mut known = Known::default();
        known.pinged(Pong::Silence);
        assert_eq!(known.reach(&Reach::Unknown, 1), Reach::Unknown);
        known.pinged(Pong::Answer(404));
        assert_eq!(known.reach(&Reach::Unknown, 2), Reach::Within);
        known.pinged(Pong::Silence);
        let gone = known.reach(&Reach::Within, 3);
        assert_eq!(away(&gone), Some(3));
        assert_eq!(away(&known.reach(&gone, 9)), Some(3), "since the first time");
    }

    #[test]
    fn a_registration_that_is_refused_goes_before_an_answer() {
        let mut known = Known::default();
        known.pinged(Pong::Answer(200));
        known.registered = Some(Registered::Refused { status: 403, text: "Forbidden".into() });
        assert!(away(&known.reach(&Reach::Within, 1)).is_some());
        known.registered = Some(Registered::Yes);
        assert_eq!(known.reach(&Reach::Unknown, 2), Reach::Within);
    }
}
