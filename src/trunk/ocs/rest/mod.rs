//! The carrier's REST side: place a call, hang up, read call detail records.

mod cdr_page;
mod envelope;

use std::fmt;
use std::time::Duration;

use callcore::call::CarrierCdr;
use reqwest::{Client, Method, RequestBuilder, Url};
use rustls::ClientConfig;
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::{Value, json};

pub use cdr_page::{CdrMeta, CdrPage, CdrRecord};
pub use envelope::RestError;
use envelope::{Answer, retry_after, unwrap_envelope, whole_envelope};

use super::client::TokenSource;
use crate::cdr_wire::CdrQuery;
use crate::media::Codecs;
use crate::trunk::carrier_json::{Text, WireCdr};
use crate::trunk::order::{DialError, Order};

/// Longest answer read, in bytes.
const MAX_ANSWER: usize = 4 * 1024 * 1024;

#[derive(Clone)]
pub(super) struct Rest {
    http: Client,
    base: Url,
    token: TokenSource,
}

/// A call that the carrier took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) session_id: String,
    /// Where its media is, from 1.0.5 on; as sent.
    pub(super) endpoint: Option<String>,
}

/// What a dial request says beyond the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extras {
    /// Nothing: 1.0.3 and 1.0.4 take a number only.
    None,
    /// The carrier's version is not known: only what was asked for, so that an older carrier sees nothing odd.
    Asked(Codecs),
    /// All that 1.0.5 takes.
    All(Codecs),
}

impl Extras {
    /// The codecs that a carrier of 1.0.5 will use after this request.
    pub(super) fn codecs(self) -> Codecs {
        match self {
            Self::None => Codecs::default(),
            Self::Asked(codecs) | Self::All(codecs) => codecs,
        }
    }

    fn body(self, order: &Order, ring: Duration) -> Value {
        let mut body = json!({ "phoneNumber": order.number });
        let (codecs, all) = match self {
            Self::None => return body,
            Self::Asked(codecs) => (codecs, false),
            Self::All(codecs) => (codecs, true),
        };
        if let Some(caller) = &order.caller {
            body["callerId"] = json!(caller);
        }
        if all {
            // Whole seconds; rounded up, so that our own limit, which is exact, comes first.
            body["timeout"] = json!(ring.as_millis().div_ceil(1_000));
        }
        if all || codecs != Codecs::default() {
            body["audio"] = json!({ "input": codecs.sent.name(), "output": codecs.received.name() });
        }
        body
    }
}

impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rest").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

impl Rest {
    /// `base` must be able to be a base, as any http URL is.
    pub(super) fn new(
        base: Url,
        token: TokenSource,
        tls: ClientConfig,
        timeout: Duration,
    ) -> Result<Self, reqwest::Error> {
        let http = Client::builder()
            .tls_backend_preconfigured(tls)
            // The socket goes straight to the carrier too.
            .no_proxy()
            .timeout(timeout)
            // A redirect would show the token to whomever it names.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("dering/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { http, base, token })
    }

    /// Places a call. Never repeated: a second call is worse than none.
    pub(super) async fn call(
        &self,
        order: &Order,
        extras: Extras,
        ring: Duration,
    ) -> Result<Placed, DialError> {
        let request = self.request(Method::POST, &["pbx", "call"]).json(&extras.body(order, ring));
        let answer = self.send(request).await.map_err(|e| e.into_dial_error(&order.number))?;
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Taken<'a> {
            #[serde(borrow)]
            session_id: Text<'a>,
            #[serde(default)]
            endpoint_url: Option<String>,
        }
        match Taken::deserialize(&answer) {
            Ok(placed) if !placed.session_id.0.is_empty() => Ok(Placed {
                session_id: placed.session_id.0.into_owned(),
                endpoint: placed.endpoint_url.filter(|url| !url.trim().is_empty()),
            }),
            _ => Err(DialError::Protocol { reason: "it placed the call but named no sessionId".into() }),
        }
    }

    pub(super) async fn hang_up(&self, session_id: &str) -> Result<(), RestError> {
        let request =
            self.request(Method::POST, &["pbx", "hangup"]).json(&json!({ "sessionId": session_id }));
        self.send(request).await.map(|_| ())
    }

    /// `None` when the carrier has no such record, or not yet.
    pub(super) async fn cdr(&self, session_id: &str) -> Result<Option<CarrierCdr>, RestError> {
        let request = self.request(Method::GET, &["v1", "cdr", session_id]);
        let answer = match self.send(request).await {
            Err(RestError::Status { status: 404, .. }) => return Ok(None),
            other => other?,
        };
        if answer.is_null() {
            return Ok(None);
        }
        let cdr = WireCdr::deserialize(&answer).map_err(|e| RestError::Answer(format!("not a CDR: {e}")))?;
        let cdr = cdr.into_cdr();
        if cdr.session_id != session_id {
            return Err(RestError::Answer("the record is of another session".into()));
        }
        Ok(Some(cdr))
    }

    /// A page of records.
    pub(super) async fn cdrs(&self, query: &CdrQuery) -> Result<CdrPage, RestError> {
        let mut url = self.url(&["v1", "cdr"]);
        url.query_pairs_mut().extend_pairs(query.pairs());
        let request = self.http.get(url).bearer_auth((self.token)().expose_secret());
        CdrPage::read(&whole_envelope(&self.fetch(request).await?)?)
    }

    fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        self.http.request(method, self.url(path)).bearer_auth((self.token)().expose_secret())
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }

    /// The `data` of a successful answer.
    async fn send(&self, request: RequestBuilder) -> Result<Value, RestError> {
        unwrap_envelope(&self.fetch(request).await?)
    }

    async fn fetch(&self, request: RequestBuilder) -> Result<Answer, RestError> {
        let mut response = request.send().await.map_err(|e| RestError::transport(&e))?;
        let http = response.status();
        let wait = retry_after(response.headers(), time::OffsetDateTime::now_utc());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| RestError::transport(&e))? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(RestError::Answer(format!("the answer is longer than {MAX_ANSWER} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { http, wait, body })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Codec;

    const RING: Duration = Duration::from_millis(30_500);

    #[test]
    fn a_carrier_before_1_0_5_is_told_the_number_and_nothing_else() {
        let order = Order { caller: Some("021".into()), ..Order::to("0811") };
        assert_eq!(Extras::None.body(&order, RING), json!({ "phoneNumber": "0811" }));
    }

    #[test]
    fn a_carrier_of_1_0_5_is_told_caller_timeout_and_codecs() {
        let order = Order { caller: Some("021".into()), ..Order::to("0811") };
        let codecs = Codecs { sent: Codec::Alaw, received: Codec::Ulaw };
        let expected = json!({
            "phoneNumber": "0811", "callerId": "021", "timeout": 31, "audio": { "input": "alaw", "output": "ulaw" },
        });
        assert_eq!(Extras::All(codecs).body(&order, RING), expected);
    }

    #[test]
    fn an_unknown_carrier_is_told_what_was_asked_for() {
        let plain = Extras::Asked(Codecs::default());
        assert_eq!(plain.body(&Order::to("1"), RING), json!({ "phoneNumber": "1" }));
        let order = Order { caller: Some("021".into()), ..Order::to("1") };
        assert_eq!(plain.body(&order, RING), json!({ "phoneNumber": "1", "callerId": "021" }));
    }
}
