//! Reads the body of a campaign: names in any case and order; every error is reported at once, and fields without effect are
//! listed.

use callcore::language::zone_name;

use crate::api::error::{Code, Problem};
use crate::api::fields::{Faults, Fields, Names, Object};
use crate::api::numbers;
use crate::kore::{
    Caller, CallingDay, CallingHours, Day, Frequency, MachineDetect, NewCampaign, Schedule, Strategy,
};

const LONGEST_NAME: usize = 48;
const LONGEST_DESCRIPTION: usize = 256;
const LONGEST_FLOW: usize = 128;
const LONGEST_WORD: usize = 64;
const MOST_LISTS: usize = 100;
/// Hours of days: several times a day each, if need be.
const MOST_DAYS: usize = 100;

/// A campaign, and the fields that are not followed.
///
/// # Errors
/// Says all that is wrong with it.
pub(super) fn new_campaign(body: &[u8]) -> Result<(NewCampaign, Vec<String>), Problem> {
    let mut faults = Faults::default();
    let read = Object::read(body, "body")?.fields(Names::AnyCase, &mut faults, read);
    Ok((read, faults.end(Code::Malformed)?))
}

fn read(fields: &mut Fields<'_>) -> NewCampaign {
    let name =
        fields.required("name", "give the campaign a name", |fields, name| fields.text(name, LONGEST_NAME));
    let contact_lists = fields.required("contactLists", "name at least one contact list", |fields, name| {
        fields.list(name, MOST_LISTS, |text| Ok(text.trim().to_owned()))
    });
    dialing_mode(fields);
    if let Some(kind) = fields.text("campaignType", LONGEST_WORD)
        && !kind.eq_ignore_ascii_case("voice")
    {
        fields.fault("campaignType", "must be voice: this server makes telephone calls only");
    }
    // The server's own list of numbers that are not called holds for every campaign; another one is not known.
    if fields.take("dncLists").is_some_and(|lists| !lists.is_null()) {
        fields.ignore("dncLists");
    }
    NewCampaign {
        name,
        description: fields.text("description", LONGEST_DESCRIPTION),
        contact_lists,
        priority: priority(fields),
        dialing_mode: (),
        dialing_strategy: fields.within("dialingStrategy", strategy),
        experience_flow_name: fields.text("experienceFlowName", LONGEST_FLOW),
        enable_machine_detect: fields.word(
            "enableMachineDetect",
            &[
                ("no", MachineDetect::No),
                ("detect", MachineDetect::Detect),
                ("disconnect", MachineDetect::Disconnect),
            ],
        ),
        schedule: fields.within("schedule", |fields| Schedule {
            is_scheduling_enabled: fields.yes("isSchedulingEnabled").unwrap_or_default(),
        }),
    }
}

/// Bots only: the modes that ring up people for human agents are refused.
fn dialing_mode(fields: &mut Fields<'_>) {
    let Some(mode) = fields.text("dialingMode", LONGEST_WORD) else { return };
    if mode.eq_ignore_ascii_case("Agentless") {
        return;
    }
    let human = ["Progressive", "Preview"].iter().any(|known| mode.eq_ignore_ascii_case(known));
    fields.fault(
        "dialingMode",
        if human {
            format!("{mode} needs human agents, and here a bot talks to everybody; send Agentless")
        } else {
            format!("must be Agentless, and not \"{mode}\"")
        },
    );
}

/// A text at Kore; a number will do.
fn priority(fields: &mut Fields<'_>) -> Option<u32> {
    let value = fields.take("priority").filter(|value| !value.is_null())?;
    fields.checked("priority", |_| {
        let number = value.as_str().and_then(|text| text.trim().parse().ok()).or_else(|| value.as_u64());
        let fits =
            number.and_then(|number: u64| u32::try_from(number).ok()).filter(|it| (1..=5).contains(it));
        fits.ok_or_else(|| "must be \"1\" to \"5\"; higher goes first".to_owned())
    })
}

fn strategy(fields: &mut Fields<'_>) -> Strategy {
    if fields.text("dialingOrder", LONGEST_WORD).is_some_and(|order| !order.eq_ignore_ascii_case("FIFO")) {
        // Contacts are called in the order of their lists.
        fields.ignore("dialingOrder");
    }
    Strategy {
        caller_id: fields.within("callerId", caller).flatten(),
        calling_hours: fields.within("callingHours", hours),
        max_attempts_per_record: fields.small("maxAttemptsPerRecord", 1..=100),
        default_retry_period: fields.small("defaultRetryPeriod", 1..=1_440),
        max_ring_time: fields.small("maxRingTime", 5..=120),
    }
}

fn caller(fields: &mut Fields<'_>) -> Option<Caller> {
    let (phone_number, _) = numbers::number(fields, "phoneNumber", None)?;
    Some(Caller { phone_number })
}

fn hours(fields: &mut Fields<'_>) -> CallingHours {
    let words = [("WEEKLY", Frequency::Weekly), ("DAILY", Frequency::Daily), ("CUSTOM", Frequency::Custom)];
    let frequency = fields.word("frequency", &words).unwrap_or_default();
    let timezone =
        fields.read("timezone", LONGEST_WORD, |text| zone_name(text).map_err(|unknown| unknown.to_string()));
    let missing = "say when people may be called, as in [{ \"day\": \"MO\", \"start\": \"9:00 AM\", \"end\": \"6:00 PM\" }]";
    let days = fields.required("days", missing, |fields, name| {
        fields.objects(name, MOST_DAYS, |fields| day(fields, frequency))
    });
    CallingHours { frequency, timezone, days }
}

