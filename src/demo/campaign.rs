//! A campaign of two hundred contacts, asked for over the API as any client would: a list, a look ahead, the launch, and what came of
//! it.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::Demo;

/// Contacts by the beginning of their numbers, which the callees' files name: how many, and what has to come of most of them.
const CROWD: [(&str, usize, &str); 7] = [
    ("+1555101", 80, "heard_to_the_end"),
    ("+1555102", 20, "heard_to_the_end"),
    ("+1555103", 50, "voicemail_left"),
    ("+1555104", 20, "busy"),
    ("+1555105", 10, "no_answer"),
    ("+1555106", 10, "declined"),
    ("+1555107", 10, "unclear"),
];
/// Of a hundred that have to come to something, so many may come to something else: the verdict is one on sound.
const TOLERANCE: usize = 5;
/// A campaign of that size is through in half the time.
const PATIENCE: Duration = Duration::from_secs(600);
const LOOK: Duration = Duration::from_millis(500);

/// What came of the campaign.
#[derive(Debug)]
pub struct CampaignReport {
    /// As the API tells it.
    pub report: Value,
    /// The page of the campaign.
    pub page: String,
    /// What should have come of it, by outcome.
    expected: BTreeMap<&'static str, usize>,
}

impl CampaignReport {
    fn attempts(&self, outcome: &str) -> usize {
        let counts = self.report["outcomes"].as_array().into_iter().flatten();
        let found =
            counts.filter(|count| count["outcome"] == outcome).filter_map(|count| count["attempts"].as_u64());
        usize::try_from(found.sum::<u64>()).unwrap_or(0)
    }

    /// Whether as many as should came to each outcome.
    #[must_use]
    pub fn is_as_expected(&self) -> bool {
        self.expected.iter().all(|(outcome, expected)| {
            self.attempts(outcome).abs_diff(*expected) <= (expected * TOLERANCE).div_ceil(100)
        })
    }

    /// For people.
    #[must_use]
    pub fn table(&self) -> String {
        let mut table = comfy_table::Table::new();
        table.load_preset(comfy_table::presets::NOTHING);
        table.set_header(["what came of it", "contacts", "expected"]);
        for (outcome, expected) in &self.expected {
            let (said, came) = (outcome.replace('_', " "), self.attempts(outcome).to_string());
            table.add_row([said, came, expected.to_string()]);
        }
        let funnel = &self.report["funnel"];
        format!(
            "{table}\n{} calls, {} answered, {} by a person, {} messages left\nThe campaign: {}\n",
            funnel["attempts"], funnel["answered"], funnel["people"], funnel["messages_left"], self.page
        )
    }

    /// For machines.
    #[must_use]
    pub fn json(&self) -> String {
        let told =
            json!({ "report": self.report, "expected": self.expected, "asExpected": self.is_as_expected() });
        format!("{told}\n")
    }
}

impl Demo {
    /// Makes a list, looks ahead, launches, and watches until the campaign is through.
    ///
    /// # Errors
    /// When the server refuses a step, or the campaign does not end in time.
    pub async fn run_campaign(&self) -> anyhow::Result<CampaignReport> {
        let name = format!("Demo {}", crate::wallclock::iso(crate::wallclock::now_ms()));
        self.ask(Method::POST, "/v1/lists", json!({ "name": name, "zone": "UTC" })).await?;
        let path = format!("/v1/lists/{}/imports?file=demo.csv", percent(&name));
        let imported = self.send(Method::POST, &path, ("text/csv", contacts())).await?;
        ensure!(imported["state"] == "done", "the list was not read: {imported}");
        let never = json!({ "times": 0 });
        let settings = json!({
            "flow": super::REMINDER, "lists": [name], "machine_detection": "detect",
            "pacing": { "concurrent": 24, "per_second": 8, "ramp_up": "10s" },
            // The demo is to end.
            "retry": {
                "busy": never, "no_answer": never, "declined": never, "unclear": never, "hung_up_early": never,
                "voicemail_unheard": never, "network_fault": never, "network_mailbox": never,
            },
        });
        let made =
            self.ask(Method::POST, "/v1/campaigns", json!({ "name": name, "settings": settings })).await?;
        let id = made["campaign_id"].as_str().context("the campaign has no id")?;
        let path = |step: &str| format!("/v1/campaigns/{id}{step}");
        let found = self.ask(Method::POST, &path("/preflight"), Value::Null).await?;
        ensure!(found["blockers"] == json!([]), "something is in the way: {}", found["blockers"]);
        let consent = json!({ "revision": made["revision"], "consent": "simulated people on this computer" });
        self.ask(Method::POST, &path("/launch"), consent).await?;
        tokio::time::timeout(PATIENCE, self.watch(&path("")))
            .await
            .context("the campaign is not through in time")??;
        let report = self.ask(Method::GET, &path("/report"), Value::Null).await?;
        let mut expected = BTreeMap::new();
        for (_, contacts, outcome) in CROWD {
            *expected.entry(outcome).or_default() += contacts;
        }
        let page = format!("http://{}/campaigns/{id}", self.app.address());
        Ok(CampaignReport { report, page, expected })
    }

    /// Shows how far the campaign is until it is through.
    async fn watch(&self, path: &str) -> anyhow::Result<()> {
        let bar = ProgressBar::new(0);
        if let Ok(style) =
            ProgressStyle::with_template("{bar:40.cyan} {pos}/{len} contacts  {elapsed}  {msg}")
        {
            bar.set_style(style);
        }
        loop {
            let shown = self.ask(Method::GET, path, Value::Null).await?;
            let contacts = &shown["contacts"];
            let count = |name: &str| contacts[name].as_u64().unwrap_or(0);
            bar.set_length(count("total"));
            bar.set_position(count("done") + count("exhausted") + count("excluded"));
            bar.set_message(format!("{} calls now", count("calling")));
            if shown["state"] == "done" {
                bar.finish();
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn ask(&self, method: Method, path: &str, body: Value) -> anyhow::Result<Value> {
        self.send(
            method,
            path,
            ("application/json", if body.is_null() { String::new() } else { body.to_string() }),
        )
        .await
    }

    async fn send(&self, method: Method, path: &str, (kind, body): (&str, String)) -> anyhow::Result<Value> {
        let url = format!("http://{}{path}", self.app.address());
        let request = reqwest::Client::new().request(method, url).bearer_auth(self.api_key.expose_secret());
        let response = request.header("content-type", kind).body(body).send().await?;
        let status = response.status();
        let answer: Value = response.json().await.unwrap_or_default();
        ensure!(status.is_success(), "the API answered {status}: {answer}");
        Ok(answer)
    }
}

/// The contacts as a table.
fn contacts() -> String {
    let mut table = "phone_number,name,amount,due\n".to_owned();
    for (begin, count, _) in CROWD {
        for at in 0..count {
            table.push_str(&format!("{begin}{at:04},Alex {at},120 dollars,Friday\n"));
        }
    }
    table
}

fn percent(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_hundred_contacts_are_called_and_few_may_come_to_something_else() {
        assert_eq!(contacts().lines().count(), 201);
        let mut expected = BTreeMap::new();
        expected.insert("busy", 20);
        let of = |attempts: i64| CampaignReport {
            report: json!({ "outcomes": [{ "outcome": "busy", "attempts": attempts }], "funnel": {} }),
            page: String::new(),
            expected: expected.clone(),
        };
        assert!(of(20).is_as_expected() && of(19).is_as_expected() && !of(18).is_as_expected());
        assert!(of(20).table().contains("busy"));
    }
}
