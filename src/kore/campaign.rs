//! A campaign as programs for Kore's public campaign API write it, and the settings that it means here.

use callcore::campaign::{CallerId, Caps, Hours, Outcome, Pacing, RetryPlan, RetryRule, Settings, Span};
use callcore::flow;
use serde::Serialize;
use utoipa::ToSchema;

use super::hours::{CallingDay, CallingHours, Clock, Day, Frequency};

/// Attempts at a contact where nobody says how many.
const USUAL_ATTEMPTS: u32 = 6;
/// What a retry period holds for: nobody was reached, and nobody said no for good.
const TRIED_AGAIN: [Outcome; 6] = [
    Outcome::Busy,
    Outcome::NoAnswer,
    Outcome::Declined,
    Outcome::NetworkFault,
    Outcome::NetworkMailbox,
    Outcome::Lost,
];

/// A campaign to make.
#[derive(Clone, Debug, Default, PartialEq, ToSchema)]
#[schema(as = KoreNewCampaign, example = json!({
    "name": "November reminders", "description": "Customers with a contract; consent given in the app",
    "contactLists": ["november"], "priority": "3", "dialingMode": "Agentless",
    "dialingStrategy": { "callingHours": { "frequency": "WEEKLY", "timezone": "Asia/Jakarta",
        "days": [{ "day": "MO", "start": "9:00 AM", "end": "6:00 PM" }] },
        "maxAttemptsPerRecord": 3, "defaultRetryPeriod": 60, "maxRingTime": 30 },
    "experienceFlowName": "reminder", "enableMachineDetect": "detect"
}))]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewCampaign {
    #[schema(min_length = 1, max_length = 48)]
    pub(crate) name: String,
    /// What it is for. When its schedule is enabled it is kept as the statement of consent, unless that request brings one.
    #[schema(max_length = 256)]
    pub(crate) description: Option<String>,
    /// Names of contact lists.
    pub(crate) contact_lists: Vec<String>,
    /// `"1"` to `"5"`; higher goes first.
    #[schema(value_type = Option<String>, pattern = "^[1-5]$")]
    pub(crate) priority: Option<u32>,
    /// `Agentless`; the others need human agents.
    #[schema(value_type = Option<String>, pattern = "^Agentless$")]
    pub(crate) dialing_mode: (),
    pub(crate) dialing_strategy: Option<Strategy>,
    /// The flow: its name, or a bot of the configuration. When absent, that of the bot in the path.
    pub(crate) experience_flow_name: Option<String>,
    /// `no`, `detect` or `disconnect`.
    #[schema(value_type = Option<String>, pattern = "^(no|detect|disconnect)$")]
    pub(crate) enable_machine_detect: Option<MachineDetect>,
    pub(crate) schedule: Option<Schedule>,
}

/// How it dials.
#[derive(Clone, Debug, Default, PartialEq, ToSchema)]
#[schema(as = KoreDialingStrategy)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Strategy {
    /// The number that calls are made from; that of the trunk when absent.
    pub(crate) caller_id: Option<Caller>,
    pub(crate) calling_hours: Option<CallingHours>,
    #[schema(minimum = 1, maximum = 100)]
    pub(crate) max_attempts_per_record: Option<u32>,
    /// Minutes.
    #[schema(minimum = 1, maximum = 1440)]
    pub(crate) default_retry_period: Option<u32>,
    /// Seconds.
    #[schema(minimum = 5, maximum = 120)]
    pub(crate) max_ring_time: Option<u32>,
}

/// A number to call from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = KoreCallerId)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Caller {
    pub(crate) phone_number: String,
}

/// Whether it begins at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = KoreSchedule)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Schedule {
    pub(crate) is_scheduling_enabled: bool,
}

/// What happens when a machine answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MachineDetect {
    No,
    Detect,
    Disconnect,
}

