//! A row as a contact, or all that is wrong with it.

use std::collections::HashMap;

use callcore::language::{hidden_sign, zone_name};
use callcore::number::{self, Country, Spelling};
use serde_json::{Map, Value};

use super::file::{Content, Row};
use super::limits::{COLUMNS, FIELD, NAME};
use super::mapping::{Mapping, Meaning};
use super::moment::moment;
use crate::store::{LARGEST_METADATA, ListRow, NewListContact, RefusedRow, RowProblem, ZoneFrom};

/// Longest number with all that people write between its digits, characters.
const LONGEST_NUMBER: usize = 256;
/// Names of zones and countries that are remembered, so that each is looked up once.
const REMEMBERED: usize = 2_000;
/// What spreadsheets show where something could not be computed.
const ERRORS: [&str; 8] = ["#N/A", "#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "#NUM!", "#NULL!", "#DATA!"];

/// Makes contacts of rows.
pub(super) struct Maker<'m> {
    mapping: &'m Mapping,
    /// Of numbers that do not name their own.
    country: Option<Country>,
    /// Of contacts whose zone nothing else tells.
    zone: Option<String>,
    now_ms: i64,
    zones: HashMap<String, Result<String, String>>,
    countries: HashMap<String, Result<Country, String>>,
    /// Variables that were seen, beside those of the mapping.
    more_variables: Vec<String>,
}

/// What a row says, each in the words of the file.
#[derive(Default)]
struct Said {
    phone: Option<String>,
    name: Option<String>,
    zone: Option<String>,
    country: Option<String>,
    external_id: Option<String>,
    consent_at: Option<String>,
    consent_source: Option<String>,
    variables: Map<String, Value>,
}

impl<'m> Maker<'m> {
    /// For a list; `usual` is the country of numbers where the list has none.
    pub(super) fn new(mapping: &'m Mapping, list: &ListRow, usual: Option<Country>, now_ms: i64) -> Self {
        let own = list.country.as_deref().and_then(|country| country.parse().ok());
        Self {
            mapping,
            country: own.or(usual),
            zone: list.zone.clone(),
            now_ms,
            zones: HashMap::new(),
            countries: HashMap::new(),
            more_variables: Vec::new(),
        }
    }

    /// Variables that were seen, beside those of the mapping.
    pub(super) fn more_variables(self) -> Vec<String> {
        self.more_variables
    }

    /// # Errors
    /// With all that is wrong with the row.
    pub(super) fn make(&mut self, row: Row) -> Result<NewListContact, RefusedRow> {
        let line = row.line;
        let refused = |problems: Vec<RowProblem>| RefusedRow { line, problems };
        let content = row.content.map_err(|problem| refused(vec![RowProblem { field: None, problem }]))?;
        let mut faults = Vec::new();
        let said = self.said(content, &mut faults);
        let mut fault =
            |field: &str, problem: String| faults.push(RowProblem { field: Some(field.to_owned()), problem });
        let country = match said.country.as_deref().map(|text| self.country_named(text)).transpose() {
            Ok(country) => country.or(self.country),
            Err(problem) => {
                fault("country", problem);
                None
            }
        };
        let unknown_country = faults_in(&said, country.is_none());
        let number = match said.phone.as_deref() {
            None => {
                fault("phone", "is empty".to_owned());
                None
            }
            Some(_) if unknown_country => None,
            Some(text) => number(text, country).map_err(|problem| fault("phone", problem)).ok(),
        };
        let zone = match said.zone.as_deref().map(|text| self.zone_named(text)).transpose() {
            Ok(Some(zone)) => Some((zone, ZoneFrom::Column)),
            Ok(None) => {
                let by_number = number.as_deref().and_then(number::zone);
                let by_number = by_number.map(|zone| (zone.to_owned(), ZoneFrom::Number));
                by_number.or_else(|| Some((self.zone.clone()?, ZoneFrom::List)))
            }
            Err(problem) => {
                fault("zone", problem);
                None
            }
        };
        let at_home = zone.as_ref().map(|(zone, _)| zone.as_str());
        let consent_ms = match said.consent_at.map(|text| moment(&text, at_home, self.now_ms)).transpose() {
            Ok(at) => at,
            Err(problem) => {
                fault("consentAt", problem);
                None
            }
        };
        for (field, text) in
            [("name", &said.name), ("externalId", &said.external_id), ("consentSource", &said.consent_source)]
        {
            if text.as_ref().is_some_and(|text| text.chars().count() > NAME) {
                fault(field, format!("is longer than {NAME} characters"));
            } else if let Some(why) = text.as_deref().and_then(hidden_sign) {
                fault(field, why.to_owned());
            }
        }
        let size = serde_json::to_string(&said.variables).map_or(usize::MAX, |text| text.len());
        if size > LARGEST_METADATA {
            fault("variables", format!("are larger than {} KiB together", LARGEST_METADATA / 1024));
        }
        let Some(number) = number.filter(|_| faults.is_empty()) else { return Err(refused(faults)) };
        Ok(NewListContact {
            line,
            digits: number.trim_start_matches('+').to_owned(),
            number,
            zone,
            external_id: said.external_id,
            name: said.name,
            consent_ms,
            consent_source: said.consent_source,
            variables: said.variables,
        })
    }

