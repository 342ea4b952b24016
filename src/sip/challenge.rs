//! Digest authentication (RFC 3261, section 22; RFC 8760) of those who call us.
//!
//! A nonce carries its own time and a keyed hash of it, so that nothing is kept for who only asks.

use std::time::Duration;

use ring::hmac;
use ring::rand::SystemRandom;
use rsipstack::dialog::authenticate::verify_digest;
use rsipstack::sip::typed::Authorization;
use rsipstack::sip::{Header, Method, Request};
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;

use super::message;

/// How long a nonce counts.
const FRESH: Duration = Duration::from_secs(60);

/// A name and a password: ours at a server, or somebody's at us.
#[derive(Clone, Debug)]
pub struct Account {
    pub user: String,
    pub password: SecretString,
}

/// What a request says of its sender.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// It knows the password of this account.
    Account(String),
    /// It knew it too long ago, and may try again with a new nonce.
    Stale,
    /// It says nothing, or it knows no password.
    None,
}

/// Challenges, and what answers are worth.
#[derive(Debug)]
pub(super) struct Challenges {
    realm: String,
    accounts: Vec<Account>,
    key: hmac::Key,
}

impl Challenges {
    /// `None` when this machine has no random numbers.
    pub(super) fn new(realm: String, accounts: Vec<Account>) -> Option<Self> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).ok()?;
        Some(Self { realm, accounts, key })
    }

    /// The field that asks for a proof; `at` is how long the endpoint has been open.
    pub(super) fn field(&self, is_stale: bool, at: Duration) -> Header {
        let stale = if is_stale { ", stale=true" } else { "" };
        let nonce = self.nonce(at.as_secs());
        let (realm, qop) = (&self.realm, "auth");
        let value =
            format!("Digest realm=\"{realm}\", nonce=\"{nonce}\", algorithm=MD5, qop=\"{qop}\"{stale}");
        Header::WwwAuthenticate(value.into())
    }

    fn nonce(&self, seconds: u64) -> String {
        let tag = hmac::sign(&self.key, &seconds.to_be_bytes());
        format!("{seconds:x}-{}", hex::encode(&tag.as_ref()[..16]))
    }

    /// Whose request it is.
    pub(super) fn check(&self, request: &Request, at: Duration) -> Proof {
        let Some(field) = message::field(request, "Authorization") else { return Proof::None };
        let Ok(said) = Authorization::parse(&field) else { return Proof::None };
        self.check_said(&said, &field, &request.method, at)
    }

    fn check_said(&self, said: &Authorization, raw: &str, method: &Method, at: Duration) -> Proof {
        let Some(account) = self.accounts.iter().find(|account| account.user == said.username) else {
            return Proof::None;
        };
        let seconds = said.nonce.split('-').next().and_then(|seconds| u64::from_str_radix(seconds, 16).ok());
        let Some(seconds) = seconds else { return Proof::None };
        let is_ours: bool = self.nonce(seconds).as_bytes().ct_eq(said.nonce.as_bytes()).into();
        let knows = verify_digest(said, account.password.expose_secret(), method, raw);
        if said.realm != self.realm || !is_ours || !knows {
            return Proof::None;
        }
        if at.as_secs().saturating_sub(seconds) > FRESH.as_secs() {
            return Proof::Stale;
        }
        Proof::Account(account.user.clone())
    }
}

#[cfg(test)]
mod tests {
    use rsipstack::dialog::authenticate::compute_digest;
    use rsipstack::sip::headers::auth::Algorithm;

    use super::*;

    fn challenges() -> Challenges {
        let account = Account { user: "bot".into(), password: "secret".to_owned().into() };
        Challenges::new("dering".into(), vec![account]).expect("random numbers")
    }

    fn request(nonce: &str, password: &str) -> Request {
        let uri = "sip:+15552000001@127.0.0.1";
        let response =
            compute_digest("bot", password, "dering", nonce, &Method::Invite, uri, Algorithm::Md5, None);
        let text = format!(
            "INVITE {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK1\r\n\
             From: <sip:bot@127.0.0.1>;tag=1\r\nTo: <{uri}>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\
             Authorization: Digest username=\"bot\", realm=\"dering\", nonce=\"{nonce}\", uri=\"{uri}\", \
             response=\"{response}\", algorithm=MD5\r\nContent-Length: 0\r\n\r\n"
        );
        Request::try_from(text.as_str()).expect("a request")
    }

    #[test]
    fn who_knows_the_password_is_known_for_as_long_as_the_nonce_is_fresh() {
        let challenges = challenges();
        let nonce = challenges.nonce(10);
        let at = Duration::from_secs;
        let good = request(&nonce, "secret");
        assert_eq!(challenges.check(&good, at(11)), Proof::Account("bot".into()));
        assert_eq!(challenges.check(&good, at(200)), Proof::Stale);
        assert_eq!(challenges.check(&request(&nonce, "wrong"), at(11)), Proof::None);
    }

    #[test]
    fn a_nonce_of_somebody_elses_is_none() {
        let theirs = challenges().nonce(10);
        assert_eq!(challenges().check(&request(&theirs, "secret"), Duration::from_secs(11)), Proof::None);
        assert_eq!(challenges().check(&request("", "secret"), Duration::from_secs(11)), Proof::None);
    }
}
