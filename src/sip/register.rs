//! A registration that is kept alive (RFC 3261, section 10).

use std::sync::Arc;
use std::time::Duration;

use rsipstack::dialog::authenticate::Credential;
use rsipstack::dialog::registration;
use rsipstack::sip::{Response, StatusCode, StatusCodeKind, Uri, typed};
use rsipstack::transaction::endpoint::EndpointInnerRef;
use secrecy::ExposeSecret as _;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::challenge::Account;
use super::{connect, message};

/// Asked for; servers grant less as they like.
const LIFETIME: u32 = 600;
const LONGEST_LIFETIME: u32 = 86_400;
/// A registration is renewed when this part of it is over, and after this long at least.
const RENEWED: f64 = 0.8;
const SHORTEST: Duration = Duration::from_secs(15);
/// Between attempts that fail.
const FIRST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_secs(120);
/// For the server to hear that we leave.
const FAREWELL: Duration = Duration::from_secs(2);

/// How a registration is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Registered {
    /// The first attempt is under way.
    Trying,
    Yes,
    /// The server said no; tried again all the same.
    Refused {
        status: u16,
        text: String,
    },
    /// It cannot be reached, or says nothing.
    Unreachable {
        why: String,
    },
}

/// A registration. Dropping it takes the registration back.
#[derive(Debug)]
pub struct Registration {
    state: watch::Receiver<Registered>,
    ending: CancellationToken,
    _ends: tokio_util::sync::DropGuard,
}

impl Registration {
    pub(super) fn start(stack: EndpointInnerRef, server: Uri, contact: Uri, account: &Account) -> Self {
        let (tell, state) = watch::channel(Registered::Trying);
        let ending = CancellationToken::new();
        let credential = credential(account);
        tokio::spawn(keep(stack, server, contact, credential, tell, ending.clone()));
        Self { state, ending: ending.clone(), _ends: ending.drop_guard() }
    }

    /// Takes it back from elsewhere.
    #[must_use]
    pub fn farewell(&self) -> Farewell {
        Farewell { state: self.state.clone(), ending: self.ending.clone() }
    }

    /// How it is now.
    #[must_use]
    pub fn state(&self) -> Registered {
        self.state.borrow().clone()
    }

    /// Waits for the next change; `None` when there will be none.
    pub async fn changed(&mut self) -> Option<Registered> {
        self.state.changed().await.ok()?;
        Some(self.state.borrow_and_update().clone())
    }
}

/// Takes a registration back.
#[derive(Clone, Debug)]
pub struct Farewell {
    state: watch::Receiver<Registered>,
    ending: CancellationToken,
}

impl Farewell {
    /// Returns when the server has confirmed it, or after two seconds.
    pub async fn say(&self) {
        self.ending.cancel();
        let mut state = self.state.clone();
        // The task that keeps it ends with its last word to the server.
        while state.changed().await.is_ok() {}
    }
}

/// An account, as the stack wants it.
pub(super) fn credential(account: &Account) -> Credential {
    Credential {
        username: account.user.clone(),
        password: account.password.expose_secret().to_owned(),
        realm: None,
        auth_username: None,
    }
}

/// What a server that finds our lifetime too short (423) wants at least; nothing beyond a day.
fn least(response: &Response) -> Option<u32> {
    let least = (response.status_code == StatusCode::IntervalTooBrief)
        .then(|| message::field(response, "Min-Expires"));
    least.flatten()?.trim().parse().ok().filter(|least| *least <= LONGEST_LIFETIME)
}

/// How long to wait now; next time twice as long.
fn longer(wait: &mut Duration) -> Duration {
    let next = (*wait * 2).min(LONGEST_WAIT);
    std::mem::replace(wait, next)
}

async fn keep(
    stack: EndpointInnerRef,
    server: Uri,
    contact: Uri,
    credential: Credential,
    tell: watch::Sender<Registered>,
    ending: CancellationToken,
) {
    let mut registration = registration::Registration::new(Arc::clone(&stack), Some(credential));
    registration.contact = Some(typed::Contact { display_name: None, uri: contact, params: Vec::new() });
    let (mut wait, mut lifetime) = (FIRST_WAIT, LIFETIME);
    loop {
        let attempt = async {
            connect::to(&stack, &server).await.map_err(|error| error.to_string())?;
            registration.register(server.clone(), Some(lifetime)).await.map_err(|error| error.to_string())
        };
        let attempt = tokio::select! {
            attempt = attempt => attempt,
            () = ending.cancelled() => break,
        };
        if let Ok(response) = &attempt
            && let Some(least) = least(response).filter(|least| *least > lifetime)
        {
            // It registers nobody for less (RFC 3261, section 10.2.8).
            lifetime = least;
            continue;
        }
        let pause = match attempt {
            Ok(response) if response.status_code.kind() == StatusCodeKind::Successful => {
                tell.send_replace(Registered::Yes);
                wait = FIRST_WAIT;
                Duration::from_secs(u64::from(registration.expires())).mul_f64(RENEWED).max(SHORTEST)
            }
            Ok(response) => {
                let (status, text) = (response.status_code.code(), response.status_code.text().to_owned());
                tell.send_replace(match status {
                    408 => Registered::Unreachable { why: "it does not answer".to_owned() },
                    _ => Registered::Refused { status, text },
                });
                longer(&mut wait)
            }
            Err(why) => {
                tell.send_replace(Registered::Unreachable { why });
                longer(&mut wait)
            }
        };
        tokio::select! {
            () = sleep(pause) => {}
            () = ending.cancelled() => break,
        }
    }
    let is_registered = *tell.borrow() == Registered::Yes;
    if is_registered {
        let _in_vain = timeout(FAREWELL, registration.register(server, Some(0))).await;
    }
}