impl From<MachineDetect> for flow::MachineDetection {
    fn from(asked: MachineDetect) -> Self {
        match asked {
            MachineDetect::No => Self::Disabled,
            MachineDetect::Detect => Self::Detect,
            MachineDetect::Disconnect => Self::Disconnect,
        }
    }
}

const fn word(detection: flow::MachineDetection) -> &'static str {
    match detection {
        flow::MachineDetection::Disabled => "no",
        flow::MachineDetection::Detect => "detect",
        flow::MachineDetection::Disconnect => "disconnect",
    }
}

impl NewCampaign {
    /// The settings that it means; `flow` is what its experience flow stands for.
    pub(crate) fn settings(&self, flow: String) -> Settings {
        let strategy = self.dialing_strategy.clone().unwrap_or_default();
        let hours = strategy.calling_hours.unwrap_or_default();
        let attempts = strategy.max_attempts_per_record.unwrap_or(USUAL_ATTEMPTS);
        let pacing = Pacing::default();
        Settings {
            description: self.description.clone(),
            flow,
            lists: self.contact_lists.clone(),
            windows: hours.windows(),
            zone: hours.timezone,
            retry: strategy.default_retry_period.map(|minutes| plan(attempts, minutes)).unwrap_or_default(),
            caps: Caps { in_all: attempts, ..Caps::default() },
            pacing: Pacing { priority: self.priority.unwrap_or(pacing.priority), ..pacing },
            caller_ids: strategy
                .caller_id
                .map(|caller| CallerId { number: caller.phone_number, per_day: None })
                .into_iter()
                .collect(),
            machine_detection: self.enable_machine_detect.map(flow::MachineDetection::from),
            ring_timeout: strategy.max_ring_time.and_then(|seconds| format!("{seconds}s").parse().ok()),
            ..Settings::default()
        }
    }

    /// Whether it is to begin without another request.
    pub(crate) fn begins(&self) -> bool {
        self.schedule.is_some_and(|schedule| schedule.is_scheduling_enabled)
    }
}

/// The same wait after everything that is tried again.
fn plan(attempts: u32, minutes: u32) -> RetryPlan {
    let rule = RetryRule {
        times: attempts.saturating_sub(1),
        after: vec![Span::minutes(minutes)],
        other_part_of_day: false,
    };
    TRIED_AGAIN.into_iter().fold(RetryPlan::default(), |plan, outcome| plan.with(outcome, rule.clone()))
}

/// What a field of our settings is called in Kore's requests, so that who sent one finds what is wrong with it.
pub(crate) fn kores_field(ours: &str) -> String {
    const NAMES: [(&str, &str); 8] = [
        ("lists", "contactLists"),
        ("flow", "experienceFlowName"),
        ("zone", "dialingStrategy.callingHours.timezone"),
        ("windows", "dialingStrategy.callingHours.days"),
        ("caller_ids", "dialingStrategy.callerId"),
        ("pacing.priority", "priority"),
        ("starts", "startDateTime"),
        ("ends", "endDateTime"),
    ];
    let known = NAMES.iter().find_map(|(name, kores)| {
        let rest = ours.strip_prefix(name)?;
        (rest.is_empty() || rest.starts_with(['.', '['])).then(|| format!("{kores}{rest}"))
    });
    let name = known.unwrap_or_else(|| ours.to_owned());
    // What is a list here is one number there.
    let name = name.replace("callerId[0].number", "callerId.phoneNumber");
    name.replace("].from", "].start").replace("].until", "].end")
}

/// How far a campaign is, in Kore's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = KoreCampaignStatus)]
pub(crate) enum CampaignStatus {
    /// It is looked ahead for, or that found something in the way.
    Preparing,
    Ready,
    Active,
    Paused,
    Completed,
    Stopped,
}

