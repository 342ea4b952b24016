//! How often the verdicts are right, as far as people have said who answered; and the next call to listen to.

mod shadow;
mod trial;
mod tune;
mod what_if;

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Serialize;

use self::shadow::Shadow;
pub(super) use self::tune::{page as tune_page, promote, start as start_tune, take_back};
pub(super) use self::what_if::{cancel, page as what_if_page, start as start_what_if};
use super::calls::{listed, one};
use super::forms::Does;
use super::frame::{Crumb, Room, Sees, may};
use super::when::At;
use crate::access::{LabelCalls, SeeServer};
use crate::accuracy::{Accuracy, Judged, Percentile, Share, Truth};
use crate::api::Api;
use crate::api::error::{Code, Problem};
use crate::api::extract::Pairs;
use crate::store::{LabelOrigin, LabelTally};

#[derive(Serialize)]
struct Page {
    /// The answer in a sentence.
    sentence: String,
    lines: Vec<Line>,
    /// Calls that people labelled because they came across them.
    noticed: i64,
    labels: bool,
    more: bool,
    shadow: Option<Shadow>,
}

/// Drawn calls that have something in common.
#[derive(Serialize)]
struct Line {
    name: String,
    /// Where these calls are listed.
    href: String,
    calls: usize,
    people: Figure,
    machines: Figure,
    undecided: Figure,
}

/// A share: `3 of 120`, `2.5 %` and `0.5–7.1 %`; empty where nothing is known.
#[derive(Default, Serialize)]
struct Figure {
    count: String,
    share: String,
    bounds: String,
}

impl Figure {
    /// A time with its bounds: `820 ms` and `700–900 ms`.
    fn time(percentile: Option<Percentile>) -> Self {
        percentile.map_or_else(Self::default, |Percentile { value, low, high }| Self {
            count: String::new(),
            share: format!("{value} ms"),
            bounds: format!("{low}–{high} ms"),
        })
    }

    fn of(share: &Share, of: &str) -> Self {
        if share.of == 0 {
            return Self::default();
        }
        Self {
            count: format!("{} {of} {}", share.count, share.of),
            share: format!("{:.1} %", share.share * 100.0),
            bounds: format!("{:.1}–{:.1} %", share.low * 100.0, share.high * 100.0),
        }
    }
}

fn judged(row: &LabelTally) -> Option<Judged> {
    let calls = usize::try_from(row.calls).ok()?;
    Some(Judged { truth: Truth::named(&row.truth)?, verdict: row.verdict, calls })
}

/// The figures.
pub(super) async fn page(sees: Sees<SeeServer>, State(api): State<Api>) -> Result<Response, Problem> {
    let tallies = api.store.label_tallies().await?;
    let (drawn, noticed): (Vec<LabelTally>, Vec<LabelTally>) = tallies.into_iter().partition(|row| row.drawn);
    let of = sees.say("accuracy_of");
    let line = |name: &str, href: String, wanted: &dyn Fn(&LabelTally) -> bool| {
        let judged: Vec<Judged> = drawn.iter().filter(|row| wanted(row)).filter_map(judged).collect();
        let accuracy = Accuracy::of(&judged);
        Line {
            name: name.to_owned(),
            href,
            calls: judged.iter().map(|one| one.calls).sum(),
            people: Figure::of(&accuracy.people_called_machines, of),
            machines: Figure::of(&accuracy.machines_called_people, of),
            undecided: Figure::of(&accuracy.undecided, of),
        }
    };
    let all = line(sees.say("accuracy_all"), "/calls".to_owned(), &|_| true);
    let sentence = sentence(&sees, &all);
    let mut lines = Vec::new();
    if all.calls > 0 {
        lines.push(all);
        for (field, names) in
            [("flow", names(&drawn, |row| &row.flow)), ("trunk", names(&drawn, |row| &row.trunk))]
        {
            for name in names {
                let label = format!("{} {name}", sees.say(&format!("filter_{field}")));
                let href = listed(field, &name);
                lines.push(line(&label, href, &|row| {
                    *(if field == "flow" { &row.flow } else { &row.trunk }) == name
                }));
            }
        }
    }
    let labels = may::<LabelCalls>(&sees.who);
    let more = labels && api.store.draw_call(None).await?.is_some();
    let noticed = noticed.iter().map(|row| row.calls).sum();
    let shadow = Shadow::of(&api, &sees).await?;
    let page = Page { sentence, lines, noticed, labels, more, shadow };
    Ok(sees.page(&api, ("accuracy.html", Room::Accuracy), sees.say("nav_accuracy"), &[], &page))
}

fn sentence(sees: &Sees<SeeServer>, all: &Line) -> String {
    if all.calls == 0 {
        return sees.say("accuracy_nothing").to_owned();
    }
    let share = |figure: &Figure| match figure.share.as_str() {
        "" => sees.say("accuracy_unknown").to_owned(),
        share => format!("{share} ({})", figure.bounds),
    };
    let calls = all.calls.to_string();
    let parts =
        [("calls", calls.as_str()), ("people", &share(&all.people)), ("machines", &share(&all.machines))];
    sees.tell("accuracy_sentence", &parts)
}

fn names(rows: &[LabelTally], of: fn(&LabelTally) -> &String) -> Vec<String> {
    let mut names: Vec<String> = rows.iter().map(of).cloned().collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// A call to listen to; what was said of it is not shown.
#[derive(Serialize)]
struct Next {
    id: String,
    /// The call that was passed over for it.
    after: String,
    at: Option<At>,
    labels: Vec<(&'static str, &'static str)>,
}

/// The next call to listen to.
pub(super) async fn next(
    sees: Sees<LabelCalls>,
    State(api): State<Api>,
    Pairs(query): Pairs,
) -> Result<Response, Problem> {
    let after = query.iter().find(|(name, _)| name == "after").map(|(_, value)| value.as_str());
    let id = api.store.draw_call(after).await?.unwrap_or_default();
    let call = api.store.call(&id).await?;
    let after = after.unwrap_or_default().to_owned();
    let page =
        Next { after, at: call.map(|call| sees.zone.at(call.created_ms)), labels: one::truths(&sees), id };
    let crumbs = [Crumb::new("/accuracy", sees.say("nav_accuracy"))];
    Ok(sees.page(&api, ("listen.html", Room::Accuracy), sees.say("accuracy_listen"), &crumbs, &page))
}

/// Somebody says who answered the call they were given.
pub(super) async fn label(State(api): State<Api>, form: Does<LabelCalls>) -> Result<Response, Problem> {
    let after = Some(form.written.text("after")).filter(|after| !after.is_empty());
    let id = form.written.text("id");
    // A call of one's own choice, or one that somebody else was quicker with, would not be drawn at random.
    if api.store.draw_call(after).await?.as_deref() != Some(id) {
        let why = form.by.say("accuracy_other").to_owned();
        return Err(Problem::new(Code::Conflict, why));
    }
    one::keep_label(&api, id, &form, LabelOrigin::Drawn).await?;
    Ok(Redirect::to("/accuracy/next?done=labelled").into_response())
}
