//! Settings compared with what is there: flows, lists, trunks, addresses.

use callcore::campaign::{Problem, Rules, Settings};

use super::{Desk, wrong};
use crate::flows;
use crate::store;

/// Nobody is called again sooner, ms.
const SHORTEST_WAIT_MS: i64 = 60_000;

impl Desk {
    /// Checks settings, pins the flow to the version that its name stands for now, and lists to their ids.
    pub(super) async fn checked(
        &self,
        mut settings: Settings,
        problems: &mut Vec<Problem>,
    ) -> Result<Settings, store::Error> {
        match settings.clone().with_preset() {
            Ok(filled) => settings = filled,
            Err(unknown) => problems.push(unknown),
        }
        if let Err(wrong) = Rules::new(settings.clone(), self.calls.country()) {
            problems.extend(wrong);
        }
        if !settings.flow.trim().is_empty() {
            match self.pinned(&settings.flow) {
                Ok(pinned) => settings.flow = pinned,
                Err(error) => problems.push(wrong("flow", error.to_string())),
            }
        }
        if let Some(canary) = &mut settings.canary
            && !canary.flow.trim().is_empty()
        {
            match self.pinned(&canary.flow) {
                Ok(pinned) => canary.flow = pinned,
                Err(error) => problems.push(wrong("canary.flow", error.to_string())),
            }
        }
        for (field, lists) in
            [("lists", &mut settings.lists), ("suppression_lists", &mut settings.suppression_lists)]
        {
            for (at, list) in lists.iter_mut().enumerate() {
                match self.store.list(list).await? {
                    Some(found) => *list = found.id,
                    None => problems
                        .push(wrong(&format!("{field}[{at}]"), format!("there is no contact list {list:?}"))),
                }
            }
        }
        for (outcome, rule) in settings.retry.set() {
            if rule.after.iter().any(|wait| wait.ms() < SHORTEST_WAIT_MS) {
                problems.push(wrong(
                    &format!("retry.{}.after", outcome.as_str()),
                    "must be `1m` or more".to_owned(),
                ));
            }
        }
        if settings.canary.as_ref().is_some_and(|canary| canary.flow == settings.flow) {
            problems.push(wrong(
                "canary.flow",
                "is the version that the others run, too; name another one".to_owned(),
            ));
        }
        for (at, list) in settings.suppression_lists.iter().enumerate() {
            if settings.lists.contains(list) {
                let text =
                    "is among `lists`, too, so that nobody of it would be called; take it out of one of them";
                problems.push(wrong(&format!("suppression_lists[{at}]"), text.to_owned()));
            }
        }
        if let Some(Err(error)) = settings.notify_url.as_ref().map(|url| self.webhooks.check(url)) {
            problems.push(wrong("notify_url", error.to_string()));
        }
        if let Some(trunk) = &settings.trunk
            && !self.calls.dialling_trunks().any(|known| known.name() == trunk)
        {
            let known: Vec<&str> = self.calls.dialling_trunks().map(crate::trunk::Trunk::name).collect();
            problems.push(wrong(
                "trunk",
                format!("there is no trunk {trunk:?}; there are: {}", known.join(", ")),
            ));
        }
        Ok(settings)
    }

    fn pinned(&self, reference: &str) -> Result<String, flows::Error> {
        let (name, digest) = self.flows.resolve(reference)?;
        Ok(format!("{name}@{}", digest.get(..12).unwrap_or(&digest)))
    }
}
