//! The pages for people, as the configuration has them: who must have a second factor, and who may sign in elsewhere.

use std::collections::BTreeMap;
use std::path::PathBuf;

use reqwest::Url;
use secrecy::SecretString;
use serde::Deserialize;

use super::ConfigError;
use crate::access::{OpenIdOptions, Role};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Console {
    /// Names of roles.
    pub second_factor: Vec<String>,
    pub openid: Option<Box<OpenId>>,
}

/// An issuer at which people may sign in.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenId {
    pub issuer: String,
    pub client_id: String,
    client_secret_env: Option<String>,
    pub(super) client_secret_file: Option<PathBuf>,
    /// What the button says behind `Sign in with`; the issuer's host when absent.
    pub label: Option<String>,
    #[serde(default = "usual_scopes")]
    pub scopes: Vec<String>,
    pub role_claim: Option<String>,
    #[serde(default)]
    pub roles: BTreeMap<String, String>,
    pub default_role: Option<String>,
    #[serde(default)]
    pub link_by_name: bool,
}

fn usual_scopes() -> Vec<String> {
    ["profile", "email"].map(str::to_owned).to_vec()
}

fn wrong(reason: String) -> ConfigError {
    ConfigError::Console { reason }
}

fn role(setting: &str, name: &str) -> Result<Role, ConfigError> {
    name.parse().map_err(|error: crate::access::NoRole| wrong(format!("{setting}: {error}")))
}

impl Console {
    /// Roles that must have a second factor.
    ///
    /// # Errors
    /// When there is no such role.
    pub fn second_factor(&self) -> Result<Vec<Role>, ConfigError> {
        self.second_factor.iter().map(|name| role("second_factor", name)).collect()
    }

    /// Where people may sign in, if anywhere.
    ///
    /// # Errors
    /// When a setting cannot work, or the secret cannot be read.
    pub fn openid(&self) -> Result<Option<OpenIdOptions>, ConfigError> {
        self.openid.as_deref().map(OpenId::options).transpose()
    }
}

impl OpenId {
    fn secret(&self) -> Result<Option<SecretString>, ConfigError> {
        let unreadable = |what: String| ConfigError::Secret { setting: "console.openid".to_owned(), what };
        if let Some(name) = &self.client_secret_env {
            let found =
                std::env::var(name).map_err(|_| unreadable(format!("the environment variable {name}")))?;
            return Ok(Some(found.into()));
        }
        let Some(path) = &self.client_secret_file else { return Ok(None) };
        let read = std::fs::read_to_string(path)
            .map_err(|error| unreadable(format!("{} ({error})", path.display())))?;
        Ok(Some(read.trim().into()))
    }

    fn options(&self) -> Result<OpenIdOptions, ConfigError> {
        let url = Url::parse(&self.issuer).ok().filter(|url| url.has_host() && url.query().is_none());
        let url = url.ok_or_else(|| wrong(format!("openid.issuer: {:?} is no address", self.issuer)))?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let here = matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]");
        if url.scheme() != "https" && !(here && url.scheme() == "http") {
            return Err(wrong("openid.issuer must be https".to_owned()));
        }
        if self.client_id.is_empty() {
            return Err(wrong("openid.client_id is empty".to_owned()));
        }
        if self.roles.is_empty() != self.role_claim.is_none() {
            let both = "openid.role_claim and openid.roles go together: the claim, and which of its values gives which role";
            return Err(wrong(both.to_owned()));
        }
        let roles = self.roles.iter().map(|(value, name)| Ok((value.clone(), role("openid.roles", name)?)));
        Ok(OpenIdOptions {
            issuer: self.issuer.clone(),
            client_id: self.client_id.clone(),
            client_secret: self.secret()?,
            label: self.label.clone().unwrap_or(host),
            scopes: self.scopes.clone(),
            role_claim: self.role_claim.clone(),
            roles: roles.collect::<Result<_, ConfigError>>()?,
            default_role: self
                .default_role
                .as_deref()
                .map(|name| role("openid.default_role", name))
                .transpose()?,
            link_by_name: self.link_by_name,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<OpenIdOptions>, String> {
        let console: Console = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
        console.openid().map_err(|error| error.to_string())
    }

    #[test]
    fn settings_that_cannot_work_are_named() {
        let with = |more: &str| format!("openid: {{ issuer: 'https://id.test', client_id: dering, {more} }}");
        let good =
            read(&with("role_claim: groups, roles: { ops: admin, all: viewer }, default_role: viewer"))
                .unwrap()
                .unwrap();
        assert_eq!(
            (good.label.as_str(), good.roles["ops"], good.default_role),
            ("id.test", Role::Admin, Some(Role::Viewer))
        );
        assert_eq!(good.scopes, ["profile", "email"]);
        for (more, told) in [
            ("role_claim: groups", "go together"),
            ("roles: { ops: admin }", "go together"),
            ("role_claim: groups, roles: { ops: king }", "openid.roles"),
            ("default_role: king", "openid.default_role"),
            ("client_secret_env: DERING_NO_SUCH_VARIABLE", "DERING_NO_SUCH_VARIABLE"),
        ] {
            let why = read(&with(more)).unwrap_err();
            assert!(why.contains(told), "{more}: {why}");
        }
        assert!(read("openid: { issuer: 'http://id.test', client_id: a }").unwrap_err().contains("https"));
        assert!(read("openid: { issuer: id, client_id: a }").unwrap_err().contains("no address"));
        assert!(read("openid: { issuer: 'http://127.0.0.1:9', client_id: a }").unwrap().is_some());
        assert!(read("{}").unwrap().is_none());
    }

    #[test]
    fn roles_that_must_have_a_second_factor_are_roles() {
        let of = |text: &str| serde_saphyr::from_str::<Console>(text).unwrap().second_factor();
        assert_eq!(of("second_factor: [admin, flow_author]").unwrap(), [Role::Admin, Role::FlowAuthor]);
        assert!(of("second_factor: [boss]").unwrap_err().to_string().contains("second_factor"));
    }
}
