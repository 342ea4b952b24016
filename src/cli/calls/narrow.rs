//! Which calls: the filters of `GET /v1/calls` as options.

use crate::cli::ago::time;
use crate::cli::server::encoded;

/// Which calls; what is left out does not matter.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Narrow {
    /// Of one bot
    #[arg(long)]
    bot: Option<String>,
    /// Asked for by one client app, or whoever else, as in cli:ann
    #[arg(long)]
    app: Option<String>,
    /// Of one campaign, by its id
    #[arg(long)]
    campaign: Option<String>,
    /// Of one flow
    #[arg(long)]
    flow: Option<String>,
    /// Of one version of a flow, by the beginning of its digest
    #[arg(long, value_name = "DIGEST")]
    flow_version: Option<String>,
    #[arg(long)]
    trunk: Option<String>,
    /// outbound or inbound
    #[arg(long)]
    direction: Option<String>,
    /// How the carrier says it ended: answered, no-answer, busy, failed or cancel
    #[arg(long, value_parser = disposition)]
    disposition: Option<String>,
    /// Who answered: human, machine, no_speech or timeout
    #[arg(long)]
    verdict: Option<String>,
    /// The kind of person or machine: human, voicemail, unavailable, network, ivr, screening or fax
    #[arg(long)]
    subtype: Option<String>,
    /// How the flow ended
    #[arg(long)]
    outcome: Option<String>,
    /// The number that was called or that called: whole, or at least three of its digits
    #[arg(long)]
    number: Option<String>,
    /// scheduled, live or ended
    #[arg(long)]
    progress: Option<String>,
    /// Asked for at or after: 2026-11-21T08:00:00Z, 2026-11-21, or how long ago: 30m, 12h, 2d
    #[arg(long, value_parser = time)]
    since: Option<String>,
    /// Asked for before; written alike
    #[arg(long, value_parser = time)]
    until: Option<String>,
}

impl Narrow {
    /// As parameters of a query, each with `&` before it.
    pub(super) fn parameters(&self) -> String {
        let all = [
            ("botId", &self.bot),
            ("appId", &self.app),
            ("campaign", &self.campaign),
            ("flow", &self.flow),
            ("version", &self.flow_version),
            ("trunk", &self.trunk),
            ("direction", &self.direction),
            ("disposition", &self.disposition),
            ("verdict", &self.verdict),
            ("subtype", &self.subtype),
            ("outcome", &self.outcome),
            ("number", &self.number),
            ("progress", &self.progress),
            ("since", &self.since),
            ("until", &self.until),
        ];
        let given = all.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        given.map(|(name, value)| format!("&{name}={}", encoded(value))).collect()
    }
}

/// As the carrier spells it; what is none goes as it is, and the server says which there are.
#[expect(clippy::unnecessary_wraps, reason = "the shape of a parser of arguments")]
fn disposition(text: &str) -> Result<String, String> {
    Ok(text.replace(['-', '_'], " ").to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_become_parameters() {
        let narrow = Narrow {
            flow: Some("faq & more".into()),
            disposition: Some(disposition("no-answer").unwrap()),
            ..Narrow::default()
        };
        assert_eq!(narrow.parameters(), "&flow=faq%20%26%20more&disposition=NO%20ANSWER");
        assert_eq!(Narrow::default().parameters(), "");
    }
}
