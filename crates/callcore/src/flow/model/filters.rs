//! The filters that speak: numbers, money, dates, times and telephone numbers as words.

use tera::{Kwargs, State, Tera, TeraResult, Value};

use super::variable::VariableType;
use crate::language::{
    Date, DateStyle, Figure, Language, TimeOfDay, spoken_date, spoken_money, spoken_number, spoken_ordinal,
    spoken_phone, spoken_time,
};

/// Under this name a template's context holds the language it is spoken in.
pub(crate) const LANGUAGE: &str = "_language";

/// A filter, the arguments it takes, and the kinds of variables it can speak besides texts.
pub(crate) struct Spoken {
    pub(crate) name: &'static str,
    pub(crate) takes: &'static [&'static str],
    pub(crate) speaks: VariableType,
}

pub(crate) const SPOKEN: [Spoken; 6] = [
    Spoken { name: "spoken_number", takes: &["language"], speaks: VariableType::Number },
    Spoken { name: "spoken_ordinal", takes: &["language"], speaks: VariableType::Number },
    Spoken { name: "spoken_money", takes: &["currency", "language"], speaks: VariableType::Number },
    Spoken { name: "spoken_date", takes: &["weekday", "year", "language"], speaks: VariableType::Date },
    Spoken { name: "spoken_time", takes: &["language"], speaks: VariableType::Time },
    Spoken { name: "spoken_phone", takes: &["language"], speaks: VariableType::Number },
];

/// Teaches tera to speak. What cannot be spoken as words is left as it is.
pub(crate) fn register(tera: &mut Tera) {
    tera.register_filter("digits", |value: Value, _: Kwargs, _: &State<'_>| spell_digits(&value.to_string()));
    tera.register_filter("spoken_number", |value: Value, kwargs: Kwargs, state: &State<'_>| {
        let (text, language) = (value.to_string(), language(&kwargs, state)?);
        Ok::<_, tera::Error>(figure(&value, language).map_or(text, |figure| spoken_number(&figure, language)))
    });
    tera.register_filter("spoken_ordinal", |value: Value, kwargs: Kwargs, state: &State<'_>| {
        let (text, language) = (value.to_string(), language(&kwargs, state)?);
        let whole = figure(&value, language).filter(|figure| !figure.minus && figure.fraction.is_empty());
        Ok::<_, tera::Error>(whole.map_or(text, |figure| spoken_ordinal(figure.whole, language)))
    });
    tera.register_filter("spoken_money", |value: Value, kwargs: Kwargs, state: &State<'_>| {
        let (text, language) = (value.to_string(), language(&kwargs, state)?);
        let currency: String = kwargs.must_get("currency")?;
        let sum = if value.as_str().is_some() {
            Figure::sum(&text, &currency, language)
        } else {
            Figure::plain(&text)
        };
        let spoken = sum.and_then(|figure| spoken_money(&figure, &currency, language));
        Ok::<_, tera::Error>(spoken.unwrap_or_else(|| format!("{text} {currency}")))
    });
    tera.register_filter("spoken_date", |value: Value, kwargs: Kwargs, state: &State<'_>| {
        let (text, language) = (value.to_string(), language(&kwargs, state)?);
        let flag = |name: &str| kwargs.get::<bool>(name).map(Option::unwrap_or_default);
        let style = DateStyle { weekday: flag("weekday")?, year: flag("year")? };
        Ok::<_, tera::Error>(Date::parse(&text).map_or(text, |date| spoken_date(date, style, language)))
    });
    tera.register_filter("spoken_time", |value: Value, kwargs: Kwargs, state: &State<'_>| {
        let (text, language) = (value.to_string(), language(&kwargs, state)?);
        let time = TimeOfDay::parse(&text).or_else(|| TimeOfDay::parse(&dotted(&text)?));
        Ok::<_, tera::Error>(time.map_or(text, |time| spoken_time(time, language)))
    });
    tera.register_filter("spoken_phone", |value: Value, kwargs: Kwargs, state: &State<'_>| {
        Ok::<_, tera::Error>(spoken_phone(&value.to_string(), language(&kwargs, state)?))
    });
}

/// `09.05`, as Indonesia writes it, with a colon.
fn dotted(text: &str) -> Option<String> {
    let (hour, minute) = text.trim().split_once('.')?;
    (hour.len() <= 2 && minute.len() == 2).then(|| format!("{hour}:{minute}"))
}

/// Letters and digits apart, so that speech reads them one by one: `0812` → `0 8 1 2`.
fn spell_digits(text: &str) -> String {
    let kept: Vec<String> = text.chars().filter(|c| c.is_alphanumeric()).map(String::from).collect();
    kept.join(" ")
}

/// The filter's own `language`, or that of the prompt.
fn language(kwargs: &Kwargs, state: &State<'_>) -> TeraResult<Language> {
    let tag = match kwargs.get::<String>("language")? {
        Some(tag) => Some(tag),
        None => state.get::<String>(LANGUAGE)?,
    };
    Ok(tag.map_or(Language::Other, |tag| Language::of(&tag)))
}

/// A number is written as programs do; a text as people do.
fn figure(value: &Value, language: Language) -> Option<Figure> {
    let text = value.to_string();
    if value.as_str().is_some() { Figure::written(&text, language) } else { Figure::plain(&text) }
}