    /// What the row says, by what its columns hold.
    fn said(&mut self, content: Content, faults: &mut Vec<RowProblem>) -> Said {
        let mut said = Said::default();
        let mut take = |name: &str, meaning: &Meaning, value: Value, faults: &mut Vec<RowProblem>| {
            if let Some(problem) = unfit(&value) {
                faults.push(RowProblem { field: Some(name.to_owned()), problem });
                return;
            }
            let place = match meaning {
                Meaning::Phone => &mut said.phone,
                Meaning::Name => &mut said.name,
                Meaning::Zone => &mut said.zone,
                Meaning::Country => &mut said.country,
                Meaning::ExternalId => &mut said.external_id,
                Meaning::ConsentAt => &mut said.consent_at,
                Meaning::ConsentSource => &mut said.consent_source,
                Meaning::Variable(variable) => {
                    said.variables.insert(variable.clone(), value);
                    return;
                }
                Meaning::Ignore => return,
            };
            match text(value) {
                Ok(text) => *place = text,
                Err(problem) => faults.push(RowProblem { field: Some(name.to_owned()), problem }),
            }
        };
        match content {
            Content::Fields(fields) => {
                for ((name, meaning), field) in self.mapping.columns().iter().zip(fields) {
                    if !field.is_empty() && *meaning != Meaning::Ignore {
                        take(name, meaning, Value::String(field), faults);
                    }
                }
            }
            Content::Members(members) => {
                for (name, value) in members {
                    let meaning = self.mapping.of_member(&name);
                    if value.is_null() || meaning == Meaning::Ignore {
                        continue;
                    }
                    if let Meaning::Variable(variable) = &meaning
                        && !self.mapping.variables().any(|known| known == variable)
                        && !self.more_variables.contains(variable)
                        && self.more_variables.len() < COLUMNS
                    {
                        self.more_variables.push(variable.clone());
                    }
                    take(&name, &meaning, value, faults);
                }
            }
        }
        said
    }

    fn zone_named(&mut self, text: &str) -> Result<String, String> {
        remembered(&mut self.zones, text, |text| zone_name(text).map_err(|unknown| unknown.to_string()))
    }

    fn country_named(&mut self, text: &str) -> Result<Country, String> {
        remembered(&mut self.countries, text, |text| {
            Country::named(text).map_err(|unknown| unknown.to_string())
        })
    }
}

/// Whether nobody knows to which country the number belongs because the row names one that is not known.
const fn faults_in(said: &Said, no_country: bool) -> bool {
    said.country.is_some() && no_country
}

