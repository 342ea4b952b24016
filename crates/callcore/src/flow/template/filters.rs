//! The filters that speak: numbers, money, dates, times and telephone numbers as words.

use tera::{Kwargs, State, Tera, TeraResult, Value};

use super::super::diagnostic::{listed, nearest};
use super::super::model::VariableType;
use super::super::words::{
    CURRENCIES, Date, DateStyle, Figure, TimeOfDay, Tongue, spoken_date, spoken_money, spoken_number,
    spoken_ordinal, spoken_phone, spoken_time,
};

/// Under this name a template's context holds the language it is spoken in.
pub(super) const LANGUAGE: &str = "_language";

/// A filter, the arguments it takes, and the kinds of variables it can speak besides texts.
struct Spoken {
    name: &'static str,
    takes: &'static [&'static str],
    speaks: VariableType,
}

const SPOKEN: [Spoken; 6] = [
    Spoken { name: "spoken_number", takes: &["language"], speaks: VariableType::Number },
    Spoken { name: "spoken_ordinal", takes: &["language"], speaks: VariableType::Number },
    Spoken { name: "spoken_money", takes: &["currency", "language"], speaks: VariableType::Number },
    Spoken { name: "spoken_date", takes: &["weekday", "year", "language"], speaks: VariableType::Date },
    Spoken { name: "spoken_time", takes: &["language"], speaks: VariableType::Time },
    Spoken { name: "spoken_phone", takes: &["language"], speaks: VariableType::Number },
];

/// Why the arguments of a filter are wrong: the argument's number, a message and a hint.
type Wrong = (usize, String, String);

/// Holds the arguments of a filter, as `(name, value as written)`, against what it takes.
pub(super) fn check_arguments(filter: &str, arguments: &[(&str, &str)]) -> Result<(), Wrong> {
    let Some(spoken) = SPOKEN.iter().find(|spoken| spoken.name == filter) else { return Ok(()) };
    for (at, (name, value)) in arguments.iter().enumerate() {
        if !spoken.takes.contains(name) {
            let hint = match nearest(name, spoken.takes.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("it takes {}", listed(spoken.takes.iter().copied())),
            };
            return Err((at, format!("`{filter}` takes no `{name}`"), hint));
        }
        let quoted = value.trim_matches(['"', '\'']);
        if *name == "currency" && quoted.len() + 2 == value.len() && !CURRENCIES.contains(&quoted) {
            let hint = match nearest(&quoted.to_lowercase(), CURRENCIES) {
                Some(near) => format!("did you mean `{near}`? Known are {}", listed(CURRENCIES)),
                None => format!("known are {}", listed(CURRENCIES)),
            };
            return Err((at, format!("there is no currency `{quoted}`"), hint));
        }
    }
    if filter == "spoken_money" && !arguments.iter().any(|(name, _)| *name == "currency") {
        let hint = "write `spoken_money(currency=\"IDR\")`".to_owned();
        return Err((usize::MAX, "`spoken_money` needs a currency".to_owned(), hint));
    }
    Ok(())
}

/// What a filter speaks, if a variable of this kind is something else.
pub(in super::super) fn unfit(filter: &str, kind: VariableType) -> Option<VariableType> {
    let spoken = SPOKEN.iter().find(|spoken| spoken.name == filter)?;
    (kind != spoken.speaks && kind != VariableType::Text).then_some(spoken.speaks)
}

/// Teaches tera to speak. What cannot be spoken as words is left as it is.
pub(super) fn register(tera: &mut Tera) {
    tera.register_filter("digits", |value: Value, _: Kwargs, _: &State<'_>| spell_digits(&value.to_string()));
    tera.register_filter("spoken_number", |value: Value, kwargs: Kwargs, state: &State<'_>| {
        let (text, tongue) = (value.to_string(), tongue(&kwargs, state)?);
        Ok::<_, tera::Error>(figure(&value, tongue).map_or(text, |figure| spoken_number(&figure, tongue)))
    });
    tera.register_filter("spoken_ordinal", |value: Value, kwargs: Kwargs, state: &State<'_>| {
        let (text, tongue) = (value.to_string(), tongue(&kwargs, state)?);
        let whole = figure(&value, tongue).filter(|figure| !figure.minus && figure.fraction.is_empty());
        Ok::<_, tera::Error>(whole.map_or(text, |figure| spoken_ordinal(figure.whole, tongue)))
    });
    tera.register_filter("spoken_money", |value: Value, kwargs: Kwargs, state: &State<'_>| {
        let (text, tongue) = (value.to_string(), tongue(&kwargs, state)?);
        let currency: String = kwargs.must_get("currency")?;
        let sum = if value.as_str().is_some() {
            Figure::sum(&text, &currency, tongue)
        } else {
            Figure::plain(&text)
        };
        let spoken = sum.and_then(|figure| spoken_money(&figure, &currency, tongue));
        Ok::<_, tera::Error>(spoken.unwrap_or_else(|| format!("{text} {currency}")))
    });
    tera.register_filter("spoken_date", |value: Value, kwargs: Kwargs, state: &State<'_>| {
        let (text, tongue) = (value.to_string(), tongue(&kwargs, state)?);
        let flag = |name: &str| kwargs.get::<bool>(name).map(Option::unwrap_or_default);
        let style = DateStyle { weekday: flag("weekday")?, year: flag("year")? };
        Ok::<_, tera::Error>(Date::parse(&text).map_or(text, |date| spoken_date(date, style, tongue)))
    });
    tera.register_filter("spoken_time", |value: Value, kwargs: Kwargs, state: &State<'_>| {
        let (text, tongue) = (value.to_string(), tongue(&kwargs, state)?);
        Ok::<_, tera::Error>(TimeOfDay::parse(&text).map_or(text, |time| spoken_time(time, tongue)))
    });
    tera.register_filter("spoken_phone", |value: Value, kwargs: Kwargs, state: &State<'_>| {
        Ok::<_, tera::Error>(spoken_phone(&value.to_string(), tongue(&kwargs, state)?))
    });
}

/// Letters and digits apart, so that speech reads them one by one: `0812` → `0 8 1 2`.
fn spell_digits(text: &str) -> String {
    let kept: Vec<String> = text.chars().filter(|c| c.is_alphanumeric()).map(String::from).collect();
    kept.join(" ")
}

/// The filter's own `language`, or that of the prompt.
fn tongue(kwargs: &Kwargs, state: &State<'_>) -> TeraResult<Tongue> {
    let tag = match kwargs.get::<String>("language")? {
        Some(tag) => Some(tag),
        None => state.get::<String>(LANGUAGE)?,
    };
    Ok(tag.map_or(Tongue::Other, |tag| Tongue::of(&tag)))
}

/// A number is written as programs do; a text as people do.
fn figure(value: &Value, tongue: Tongue) -> Option<Figure> {
    let text = value.to_string();
    if value.as_str().is_some() { Figure::written(&text, tongue) } else { Figure::plain(&text) }
}