/// A campaign as it is answered.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = KoreCampaign)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Campaign {
    /// The same as `id`, as some of Kore's answers name it.
    #[serde(rename = "_id")]
    pub(crate) underscored: String,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) status: CampaignStatus,
    /// What is in the way of a campaign that stays in `Preparing`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) problems: Vec<String>,
    /// Names of its contact lists.
    pub(crate) contact_lists: Vec<String>,
    pub(crate) priority: String,
    pub(crate) dialing_mode: &'static str,
    pub(crate) dialing_strategy: AnsweredStrategy,
    pub(crate) schedule: Schedule,
    /// The flow, pinned to a version.
    pub(crate) experience_flow_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) enable_machine_detect: Option<&'static str>,
    pub(crate) campaign_type: &'static str,
    #[schema(format = DateTime)]
    pub(crate) created_at: String,
    #[schema(format = DateTime)]
    pub(crate) updated_at: String,
}

/// Which campaign is answered, and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) status: CampaignStatus,
    pub(crate) problems: Vec<String>,
    /// By name.
    pub(crate) lists: Vec<String>,
    pub(crate) created_at: String,
    pub(crate) updated_at: String,
}

impl Campaign {
    /// A campaign with its settings in Kore's words.
    pub(crate) fn of(standing: Standing, settings: &Settings) -> Self {
        Self {
            underscored: standing.id.clone(),
            id: standing.id,
            name: standing.name,
            description: settings.description.clone().unwrap_or_default(),
            status: standing.status,
            problems: standing.problems,
            contact_lists: standing.lists,
            priority: settings.pacing.priority.to_string(),
            dialing_mode: "Agentless",
            dialing_strategy: AnsweredStrategy::of(settings),
            schedule: Schedule { is_scheduling_enabled: standing.status == CampaignStatus::Active },
            experience_flow_name: settings.flow.clone(),
            enable_machine_detect: settings.machine_detection.map(word),
            campaign_type: "voice",
            created_at: standing.created_at,
            updated_at: standing.updated_at,
        }
    }
}

/// How a campaign dials, as it is answered.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = KoreAnsweredStrategy)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AnsweredStrategy {
    #[serde(skip_serializing_if = "Option::is_none")]
    caller_id: Option<Caller>,
    calling_hours: CallingHours,
    dialing_order: &'static str,
    max_attempts_per_record: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_retry_period: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_ring_time: Option<i64>,
}

impl AnsweredStrategy {
    fn of(settings: &Settings) -> Self {
        let busy = settings.retry.set().find(|(outcome, _)| *outcome == Outcome::Busy);
        let caller = settings.caller_ids.first();
        Self {
            caller_id: caller.map(|caller| Caller { phone_number: caller.number.clone() }),
            calling_hours: CallingHours {
                frequency: Frequency::Weekly,
                timezone: settings.zone.clone(),
                days: settings.windows.iter().flat_map(days).collect(),
            },
            dialing_order: "FIFO",
            max_attempts_per_record: settings.caps.in_all,
            default_retry_period: busy
                .and_then(|(_, rule)| rule.after.first().map(|after| after.ms() / 60_000)),
            max_ring_time: settings.ring_timeout.map(|ring| ring.ms() / 1_000),
        }
    }
}

fn days(hours: &Hours) -> Vec<CallingDay> {
    let (Ok(start), Ok(end)) = (hours.from.parse::<Clock>(), hours.until.parse::<Clock>()) else {
        return Vec::new();
    };
    hours.days.iter().map(|day| CallingDay { day: Some(Day::from(*day)), start, end }).collect()
}

#[cfg(test)]
mod tests {
    use callcore::campaign::{Rules, Weekday};

    use super::*;

    fn asked() -> NewCampaign {
        let day = |day| CallingDay {
            day: Some(day),
            start: "9:00 AM".parse().unwrap(),
            end: "6:30 PM".parse().unwrap(),
        };
        NewCampaign {
            name: "November".into(),
            description: Some("customers with a contract".into()),
            contact_lists: vec!["november".into()],
            priority: Some(5),
            dialing_strategy: Some(Strategy {
                caller_id: Some(Caller { phone_number: "+62215550100".into() }),
                calling_hours: Some(CallingHours {
                    frequency: Frequency::Weekly,
                    timezone: Some("Asia/Jakarta".into()),
                    days: vec![day(Day::Monday), day(Day::Tuesday)],
                }),
                max_attempts_per_record: Some(4),
                default_retry_period: Some(90),
                max_ring_time: Some(25),
            }),
            enable_machine_detect: Some(MachineDetect::Disconnect),
            ..NewCampaign::default()
        }
    }

