//! Rules, holds and outcomes in the words of who looks.

use callcore::campaign::{Binding, Outcome, Reason, Rule, Scope};

use crate::campaigns::Hold;
use crate::console::frame::Frame;

/// An outcome in words.
pub(in crate::console) fn outcome(frame: &Frame, outcome: Outcome) -> &'static str {
    frame.say(match outcome {
        Outcome::HeardToTheEnd => "outcome_heard_to_the_end",
        Outcome::HungUpEarly => "outcome_hung_up_early",
        Outcome::Unclear => "outcome_unclear",
        Outcome::Answered => "outcome_answered",
        Outcome::Callback => "outcome_callback",
        Outcome::OptedOut => "outcome_opted_out",
        Outcome::VoicemailLeft => "outcome_voicemail_left",
        Outcome::VoicemailUnheard => "outcome_voicemail_unheard",
        Outcome::NetworkMailbox => "outcome_network_mailbox",
        Outcome::Screening => "outcome_screening",
        Outcome::Ivr => "outcome_ivr",
        Outcome::Fax => "outcome_fax",
        Outcome::Busy => "outcome_busy",
        Outcome::NoAnswer => "outcome_no_answer",
        Outcome::Declined => "outcome_declined",
        Outcome::NoSuchNumber => "outcome_no_such_number",
        Outcome::NetworkFault => "outcome_network_fault",
        Outcome::Lost => "outcome_lost",
        Outcome::Cancelled => "outcome_cancelled",
        Outcome::NotDialled => "outcome_not_dialled",
        Outcome::Impossible => "outcome_impossible",
    })
}

/// The mark beside an outcome: who was there, by shape.
pub(super) const fn mark(outcome: Outcome) -> (&'static str, &'static str) {
    match outcome {
        Outcome::HeardToTheEnd | Outcome::HungUpEarly | Outcome::Callback | Outcome::OptedOut => {
            ("human", "●")
        }
        Outcome::VoicemailLeft
        | Outcome::VoicemailUnheard
        | Outcome::NetworkMailbox
        | Outcome::Screening
        | Outcome::Ivr
        | Outcome::Fax => ("machine", "▲"),
        Outcome::NetworkFault | Outcome::Lost | Outcome::NoSuchNumber | Outcome::Impossible => {
            ("failed", "✕")
        }
        Outcome::Unclear
        | Outcome::Answered
        | Outcome::Busy
        | Outcome::NoAnswer
        | Outcome::Declined
        | Outcome::Cancelled
        | Outcome::NotDialled => ("nobody", "○"),
    }
}

/// The name of a rule, as counts have it.
pub(super) fn rule(frame: &Frame, rule: &str) -> String {
    let Some(known) = Rule::named(rule) else { return rule.to_owned() };
    let said = frame.say(match known {
        Rule::Due => "rule_due",
        Rule::NotStarted => "rule_not_started",
        Rule::Paused => "rule_paused",
        Rule::Draining => "rule_draining",
        Rule::Stopped => "rule_stopped",
        Rule::OutsideWindow => "rule_outside_window",
        Rule::Holiday => "rule_holiday",
        Rule::ZoneUnknown => "rule_zone_unknown",
        Rule::DoNotCall => "rule_do_not_call",
        Rule::Suppressed => "rule_suppressed",
        Rule::NoConsent => "rule_no_consent",
        Rule::CapDay => "rule_cap_day",
        Rule::CapTotal => "rule_cap_total",
        Rule::RetryWait => "rule_retry_wait",
        Rule::CallbackAt => "rule_callback_at",
        Rule::BudgetDay => "rule_budget_day",
        Rule::BudgetTotal => "rule_budget_total",
        Rule::CallerIdCap => "rule_caller_id_cap",
        Rule::CannotDial => "rule_cannot_dial",
        Rule::ExcludedBy => "rule_excluded_by",
        Rule::Calling => "rule_calling",
        Rule::Done => "rule_done",
    });
    said.to_owned()
}

