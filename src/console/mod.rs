//! The console: pages for people, their templates, and what a browser needs to see them.
//!
//! Pages and their files are not part of the API: they have no description, and a cookie opens them and nothing else.

mod accuracy;
mod audit;
mod brings;
mod calls;
mod campaigns;
mod contacts;
mod do_not_call;
mod docs;
mod elsewhere;
pub(crate) mod faults;
mod files;
mod flows;
mod forms;
mod frame;
mod home;
mod let_in;
mod lists;
mod own;
mod people;
mod people_names;
mod picture;
mod problems;
mod render;
mod ring;
mod seat;
mod second_step;
mod settings;
mod signing;
mod speech;
mod talk;
mod trunks;
mod webhooks;
mod when;
mod who;
mod words;

use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::contacts::import as contacts_import;
use crate::api::do_not_call::import as numbers_import;
use crate::api::flows as flow_uploads;
use crate::api::lists::body_limit;
use crate::api::{Api, Gate};

/// What a kind of timeline entry means, in English.
pub(crate) fn fact_in_words(kind: &str) -> Option<&'static str> {
    let key = format!("fact_{kind}");
    let english = words::Language::English;
    english.has(&key).then(|| english.say(&key))
}

/// Every page and what belongs to it.
pub(crate) fn groups() -> [(Gate, OpenApiRouter<Api>); 2] {
    let door = OpenApiRouter::new()
        .route("/sign-in", get(signing::sign_in_page).post(signing::sign_in))
        .route("/sign-in/openid", get(elsewhere::depart))
        .route("/sign-in/openid/back", get(elsewhere::arrive))
        .route("/sign-in/code", post(second_step::take))
        .route("/sign-out", post(signing::sign_out))
        .route("/welcome", get(signing::welcome_page).post(signing::welcome_in))
        .route("/preferences", post(signing::prefer))
        .route("/ring", get(ring::page))
        .route("/embed.js", get(files::embed))
        .route("/static/{file}", get(files::file))
        .route("/docs", get(docs::page))
        .route("/docs/{file}", get(docs::asset))
        .route("/problems", get(problems::list))
        .route("/problems/{code}", get(problems::one));
    let pages = OpenApiRouter::new()
        .route("/", get(home::page))
        .route("/now", get(home::live))
        .route("/me", get(own::page))
        .route("/me/password", post(own::change_password))
        .route("/me/second-factor", post(own::second_factor))
        .route("/calls", get(calls::page))
        .route("/calls.csv", get(calls::csv))
        .route("/calls/{id}", get(calls::one::page))
        .route("/calls/{id}/changes", get(calls::changes::stream))
        .route("/calls/{id}/recording.wav", get(calls::one::recording))
        .route("/calls/{id}/live.wav", get(calls::one::listen))
        .route("/calls/{id}/watch", post(calls::one::watch))
        .route("/calls/{id}/camera.webm", get(calls::one::camera))
        .route("/calls/{id}/evidence.svg", get(calls::one::evidence))
        .route("/calls/{id}/label", post(calls::one::label))
        .route("/calls/{id}/hang-up", post(calls::one::hang_up))
        .route("/trunks", get(trunks::page))
        .route("/speech", get(speech::page))
        .route("/settings", get(settings::page))
        .route("/campaigns", get(campaigns::page))
        .route(
            "/campaigns/new",
            get(campaigns::new_page)
                .post(campaigns::create)
                .layer(DefaultBodyLimit::max(campaigns::LARGEST_FORM)),
        )
        .route("/campaigns/{campaign_id}", get(campaigns::one))
        .route(
            "/campaigns/{campaign_id}/edit",
            get(campaigns::edit_page)
                .post(campaigns::change)
                .layer(DefaultBodyLimit::max(campaigns::LARGEST_FORM)),
        )
        .route("/campaigns/{campaign_id}/report", get(campaigns::report))
        .route("/campaigns/{campaign_id}/report/{file}", get(campaigns::report_file))
        .route("/campaigns/{campaign_id}/compare", get(campaigns::compare))
        .route("/campaigns/{campaign_id}/contacts", get(campaigns::contacts))
        .route("/campaigns/{campaign_id}/contacts/{place}", get(campaigns::why).post(campaigns::exclude))
        .route("/campaigns/{campaign_id}/{step}", post(campaigns::act))
        .route("/contacts", get(contacts::page))
        .route(
            "/contacts/import",
            post(contacts::bring).layer(DefaultBodyLimit::max(contacts_import::LARGEST)),
        )
        .route("/contacts/{id}", get(contacts::one::kept))
        .route("/contacts/listed/{id}", get(contacts::one::of_list))
        .route("/contacts/{id}/delete", post(contacts::delete))
        .route(
            "/do-not-call/import",
            post(contacts::block).layer(DefaultBodyLimit::max(numbers_import::LARGEST)),
        )
        .route("/do-not-call", get(do_not_call::page))
        .route("/do-not-call/add", post(do_not_call::add))
        .route("/do-not-call/remove", post(do_not_call::remove))
        .route("/lists", get(lists::page).post(lists::create))
        .route("/lists/{id}", get(lists::one::page))
        .route("/lists/{id}/contacts", get(lists::one::contacts))
        .route("/lists/{id}/delete", post(lists::one::delete))
        .route("/lists/{id}/import", post(lists::bring::upload).layer(body_limit()))
        .route("/lists/{id}/files/{file}", get(lists::bring::page).post(lists::bring::decide))
        .route("/lists/{id}/imports/{import}", get(lists::report::page))
        .route("/lists/{id}/imports/{import}/undo", post(lists::report::undo))
        .route("/flows", get(flows::list))
        .route("/flows/new", get(flows::draft).post(flows::upload))
        .route("/flows/bundle", post(flows::bring).layer(DefaultBodyLimit::max(flow_uploads::LARGEST)))
        .route("/flows/{name}", get(flows::one))
        .route("/flows/{name}/run", post(flows::roll_back))
        .route("/flows/{name}/talk", get(talk::page).post(talk::call))
        .route("/flows/{name}/{version}/graph.svg", get(flows::graph))
        .route("/accuracy", get(accuracy::page))
        .route("/accuracy/next", get(accuracy::next).post(accuracy::label))
        .route("/accuracy/what-if", get(accuracy::what_if_page).post(accuracy::start_what_if))
        .route("/accuracy/tune", get(accuracy::tune_page).post(accuracy::start_tune))
        .route("/accuracy/tune/promote", post(accuracy::promote))
        .route("/accuracy/tune/take-back", post(accuracy::take_back))
        .route("/accuracy/cancel", post(accuracy::cancel))
        .route("/audit", get(audit::page))
        .route("/people", get(people::page).post(people::invite))
        .route("/people/{id}", post(people::change))
        .route("/people/{id}/link", post(people::link))
        .route("/people/{id}/openid", post(people::elsewhere))
        .route("/people/{id}/second-factor", post(people::reset_second_factor))
        .route("/callers", get(people::callers))
        .route("/webhooks", get(webhooks::list))
        .route("/webhooks/redeliver", post(webhooks::redeliver))
        .route("/webhooks/{id}", get(webhooks::one))
        .route("/webhooks/{id}/redeliver", post(webhooks::redeliver_one));
    let parts = OpenApiRouter::new().routes(routes!(picture::amd));
    [(Gate::Open, door.merge(pages)), (Gate::Readers, parts)]
}