fn day(fields: &mut Fields<'_>, frequency: Frequency) -> CallingDay {
    let day = fields.word("day", &Day::ALL);
    if day.is_none() && frequency != Frequency::Daily && !fields.holds("day") {
        fields.fault("day", "is missing; write MO, TU, WE, TH, FR, SA or SU");
    }
    let mut time = |name: &'static str| {
        fields.required(name, "write a time of day, as in \"9:00 AM\"", |fields, name| {
            fields.read(name, LONGEST_WORD, str::parse)
        })
    };
    let (start, end) = (time("start"), time("end"));
    let hours = CallingDay { day, start, end };
    if hours.start >= hours.end.as_end() {
        fields.fault("end", "is not later than `start`; hours over midnight are two entries");
    }
    hours
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(body: &Value) -> Result<(NewCampaign, Vec<String>), Problem> {
        new_campaign(body.to_string().as_bytes())
    }

    fn wrong(body: &Value) -> Vec<(String, String)> {
        let problem = read(body).unwrap_err();
        problem.errors().iter().map(|error| (error.field.clone(), error.problem.clone())).collect()
    }

    /// As in Kore's documentation.
    fn sample() -> Value {
        json!({
            "name": "Voice From API", "description": "Reminders of bills", "contactLists": ["Recent Buyers"],
            "dncLists": { "name": "DNC" }, "priority": "5", "dialingMode": "Agentless",
            "dialingStrategy": {
                "callerId": { "phoneNumber": "+18123456789" },
                "callingHours": { "frequency": "WEEKLY", "timezone": "asia/kolkata",
                    "days": [{ "day": "MO", "start": "9:00 AM", "end": "6:00 PM" }] },
                "dialingOrder": "LIFO", "maxAttemptsPerRecord": 3, "defaultRetryPeriod": 10, "maxRingTime": 30,
            },
            "schedule": { "isSchedulingEnabled": true }, "experienceFlowName": "Bill", "queue_id": "q",
            "ENABLEMACHINEDETECT": "No", "campaignType": "voice",
        })
    }

    #[test]
    fn a_campaign_is_read_as_kore_documents_it() {
        let (asked, ignored) = read(&sample()).unwrap();
        assert_eq!((asked.name.as_str(), asked.priority, asked.begins()), ("Voice From API", Some(5), true));
        assert_eq!(asked.enable_machine_detect, Some(MachineDetect::No));
        let strategy = asked.dialing_strategy.unwrap();
        assert_eq!(strategy.caller_id.unwrap().phone_number, "+18123456789");
        let hours = strategy.calling_hours.unwrap();
        assert_eq!(hours.days.first().unwrap().start.to_string(), "9:00 AM");
        assert!(hours.timezone.unwrap().starts_with("Asia/"));
        assert_eq!(ignored, ["dncLists", "dialingStrategy.dialingOrder", "queue_id"]);
    }

    #[test]
    fn modes_that_need_human_agents_are_refused_with_the_reason() {
        for mode in ["Progressive", "preview"] {
            let mut body = sample();
            body["dialingMode"] = json!(mode);
            let told = wrong(&body);
            assert!(told[0].0 == "dialingMode" && told[0].1.contains("needs human agents"), "{told:?}");
        }
        let mut body = sample();
        body["dialingMode"] = json!("Predictive");
        assert!(wrong(&body)[0].1.contains("must be Agentless"));
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let body = json!({
            "name": "x".repeat(49), "description": "y".repeat(257), "priority": "6", "campaignType": "sms",
            "dialingStrategy": {
                "callerId": { "phoneNumber": "nobody" },
                "callingHours": { "frequency": "HOURLY", "timezone": "Mars", "days": [
                    { "day": "XX", "start": "9", "end": "6:00 PM" },
                    { "start": "9:00 AM", "end": "8:00 AM" },
                ] },
                "maxAttemptsPerRecord": 0, "defaultRetryPeriod": 1441, "maxRingTime": 4,
            },
            "enableMachineDetect": "maybe", "schedule": { "isSchedulingEnabled": "yes" },
        });
        let fields: Vec<String> = wrong(&body).into_iter().map(|(field, _)| field).collect();
        for field in [
            "name",
            "description",
            "contactLists",
            "priority",
            "campaignType",
            "dialingStrategy.callerId.phoneNumber",
            "dialingStrategy.callingHours.frequency",
            "dialingStrategy.callingHours.timezone",
            "dialingStrategy.callingHours.days[0].day",
            "dialingStrategy.callingHours.days[0].start",
            "dialingStrategy.callingHours.days[1].day",
            "dialingStrategy.callingHours.days[1].end",
            "dialingStrategy.maxAttemptsPerRecord",
            "dialingStrategy.defaultRetryPeriod",
            "dialingStrategy.maxRingTime",
            "enableMachineDetect",
            "schedule.isSchedulingEnabled",
        ] {
            assert!(fields.iter().any(|told| told == field), "{field} in {fields:?}");
        }
    }

    #[test]
    fn hours_without_a_day_are_those_of_every_day_where_they_are_daily() {
        let mut body = sample();
        body["dialingStrategy"]["callingHours"] =
            json!({ "frequency": "DAILY", "days": [{ "start": "9:00 AM", "end": "12:00 AM" }] });
        let (asked, _) = read(&body).unwrap();
        let settings = asked.settings("bill".to_owned());
        let window = settings.windows.first().unwrap();
        assert_eq!((window.days.len(), window.until.as_str()), (7, "24:00"));
    }
}