    #[test]
    fn a_campaign_of_kore_means_settings_of_ours() {
        let settings = asked().settings("reminder".into());
        assert_eq!(
            (settings.flow.as_str(), settings.lists.as_slice()),
            ("reminder", &["november".into()][..])
        );
        assert_eq!(settings.zone.as_deref(), Some("Asia/Jakarta"));
        let window = settings.windows.first().unwrap();
        assert_eq!((window.from.as_str(), window.until.as_str()), ("09:00", "18:30"));
        assert_eq!(window.days, [Weekday::Mon, Weekday::Tue]);
        assert_eq!((settings.caps.in_all, settings.caps.per_day), (4, 3));
        assert_eq!(settings.pacing.priority, 5);
        assert_eq!(settings.caller_ids.first().unwrap().number, "+62215550100");
        assert_eq!(settings.ring_timeout.unwrap().to_string(), "25s");
        assert_eq!(settings.machine_detection, Some(flow::MachineDetection::Disconnect));
        for outcome in TRIED_AGAIN {
            let rule = settings.retry.rule(outcome);
            assert_eq!((rule.times, rule.after), (3, vec![Span::minutes(90)]), "{outcome:?}");
        }
        assert_eq!(settings.retry.rule(Outcome::OptedOut).times, 0, "a refusal stays one");
        Rules::new(settings, None).unwrap();
    }

    #[test]
    fn what_is_wrong_is_told_by_the_names_of_the_request() {
        for (ours, kores) in [
            ("flow", "experienceFlowName"),
            ("lists[1]", "contactLists[1]"),
            ("windows[0].until", "dialingStrategy.callingHours.days[0].end"),
            ("caller_ids[0].number", "dialingStrategy.callerId.phoneNumber"),
            ("starts", "startDateTime"),
            ("trunk", "trunk"),
        ] {
            assert_eq!(kores_field(ours), kores);
        }
    }

    #[test]
    fn what_is_not_said_has_our_usual_value() {
        let asked = NewCampaign { contact_lists: vec!["a".into()], ..NewCampaign::default() };
        let settings = asked.settings("reminder".into());
        assert_eq!(settings.caps, Caps::default());
        assert_eq!(settings.retry, RetryPlan::default());
        assert!(settings.windows.is_empty() && settings.machine_detection.is_none() && !asked.begins());
    }

    #[test]
    fn a_campaign_is_answered_as_it_was_asked_for() {
        let settings = asked().settings("reminder@live".into());
        let standing = Standing {
            id: "cp_1".into(),
            name: "November".into(),
            status: CampaignStatus::Ready,
            problems: Vec::new(),
            lists: vec!["november".into()],
            created_at: String::new(),
            updated_at: String::new(),
        };
        let told = serde_json::to_value(Campaign::of(standing, &settings)).unwrap();
        let strategy = &told["dialingStrategy"];
        assert_eq!(told["_id"], told["id"]);
        assert_eq!((&told["status"], &told["priority"]), (&"Ready".into(), &"5".into()));
        assert_eq!(told["enableMachineDetect"], "disconnect");
        assert_eq!(told["schedule"]["isSchedulingEnabled"], false);
        assert_eq!(strategy["callingHours"]["timezone"], "Asia/Jakarta");
        let first = serde_json::json!({ "day": "MO", "start": "9:00 AM", "end": "6:30 PM" });
        assert_eq!(strategy["callingHours"]["days"][0], first);
        let figures =
            ["maxAttemptsPerRecord", "defaultRetryPeriod", "maxRingTime"].map(|name| strategy[name].as_i64());
        assert_eq!(figures, [Some(4), Some(90), Some(25)]);
    }
}
