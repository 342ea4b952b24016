//! Who acted, as people know them: the names behind what the audit log calls them.

use std::collections::BTreeMap;

use crate::api::Api;
use crate::api::error::Problem;

/// The names that one page needs, each looked up once.
pub(super) struct Names<'a> {
    api: &'a Api,
    known: BTreeMap<String, String>,
}

impl<'a> Names<'a> {
    pub(super) const fn of(api: &'a Api) -> Self {
        Self { api, known: BTreeMap::new() }
    }

    /// The name of an actor: a person's own, else what the log has.
    pub(super) async fn name(&mut self, actor: &str) -> Result<String, Problem> {
        let Some(id) = actor.strip_prefix("person:") else { return Ok(actor.to_owned()) };
        if let Some(name) = self.known.get(id) {
            return Ok(name.clone());
        }
        let name = match self.api.store.person(id).await {
            Ok(person) => person.name,
            Err(crate::store::Error::NoSuch { .. }) => actor.to_owned(),
            Err(error) => return Err(error.into()),
        };
        self.known.insert(id.to_owned(), name.clone());
        Ok(name)
    }
}
