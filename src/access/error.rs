//! Why a request is refused.

use super::Scope;
use super::limits::RateLimitStatus;
use super::role::Role;
use crate::store;

/// What was not right when somebody signed in, as the audit log tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Wrong {
    #[error("the name or the password is not right; who forgot theirs asks an admin for a link")]
    Password,
    #[error("the password was right, the code of the second step is not, or was used before")]
    Code,
    #[error("what the issuer of sign-ins answered is not believed")]
    Issuer,
}

/// Why a request is turned away.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    #[error("a token is needed: send the header `auth: <JWT>` or `Authorization: Bearer <JWT>`")]
    Missing,
    #[error("the token cannot be read: {0}")]
    Malformed(String),
    #[error("the token is signed with {0}; sign it with HS256")]
    Algorithm(String),
    /// An unknown app and a wrong secret get the same answer.
    #[error("the token's signature does not fit a client app {app_id}; check the app's id and secret")]
    Unsigned { app_id: String },
    #[error("the token expired {seconds_ago} s ago; make a new one")]
    Expired { seconds_ago: u64 },
    #[error("the token is valid only in {seconds} s; check the clock of the machine that made it")]
    NotYetValid { seconds: u64 },
    #[error("the token counts {0} in milliseconds or less; write them in seconds since 1970 (RFC 7519)")]
    NotSeconds(String),
    #[error("the token was made {age} s ago and may be {most} s old; make a new one")]
    TooOld { age: u64, most: u64 },
    #[error("the token does not say when it was made; set the claim iat")]
    Ageless,
    #[error("this client app's tokens are good for one request; {0}")]
    NotForOnce(&'static str),
    #[error("this token was used before and is good for one request; make a new one with another jti")]
    Replayed,
    #[error("the scope {:?} is needed; the client app or its token does not hold it", .0.as_str())]
    Scope(Scope),
    #[error("the scope {:?} is needed; the API key does not hold it", .0.as_str())]
    KeyScope(Scope),
    #[error("the client app may not use the bot {0}")]
    Bot(String),
    #[error("the API key may not use the bot {0}")]
    KeyBot(String),
    #[error("this app or key is tied to the bots {0} and may not see what is about others; {1}")]
    BotsOnly(String, &'static str),
    #[error("this call was asked for by somebody else; the scope \"campaigns\" lets you have to do with it")]
    OthersCall,
    #[error("the scope {} is needed; this app or key does not hold it", quoted(.0))]
    NoneOf(&'static [Scope]),
    #[error("with a user name and password this request needs the header x-dering-request: 1")]
    CrossSite,
    #[error("a user name and password do not do for this; send the key as Authorization: Bearer <key>")]
    PasswordNever,
    #[error("an API key is needed: send the header `Authorization: Bearer <key>`")]
    KeyMissing,
    #[error("the API key is not known or was revoked")]
    KeyUnknown,
    #[error("the API key expired; ask for a new one")]
    KeyExpired,
    #[error(
        "the API key acts for no client app, whose secret would sign the call's webhooks; use a token, or make a key \
         with `--app`"
    )]
    KeyWithoutApp,
    /// Which of both is wrong is not told.
    #[error("the name or the password is not right; who forgot theirs asks an admin for a link")]
    SignIn,
    #[error("your role, {}, does not allow this; ask an admin", .0.as_str().replace('_', " "))]
    Role(Role),
    #[error("the server has no memory to check a password just now; try again")]
    NoHash,
    #[error("more requests than this app or key may make; try again in {} s", .0.wait_s())]
    RateLimited(RateLimitStatus),
    #[error("too many logins from this address failed; try again in {wait_s} s")]
    TooManyLogins { wait_s: u64 },
    #[error(transparent)]
    Store(#[from] store::Error),
}

fn quoted(scopes: &[Scope]) -> String {
    scopes.iter().map(|scope| format!("{:?}", scope.as_str())).collect::<Vec<_>>().join(" or ")
}

impl Error {
    /// Whether somebody may have guessed, rather than come late or with too little.
    pub(super) const fn is_a_guess(&self) -> bool {
        matches!(
            self,
            Self::Malformed(_)
                | Self::Algorithm(_)
                | Self::Unsigned { .. }
                | Self::KeyUnknown
                | Self::Replayed
        )
    }
}
