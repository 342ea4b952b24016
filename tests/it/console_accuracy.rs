//! The page that says how often verdicts are right, and the calls that people listen to for it.

use callcore::amd::{EventKind, Subtype};
use dering::access::Role;
use dering::store::{CallState, CallUpdate, NewRecording, Store};

use crate::console_fixture::{Browser, Pages, leads_to};
use crate::store_fixture::{begun, later};

/// A call of `flow` that was answered and decided; its id ends in `tail`, by which calls are drawn.
async fn decided(store: &Store, tail: u32, flow: &str, event: EventKind, subtype: Subtype) -> String {
    let id = format!("01900000-0000-7000-8000-{tail:012x}");
    let mut first = begun(&id, 1_000);
    if let Some(new) = &mut first.new {
        new.flow = flow.to_owned();
    }
    store.record(first).await.unwrap();
    let mut batch = later(&id);
    batch.update = Some(CallUpdate {
        state: Some(CallState::Ended),
        answered_ms: Some(2_000),
        ended_ms: Some(9_000),
        amd_event: Some(event),
        amd_subtype: Some(subtype),
        ..CallUpdate::default()
    });
    batch.recording = Some(NewRecording {
        path: format!("/nowhere/{id}.wav"),
        channels: 2,
        sample_rate_hz: 8_000,
        duration_ms: 7_000,
        started_ms: 2_000,
        keep_days: None,
    });
    store.record(batch).await.unwrap();
    id
}

/// The call that the page gives to listen to.
async fn given(browser: &Browser<'_>, path: &str) -> Option<String> {
    let page = browser.get(path).await.text;
    let behind = page.split("name=\"id\" value=\"").nth(1)?;
    Some(behind.split('"').next().unwrap().to_owned())
}

#[tokio::test]
async fn calls_are_listened_to_blindly_and_only_drawn_ones_count() {
    let pages = Pages::open().await;
    let store = pages.api.store();
    crate::store_fixture::create_app(store).await;
    let browser = pages.signed_in(Role::CampaignManager).await;
    assert!(browser.get("/accuracy").await.text.contains("nothing is known"));
    let person = decided(store, 7, "ours", EventKind::HumanDetected, Subtype::Human).await;
    let mailbox = decided(store, 3, "ours", EventKind::HumanDetected, Subtype::Human).await;
    let other = decided(store, 9, "other", EventKind::MachineDetected, Subtype::Voicemail).await;

    let page = browser.get("/accuracy/next").await.text;
    assert!(page.contains(&format!("/calls/{mailbox}/recording.wav")), "drawn by their last digits: {page}");
    assert!(!page.contains("detected") && !page.contains("class=\"who"), "the verdict is not shown: {page}");
    assert_eq!(given(&browser, &format!("/accuracy/next?after={mailbox}")).await.as_ref(), Some(&person));
    assert_eq!(browser.press("/accuracy/next", &[("id", &mailbox), ("truth", "cat")]).await.status, 422);
    for (id, truth) in [(&mailbox, "voicemail"), (&person, "human")] {
        assert_eq!(given(&browser, "/accuracy/next").await.as_ref(), Some(id));
        let said = browser.press("/accuracy/next", &[("id", id), ("truth", truth)]).await;
        assert_eq!(leads_to(&said), "/accuracy/next?done=labelled");
    }
    // Somebody comes across the third and corrects it: that says nothing about how often verdicts are wrong, and it is drawn
    // all the same, or the figures would lack what was wrong.
    browser.press(&format!("/calls/{other}/label"), &[("truth", "human")]).await;
    assert_eq!(given(&browser, "/accuracy/next").await.as_ref(), Some(&other));

    let page = browser.get("/accuracy").await.text;
    assert!(page.contains("Calls listened to: 2. People called machines: 0.0 %"), "{page}");
    assert!(page.contains("machines called people: 100.0 %"), "{page}");
    assert!(page.contains("Flow ours") && !page.contains("Flow other"), "{page}");
    assert!(page.contains("Corrections that people made on the pages of calls: 1."), "{page}");
    let viewer = pages.signed_in(Role::Viewer).await;
    let seen = viewer.get("/accuracy").await.text;
    assert!(seen.contains("Calls listened to: 2") && !seen.contains("/accuracy/next"), "{seen}");
}

#[tokio::test]
async fn a_drawn_call_counts_as_it_was_corrected_and_no_other_call_does() {
    let pages = Pages::open().await;
    let store = pages.api.store();
    crate::store_fixture::create_app(store).await;
    let browser = pages.signed_in(Role::Admin).await;
    let id = decided(store, 1, "ours", EventKind::MachineDetected, Subtype::Voicemail).await;
    browser.press("/accuracy/next", &[("id", &id), ("truth", "voicemail")]).await;
    browser.press(&format!("/calls/{id}/label"), &[("truth", "human")]).await;
    let page = browser.get("/accuracy").await.text;
    assert!(page.contains("People called machines: 100.0 %"), "{page}");
    assert!(page.contains("machines called people: not known yet"), "{page}");
    let chosen = decided(store, 9, "ours", EventKind::HumanDetected, Subtype::Human).await;
    decided(store, 5, "ours", EventKind::HumanDetected, Subtype::Human).await;
    for id in [chosen.as_str(), id.as_str(), "nobody"] {
        assert_eq!(
            browser.press("/accuracy/next", &[("id", id), ("truth", "human")]).await.status,
            409,
            "{id}"
        );
    }
}

#[tokio::test]
async fn a_call_that_goes_on_is_answered_and_counts_once() {
    let pages = Pages::open().await;
    let store = pages.api.store();
    crate::store_fixture::create_app(store).await;
    let browser = pages.signed_in(Role::Viewer).await;
    let now = dering::wallclock::now_ms();
    for (id, ended) in [("c1", Some(now)), ("c2", None), ("c3", None)] {
        store.record(begun(id, now)).await.unwrap();
        let mut batch = later(id);
        let answered_ms = (id != "c3").then_some(now);
        batch.update = Some(CallUpdate { answered_ms, ended_ms: ended, ..CallUpdate::default() });
        store.record(batch).await.unwrap();
    }
    let home = browser.get("/").await.text;
    assert!(home.contains("<b>100 %</b><span class=\"soft\">2 of 2"), "{home}");
}
