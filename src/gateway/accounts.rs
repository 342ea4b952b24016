//! Who may use the gateway: accounts and their bearer tokens.

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

/// A customer of the gateway. Sessions, rooms and records of one account are invisible to the others.
#[derive(Clone, Debug)]
pub struct Account {
    pub name: String,
    pub token: SecretString,
}

/// The accounts by token; an account is known by its place in the list.
#[derive(Debug)]
pub(super) struct Accounts {
    names: Vec<String>,
    digests: Vec<[u8; 32]>,
}

impl Accounts {
    pub(super) fn new(accounts: &[Account]) -> Self {
        let digest = |account: &Account| Sha256::digest(account.token.expose_secret()).into();
        Self {
            names: accounts.iter().map(|a| a.name.clone()).collect(),
            digests: accounts.iter().map(digest).collect(),
        }
    }

    /// The account that holds `token`. Takes the same time whatever the token.
    pub(super) fn holder(&self, token: &str) -> Option<usize> {
        let given: [u8; 32] = Sha256::digest(token).into();
        let (mut found, mut holder) = (Choice::from(0), 0_u32);
        for (place, digest) in (0_u32..).zip(&self.digests) {
            let same = digest.ct_eq(&given);
            holder.conditional_assign(&place, same);
            found |= same;
        }
        bool::from(found).then_some(holder as usize)
    }

    pub(super) fn name(&self, account: usize) -> &str {
        self.names.get(account).map_or("", String::as_str)
    }
}

/// The token of `Bearer <token>`, in any case of the word.
pub(super) fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_token_opens_its_own_account_and_no_other_does() {
        let account = |name: &str, token: &str| Account { name: name.into(), token: token.into() };
        let accounts = Accounts::new(&[account("a", "one"), account("b", "two")]);
        assert_eq!((accounts.holder("one"), accounts.holder("two")), (Some(0), Some(1)));
        assert_eq!((accounts.holder(""), accounts.holder("on")), (None, None));
        assert_eq!(bearer("bearer  two "), Some("two"));
        assert_eq!((bearer("two"), bearer("Basic two")), (None, None));
    }
}
