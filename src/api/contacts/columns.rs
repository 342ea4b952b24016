//! What the columns of a table hold, by what people call them.

use crate::lists::columns::{COUNTRY, ID, NAME, PHONE, place, plain_name};

/// What a column holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::api) enum Column {
    ContactId,
    PhoneNumber,
    Name,
    Flow,
    /// Where a number is at home; a variable of the flow, too, by its own name.
    Country(String),
    /// A variable of the flow, by its own name.
    Other(String),
}

/// What the columns hold. Of several that could be the number's, one named exactly so, else the first.
pub(super) fn columns(fields: &[String]) -> Vec<Column> {
    let names: Vec<String> = fields.iter().map(|field| plain_name(field)).collect();
    let place = |exact: &str, others: &[&str]| place(&names, exact, &[others]);
    let phone = place("phonenumber", &PHONE);
    let (name, id, flow) = (place("name", &NAME), place("contactid", &ID), place("flow", &[]));
    let country = place("country", &COUNTRY);
    let column = |(at, field): (usize, &String)| match Some(at) {
        at if at == phone => Column::PhoneNumber,
        at if at == name => Column::Name,
        at if at == id => Column::ContactId,
        at if at == flow => Column::Flow,
        at if at == country => Column::Country(field.clone()),
        _ => Column::Other(field.clone()),
    };
    fields.iter().enumerate().map(column).collect()
}

/// Why a row could not tell which of two columns is meant: both have one name.
pub(super) fn twice(fields: &[String], columns: &[Column]) -> Option<String> {
    fields.iter().enumerate().find_map(|(at, field)| {
        let known = |at: usize| columns.get(at).is_some_and(|column| !matches!(column, Column::Other(_)));
        let other = fields.iter().take(at).position(|earlier| earlier == field).or_else(|| {
            let same = |earlier: &String| plain_name(earlier) == plain_name(field);
            let (earlier, _) = fields.iter().enumerate().take(at).find(|(_, earlier)| same(earlier))?;
            (known(earlier) || known(at)).then_some(earlier)
        })?;
        let (one, two) = (other + 1, at + 1);
        let earlier = fields.get(other)?;
        (!field.is_empty()).then(|| {
            format!(
                "columns {one} (`{earlier}`) and {two} (`{field}`) have one name; rename one, or take it out"
            )
        })
    })
}
