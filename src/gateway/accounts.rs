//! Who may use the gateway: accounts, their bearer tokens, and the version each of them speaks.

use std::collections::HashMap;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use super::version::Version;

/// A customer of the gateway. Sessions, rooms and records of one account are invisible to the others.
#[derive(Clone, Debug)]
pub struct Account {
    pub name: String,
    pub token: SecretString,
}

/// One account as the rest of the gateway knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Holder {
    /// Its place in the list of accounts.
    pub account: usize,
    pub version: Version,
}

/// The accounts by token.
#[derive(Debug)]
pub(super) struct Accounts {
    names: Vec<String>,
    versions: Vec<Version>,
    digests: Vec<[u8; 32]>,
}

impl Accounts {
    /// `versions` by account name; the others speak `version`.
    pub(super) fn new(accounts: &[Account], version: Version, versions: &HashMap<String, Version>) -> Self {
        let digest = |account: &Account| Sha256::digest(account.token.expose_secret()).into();
        Self {
            names: accounts.iter().map(|a| a.name.clone()).collect(),
            versions: accounts.iter().map(|a| versions.get(&a.name).copied().unwrap_or(version)).collect(),
            digests: accounts.iter().map(digest).collect(),
        }
    }

    /// The account that holds `token`. Takes the same time whatever the token.
    pub(super) fn holder(&self, token: &str) -> Option<Holder> {
        let given: [u8; 32] = Sha256::digest(token).into();
        let (mut found, mut holder) = (Choice::from(0), 0_u32);
        for (place, digest) in (0_u32..).zip(&self.digests) {
            let same = digest.ct_eq(&given);
            holder.conditional_assign(&place, same);
            found |= same;
        }
        let account = bool::from(found).then_some(holder as usize)?;
        Some(Holder { account, version: self.versions.get(account).copied()? })
    }

    /// The place of the account of that name.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| known == name)
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
        let old = HashMap::from([("b".to_owned(), Version::V1_0_3)]);
        let accounts = Accounts::new(&[account("a", "one"), account("b", "two")], Version::V1_0_5, &old);
        assert_eq!(accounts.holder("one"), Some(Holder { account: 0, version: Version::V1_0_5 }));
        assert_eq!(accounts.holder("two"), Some(Holder { account: 1, version: Version::V1_0_3 }));
        assert_eq!((accounts.holder(""), accounts.holder("on")), (None, None));
        assert_eq!(bearer("bearer  two "), Some("two"));
        assert_eq!((bearer("two"), bearer("Basic two")), (None, None));
    }
}
