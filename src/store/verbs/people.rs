//! People who sign in to the pages.

use crate::store::handle::{Backend, Store, verbs};
use crate::store::model::{
    Actor, BrowserRow, FactorGone, LinkRow, NewBrowser, NewFactor, NewLink, NewOpenId, NewPerson, NewStep,
    PersonChange, PersonRow, Redeemed, SecondFactor, SignInRow, StepRow,
};

verbs! {
    /// Everybody, by name.
    ///
    /// # Errors
    /// When the database fails.
    fn people(&self) -> Vec<PersonRow>;

    /// # Errors
    /// [`Error::NoSuch`](crate::store::Error::NoSuch) when there is nobody of that id.
    fn person(&self, id: &str) -> PersonRow;

    /// Somebody by the name they sign in with, whatever the case of its letters.
    ///
    /// # Errors
    /// When the database fails.
    fn person_to_sign_in(&self, name: &str) -> Option<SignInRow>;

    /// Adds somebody, who has no password yet.
    ///
    /// # Errors
    /// [`Error::Exists`](crate::store::Error::Exists) when the name is taken.
    fn add_person(&self, person: NewPerson, actor: Actor) -> ();

    /// Somebody's second factor.
    ///
    /// # Errors
    /// When the database fails, or the secret does not open with the server key.
    fn second_factor(&self, person_id: &str) -> Option<SecondFactor>;

    /// A second factor is asked for from now on. Every other browser is signed out, and whoever owes a code begins again. `false`:
    /// there is one already.
    ///
    /// # Errors
    /// When the database fails.
    fn confirm_second_factor(&self, person_id: &str, factor: NewFactor, actor: Actor) -> bool;

    /// Uses the code of a step of time up; `false`: it, or one of a later step, was used before.
    ///
    /// # Errors
    /// When the database fails.
    fn use_code(&self, person_id: &str, step: i64) -> bool;

    /// Uses a recovery code up; `false`: there is none of this SHA-256 that is still good.
    ///
    /// # Errors
    /// When the database fails.
    fn use_recovery_code(&self, person_id: &str, digest: &str, actor: Actor) -> bool;

    /// Takes somebody's second factor away, with its recovery codes; whoever owes a code begins again. `false`: none was asked for.
    ///
    /// # Errors
    /// When the database fails.
    fn drop_second_factor(&self, person_id: &str, why: FactorGone, actor: Actor) -> bool;

    /// Somebody has shown their password and owes a code. `false`: what they showed is good no more.
    ///
    /// # Errors
    /// When the database fails.
    fn begin_sign_in_step(&self, step: NewStep) -> bool;

    /// Who owes a code, by the SHA-256 of what their browser has; `None` when that is too old, or too many codes were tried.
    ///
    /// # Errors
    /// When the database fails.
    fn sign_in_step(&self, digest: &str, now_ms: i64) -> Option<StepRow>;

    /// Counts a code that is tried; `false`: there were enough.
    ///
    /// # Errors
    /// When the database fails.
    fn try_sign_in_step(&self, digest: &str, now_ms: i64) -> bool;

    /// They are through; `false`: somebody else was quicker.
    ///
    /// # Errors
    /// When the database fails.
    fn end_sign_in_step(&self, digest: &str) -> bool;

    /// Who somebody is, whom an issuer calls `subject` for good.
    ///
    /// # Errors
    /// When the database fails.
    fn openid_person(&self, issuer: &str, subject: &str) -> Option<String>;

    /// Whom an admin expects to come with this e-mail address, whatever the case of its letters.
    ///
    /// # Errors
    /// When the database fails.
    fn expected_openid(&self, email: &str) -> Option<String>;

    /// Expects somebody to come from an issuer with this e-mail address.
    ///
    /// # Errors
    /// [`Error::Exists`](crate::store::Error::Exists) when somebody else is expected with it.
    fn expect_openid(&self, person_id: &str, email: &str, actor: Actor) -> ();

    /// Somebody is who an issuer calls `subject`, from now on; whoever that was before stays who they are. `None`: what they are
    /// linked by does not hold any more.
    ///
    /// # Errors
    /// When the database fails.
    fn link_openid(&self, link: NewOpenId, actor: Actor) -> Option<String>;

    /// Somebody is nobody elsewhere any more, and is expected from nowhere. Browsers stay signed in.
    ///
    /// # Errors
    /// When the database fails.
    fn drop_openid(&self, person_id: &str, actor: Actor) -> ();

    /// Changes somebody. Who is disabled is signed out everywhere, and their links are good no more.
    ///
    /// # Errors
    /// [`Error::NoSuch`](crate::store::Error::NoSuch) when there is nobody of that id;
    /// [`Error::LastAdmin`](crate::store::Error::LastAdmin) when nobody could let others in any more.
    fn change_person(&self, id: &str, change: PersonChange, actor: Actor) -> ();

    /// Lets a browser in, in place of the one with the cookie of `before`. The oldest of many of one person is out. `false`: what
    /// they proved is good no more, so nobody is let in.
    ///
    /// # Errors
    /// When the database fails.
    fn open_browser(&self, browser: NewBrowser, before: Option<String>, actor: Actor) -> bool;

    /// A browser that is signed in at `now_ms`, unless its owner is disabled.
    ///
    /// # Errors
    /// When the database fails.
    fn browser(&self, digest: &str, now_ms: i64) -> Option<BrowserRow>;

    /// The browsers in which somebody is signed in at `now_ms`, the latest first.
    ///
    /// # Errors
    /// When the database fails.
    fn browsers_of(&self, person_id: &str, now_ms: i64) -> Vec<BrowserRow>;

    /// A browser was seen, and stays signed in until then.
    ///
    /// # Errors
    /// When the database fails.
    fn keep_browser(&self, digest: &str, now_ms: i64, until_ms: i64) -> ();

    /// Signs a browser out; `false` when it was not in.
    ///
    /// # Errors
    /// When the database fails.
    fn close_browser(&self, digest: &str, actor: Actor) -> bool;

    /// Signs somebody out everywhere, also where they still owe a code; in how many browsers they were in.
    ///
    /// # Errors
    /// When the database fails.
    fn close_browsers_of(&self, person_id: &str, actor: Actor) -> u64;

    /// Makes a link that is good once; earlier ones for the same are good no more.
    ///
    /// # Errors
    /// [`Error::NoSuch`](crate::store::Error::NoSuch) when there is no such person, or they are disabled.
    fn issue_link(&self, link: NewLink, actor: Actor) -> ();

    /// A link that is good at `now_ms`.
    ///
    /// # Errors
    /// When the database fails.
    fn link(&self, digest: &str, now_ms: i64) -> Option<LinkRow>;

    /// Uses a link up, in one transaction with what it is good for, and tells whose it was. `None`: it is not good, or
    /// for something else. A new password signs its owner out everywhere.
    ///
    /// # Errors
    /// [`Error::Exists`](crate::store::Error::Exists) when the name of the first admin is taken.
    fn redeem_link(&self, digest: &str, now_ms: i64, used: Redeemed, address: Option<String>) -> Option<String>;

    /// Gives somebody a password, in the PHC form, and signs them out everywhere.
    ///
    /// # Errors
    /// When the database fails.
    fn set_password(&self, person_id: &str, password: String, actor: Actor) -> ();

    /// Forgets browsers and links whose time was over before `now_ms`; tells how many.
    ///
    /// # Errors
    /// When the database fails.
    fn forget_browsers(&self, now_ms: i64) -> u64;
}