fn remembered<T: Clone>(
    known: &mut HashMap<String, Result<T, String>>,
    text: &str,
    find: impl FnOnce(&str) -> Result<T, String>,
) -> Result<T, String> {
    if let Some(found) = known.get(text) {
        return found.clone();
    }
    let found = find(text);
    if known.len() < REMEMBERED {
        known.insert(text.to_owned(), found.clone());
    }
    found
}

/// Why a value is kept in no contact.
fn unfit(value: &Value) -> Option<String> {
    let Value::String(text) = value else { return None };
    if text.len() > FIELD {
        return Some(format!("is longer than {} KiB", FIELD / 1024));
    }
    if ERRORS.contains(&text.as_str()) {
        return Some(format!("holds an error of the spreadsheet, {text}; put the cell right"));
    }
    text.contains('\u{fffd}')
        .then(|| "holds signs that could not be read; save the file as UTF-8 and correct them".to_owned())
}

/// A value as the text that a table would have; `None` when there is nothing in it.
fn text(value: Value) -> Result<Option<String>, String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (None, Some(float)) => super::file::number_text(float),
            (Some(_), _) | (None, None) => number.to_string(),
        },
        Value::Bool(yes) => yes.to_string(),
        Value::Null => String::new(),
        Value::Array(_) | Value::Object(_) => return Err("must be a text in quotes".to_owned()),
    };
    Ok((!text.is_empty()).then_some(text))
}