/// Why a contact is not called now, with the values that decide.
pub(in crate::console) fn reason(frame: &Frame, reason: &Reason) -> String {
    let at = |ms: Option<i64>| {
        ms.map_or_else(|| frame.say("never").to_owned(), |ms| frame.zone.at(ms).text().to_owned())
    };
    let tell = |key: &str, parts: &[(&str, &str)]| frame.tell(key, parts);
    match reason {
        Reason::NotStarted { until_ms: None } => frame.say("why_not_launched").to_owned(),
        Reason::NotStarted { until_ms } => tell("why_not_started", &[("until", &at(*until_ms))]),
        Reason::Due => frame.say("why_due").to_owned(),
        Reason::Paused => frame.say("why_paused").to_owned(),
        Reason::Draining => frame.say("why_draining").to_owned(),
        Reason::Stopped => frame.say("why_stopped").to_owned(),
        Reason::OutsideWindow { opens_ms } => tell("why_outside_window", &[("until", &at(*opens_ms))]),
        Reason::Holiday { name, opens_ms } => {
            tell("why_holiday", &[("name", name), ("until", &at(*opens_ms))])
        }
        Reason::ZoneUnknown => frame.say("why_zone_unknown").to_owned(),
        Reason::DoNotCall(listed) => match listed.scope {
            Scope::All => tell("why_do_not_call", &[("since", &at(listed.since_ms))]),
            Scope::Pattern => frame.say("why_never_call").to_owned(),
        },
        Reason::Suppressed { since_ms } => tell("why_suppressed", &[("since", &at(*since_ms))]),
        Reason::NoConsent { given_ms: None } => frame.say("why_no_consent").to_owned(),
        Reason::NoConsent { given_ms } => tell("why_old_consent", &[("given", &at(*given_ms))]),
        Reason::CapDay { attempts, of, until_ms } => tell(
            "why_cap_day",
            &[("n", &attempts.to_string()), ("of", &of.to_string()), ("until", &at(Some(*until_ms)))],
        ),
        Reason::CapTotal { attempts, of } => {
            tell("why_cap_total", &[("n", &attempts.to_string()), ("of", &of.to_string())])
        }
        Reason::RetryWait { after, until_ms } => {
            tell("why_retry_wait", &[("outcome", outcome(frame, *after)), ("until", &at(Some(*until_ms)))])
        }
        Reason::CallbackAt { at_ms } => tell("why_callback_at", &[("at", &at(Some(*at_ms)))]),
        Reason::BudgetDay { used_minutes, of, until_ms } => tell(
            "why_budget_day",
            &[("n", &used_minutes.to_string()), ("of", &of.to_string()), ("until", &at(Some(*until_ms)))],
        ),
        Reason::BudgetTotal { used_minutes, of } => {
            tell("why_budget_total", &[("n", &used_minutes.to_string()), ("of", &of.to_string())])
        }
        Reason::CallerIdCap { until_ms } => tell("why_caller_id_cap", &[("until", &at(Some(*until_ms)))]),
        Reason::CannotDial { why } => frame.told(why),
        Reason::ExcludedBy { who, at_ms } => {
            tell("why_excluded_by", &[("who", who), ("at", &at(Some(*at_ms)))])
        }
        Reason::Calling => frame.say("why_calling").to_owned(),
        Reason::Done { outcome: came } => outcome(frame, *came).to_owned(),
    }
}

/// What holds a campaign back, as a sentence.
pub(in crate::console) fn hold(frame: &Frame, hold: &Hold) -> String {
    match hold {
        Hold::Pacing { limit, .. } => frame
            .say(match limit {
                Binding::Concurrency => "hold_concurrency",
                Binding::Rate => "hold_rate",
                Binding::RampUp => "hold_ramp_up",
                Binding::Breaker => "hold_breaker",
                Binding::Trunk => "hold_trunk",
                Binding::TrunkAway => "hold_trunk_away",
            })
            .to_owned(),
        Hold::Limit { reason: why } => reason(frame, why),
        Hold::Broken { why } => frame.tell("hold_broken", &[("why", why)]),
        Hold::Stuck => frame.say("hold_stuck").to_owned(),
        Hold::NobodyDue { until_ms: None } => frame.say("hold_nobody").to_owned(),
        Hold::NobodyDue { until_ms: Some(until) } => {
            frame.tell("hold_nobody_before", &[("until", frame.zone.at(*until).text())])
        }
    }
}