/// A number in its one form. What is written with it and would be lost is refused.
fn number(text: &str, country: Option<Country>) -> Result<String, String> {
    if text.chars().count() > LONGEST_NUMBER {
        return Err(format!("is longer than {LONGEST_NUMBER} characters"));
    }
    let spelling = Spelling::read(text).map_err(|bad| bad.to_string())?;
    let read = spelling.at_home(country).map_err(|bad| bad.to_string())?;
    let (number, ignored) = read.into_parts();
    match ignored.iter().find_map(|part| part.strip_prefix(';')) {
        Some(part) => Err(format!("carries `{part}`, which is not dialled; leave it out")),
        None => Ok(number),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_796_000_000_000;

    fn list() -> ListRow {
        ListRow {
            id: "ls_1".to_owned(),
            name: "June".to_owned(),
            country: Some("ID".to_owned()),
            zone: None,
            columns: Vec::new(),
            version: 0,
            contacts: 0,
            author: String::new(),
            created_ms: 0,
            updated_ms: 0,
        }
    }

    fn made(
        header: &[&str],
        fields: &[&str],
        list: &ListRow,
    ) -> Result<NewListContact, Vec<(String, String)>> {
        let header: Vec<String> = header.iter().map(|name| (*name).to_owned()).collect();
        let mapping = Mapping::guess(&header);
        let fields = fields.iter().map(|field| (*field).to_owned()).collect();
        let row = Row { line: 2, content: Ok(Content::Fields(fields)) };
        Maker::new(&mapping, list, None, NOW).make(row).map_err(|refused| {
            let told = |wrong: RowProblem| (wrong.field.unwrap_or_default(), wrong.problem);
            refused.problems.into_iter().map(told).collect()
        })
    }

    #[test]
    fn a_row_becomes_a_contact_with_its_number_in_its_one_form() {
        let header = ["Nama", "No HP", "zona waktu", "id pelanggan", "tgl persetujuan", "Jumlah", "Catatan"];
        let fields = ["Ani", "0812-3456-7890", "wita", "K7", "15/06/2026", "120", ""];
        let contact = made(&header, &fields, &list()).unwrap();
        assert_eq!((contact.number.as_str(), contact.digits.as_str()), ("+6281234567890", "6281234567890"));
        assert_eq!(contact.zone, Some(("Asia/Makassar".to_owned(), ZoneFrom::Column)));
        assert_eq!((contact.name.as_deref(), contact.external_id.as_deref()), (Some("Ani"), Some("K7")));
        assert_eq!(contact.consent_ms, Some(1_781_481_600_000 - 8 * 3_600_000));
        assert_eq!(Value::Object(contact.variables), json!({ "Jumlah": "120" }));
    }

    #[test]
    fn a_zone_is_known_by_the_column_then_the_number_then_the_list() {
        let usual = ListRow { zone: Some("Asia/Jakarta".to_owned()), ..list() };
        let zone = |fields: [&str; 2], list: &ListRow| made(&["phone", "zone"], &fields, list).unwrap().zone;
        let known = |name: &str, from| Some((name.to_owned(), from));
        assert_eq!(zone(["0361 555010", "Asia/Jayapura"], &usual), known("Asia/Jayapura", ZoneFrom::Column));
        assert_eq!(zone(["0361 555010", ""], &usual), known("Asia/Makassar", ZoneFrom::Number));
        assert_eq!(zone(["08123456789", ""], &usual), known("Asia/Jakarta", ZoneFrom::List));
        assert_eq!(zone(["08123456789", ""], &list()), None);
        let why = made(&["phone", "zone"], &["08123456789", "Jakarta"], &usual).unwrap_err();
        assert!(why[0].0 == "zone" && why[0].1.contains("is Asia/Jakarta meant?"), "{why:?}");
    }

    #[test]
    fn what_a_spreadsheet_has_spoiled_is_refused_with_the_cause() {
        for (phone, told) in [
            ("6.28123E+12", "power of ten"),
            ("6281234567890.0", "a decimal number"),
            ("6,281,234,567,890", "commas between thousands"),
            ("0812 3456 789 / 0813 3456 789", "two numbers"),
            ("08123456789;08133456789", "two numbers"),
            ("0812-3456-789 atau 0813-3456-789", ""),
            ("#N/A", "error of the spreadsheet"),
            ("2026-11-29", "date"),
            ("62215550100", "+62215550100 or +6262215550100"),
            ("", "is empty"),
            ("021 555010 ext 3", "carries `ext`"),
            ("0812\u{fffd}3456789", "could not be read"),
            ("=HYPERLINK(\"x\")", ""),
        ] {
            let why = made(&["phone", "x"], &[phone, "y"], &list()).unwrap_err();
            assert!(why[0].0 == "phone" && why[0].1.contains(told), "{phone}: {why:?}");
        }
    }

    #[test]
    fn all_that_is_wrong_with_a_row_is_told() {
        let header = ["phone", "country", "zone", "consent date", "name"];
        let long = "x".repeat(300);
        let why = made(&header, &["020 7946 0019", "Narnia", "Mars", "yes", &long], &list()).unwrap_err();
        let fields: Vec<&str> = why.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(fields, ["country", "zone", "consentAt", "name"], "{why:?}");
        let contact = made(&header, &["020 7946 0019", "UK", "", "", ""], &list()).unwrap();
        assert_eq!(contact.zone, Some(("Europe/London".to_owned(), ZoneFrom::Number)));
    }

    #[test]
    fn members_of_a_line_keep_their_kinds() {
        let mapping = Mapping::guess(&["phone".to_owned(), "due".to_owned()]);
        let list = list();
        let mut maker = Maker::new(&mapping, &list, None, NOW);
        let mut make = |value: Value| {
            let members = value.as_object().unwrap().clone();
            maker.make(Row { line: 1, content: Ok(Content::Members(members)) })
        };
        let contact =
            make(json!({ "phone": 6281234567890_u64, "due": 120, "more": { "a": [1] }, "no": null }));
        let contact = contact.unwrap();
        assert_eq!(contact.number, "+6281234567890");
        assert_eq!(Value::Object(contact.variables), json!({ "due": 120, "more": { "a": [1] } }));
        assert!(make(json!({ "phone": 6.28e20 })).unwrap_err().problems[0].problem.contains("power of ten"));
        assert!(
            make(json!({ "phone": ["+62"] })).unwrap_err().problems[0].problem.contains("text in quotes")
        );
        assert_eq!(maker.more_variables(), ["more"]);
    }
}
