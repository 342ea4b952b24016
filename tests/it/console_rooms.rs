//! Rooms of the pages in which something is changed: the do-not-call list, flows, people; and the log of it all.

use axum::http::header;
use callcore::number;
use dering::access::{Options, Role};
use dering::store::AuditFilter;

use crate::console_fixture::{Browser, PASSWORD, Pages, leads_to, secret};

const FLOW: &str = "flow: ours\nstart: a\nscenes: { a: [ { hangup: done } ] }\n";
const NEXT: &str = "flow: ours\nstart: b\nscenes: { b: [ { hangup: other } ] }\n";

/// What the audit log holds, newest first: the action and the subject.
async fn acts(pages: &Pages, action: &str) -> Vec<(String, String)> {
    let filter = AuditFilter { action: Some(action.to_owned()), ..AuditFilter::default() };
    let found = pages.api.store().audit_log(&filter, 50).await.unwrap().items;
    found.into_iter().map(|row| (row.action, row.subject)).collect()
}

#[tokio::test]
async fn a_number_goes_on_the_do_not_call_list_and_off_it_with_a_reason() {
    let pages = Pages::open().await;
    let browser = pages.signed_in(Role::CampaignManager).await;
    let refused = browser.press("/do-not-call/add", &[("number", "12 apples"), ("reason", "")]).await;
    assert_eq!(refused.status, 422);
    assert!(
        refused.text.contains("Say why.") && refused.text.contains("value=\"12 apples\""),
        "{}",
        refused.text
    );
    let add = [("number", "+62 812-3456-7890"), ("reason", "asked by <b>letter</b>")];
    assert_eq!(leads_to(&browser.press("/do-not-call/add", &add).await), "/do-not-call?done=listed");
    assert_eq!(leads_to(&browser.press("/do-not-call/add", &add).await), "/do-not-call?done=listed_before");
    let key = number::key("+6281234567890", None);
    assert!(
        pages.api.store().do_not_call("+6281234567890").await.unwrap().is_some(),
        "it is refused from now on"
    );
    let list = browser.get("/do-not-call?q=3456").await.text;
    assert!(list.contains("+6281234567890") && list.contains("asked by &lt;b&gt;letter"), "{list}");
    assert!(list.contains(">campaign_manager<"), "who put it there: {list}");
    assert!(browser.get("/do-not-call?q=999").await.text.contains("holds these digits"));
    let off = |reason| [("key", key.as_str()), ("reason", reason)];
    assert_eq!(browser.press("/do-not-call/remove", &off(" ")).await.status, 422);
    assert_eq!(
        leads_to(&browser.press("/do-not-call/remove", &off("a mistake")).await),
        "/do-not-call?done=unlisted"
    );
    assert_eq!(
        leads_to(&browser.press("/do-not-call/remove", &off("again")).await),
        "/do-not-call?done=unlisted_before"
    );
    let told = acts(&pages, "do_not_call.").await;
    let told: Vec<_> = told.iter().map(|(action, subject)| (action.as_str(), subject.as_str())).collect();
    assert_eq!(told, [("do_not_call.remove", "…90"), ("do_not_call.add", "…90")], "numbers are masked");
}

#[tokio::test]
async fn a_flow_with_an_error_is_not_kept_and_the_error_stands_at_its_line() {
    let pages = Pages::with(&[("ours.yaml", FLOW)], Options::default()).await;
    let browser = pages.signed_in(Role::FlowAuthor).await;
    let wrong = "flow: ours\nstart: nowhere\nscenes: { a: [ { hangup: done } ] }\n";
    let refused = browser.press("/flows/new", &[("text", wrong), ("message", "try"), ("do", "keep")]).await;
    assert_eq!(refused.status, 422);
    assert!(
        refused.text.contains("id=\"l2\" class=\"bad\"") && refused.text.contains("value=\"try\""),
        "{}",
        refused.text
    );
    assert!(
        refused.text.contains("start: nowhere</textarea>") || refused.text.contains("start: nowhere\n"),
        "nothing typed is lost"
    );
    for path in ["/flows/new", "/flows/bundle"] {
        for does in [vec![], vec![("do", "chekc")]] {
            let form: Vec<_> = [("text", NEXT)].into_iter().chain(does).collect();
            let unclear = browser.press(path, &form).await;
            assert!(
                unclear.status == 422 && unclear.text.contains("to check or to keep"),
                "{}",
                unclear.text
            );
        }
    }
    assert_eq!(
        pages.api.api.flows.describe("ours").unwrap().versions.len(),
        1,
        "nothing was said, nothing kept"
    );
    let checked = browser.press("/flows/new", &[("text", NEXT), ("do", "check")]).await;
    assert_eq!(checked.status, 200);
    assert_eq!(pages.api.api.flows.describe("ours").unwrap().versions.len(), 1, "only checked");
    let kept = browser.press("/flows/new", &[("text", NEXT), ("message", "new end"), ("do", "keep")]).await;
    assert!(leads_to(&kept).starts_with("/flows/ours?version="), "{}", leads_to(&kept));
    let flow = pages.api.api.flows.describe("ours").unwrap();
    assert_eq!((flow.versions.len(), flow.versions[0].author.as_str()), (2, "flow_author"));
    let page = browser.get("/flows/ours").await.text;
    assert!(page.contains("<code>start: b</code>") && page.contains("new end"), "{page}");
    let graph = browser.get("/flows/ours/latest/graph.svg").await;
    assert_eq!(graph.headers[header::CONTENT_TYPE], "image/svg+xml; charset=utf-8");
    assert!(
        graph.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap().starts_with("default-src 'none'")
    );
}

#[tokio::test]
async fn two_who_decide_which_version_runs_hear_of_each_other() {
    let pages = Pages::with(&[("ours.yaml", FLOW)], Options::default()).await;
    let browser = pages.signed_in(Role::FlowAuthor).await;
    browser.press("/flows/new", &[("text", NEXT), ("do", "keep")]).await;
    let flow = pages.api.api.flows.describe("ours").unwrap();
    let (new, old) = (flow.versions[0].digest.clone(), flow.versions[1].digest.clone());
    assert_eq!(flow.runs.digest, new);
    let back = [("version", old.as_str()), ("ran", new.as_str())];
    assert_eq!(leads_to(&browser.press("/flows/ours/run", &back).await), "/flows/ours?done=rolled_back");
    assert_eq!(pages.api.api.flows.describe("ours").unwrap().runs.digest, old);
    let late = browser.press("/flows/ours/run", &[("version", new.as_str()), ("ran", new.as_str())]).await;
    assert_eq!(late.status, 409);
    assert!(late.text.contains("Somebody let another version run"), "{}", late.text);
    assert_eq!(acts(&pages, "flow.rollback").await.len(), 1);
}

#[tokio::test]
async fn an_admin_invites_people_changes_their_roles_and_turns_them_away() {
    let pages = Pages::open().await;
    let admin = pages.signed_in(Role::Admin).await;
    let invited = admin.press("/people", &[("name", "Rini"), ("role", "viewer")]).await;
    assert_eq!(invited.status, 200);
    let link = invited.text.split("welcome?link=").nth(1).unwrap().split('<').next().unwrap().to_owned();
    assert!(!admin.get("/people").await.text.contains("welcome?link="), "it is shown once");
    assert!(
        admin
            .press("/people", &[("name", "rini"), ("role", "viewer")])
            .await
            .text
            .contains("This name is taken")
    );
    let rini = Browser::new(&pages);
    let form = [("link", link.as_str()), ("password", PASSWORD), ("again", PASSWORD)];
    assert_eq!(leads_to(&rini.post("/welcome", &form).await), "/?done=welcome");
    let id = pages.api.store().person_to_sign_in("rini").await.unwrap().unwrap().id;
    assert_eq!(rini.get("/flows/new").await.status, 403);
    let one = format!("/people/{id}");
    assert_eq!(
        leads_to(&admin.press(&one, &[("role", "flow_author"), ("do", "role")]).await),
        "/people?done=role"
    );
    assert_eq!(rini.get("/flows/new").await.status, 200, "on the page that is open");
    let again = admin.press(&format!("{one}/link"), &[]).await;
    assert!(again.text.contains("Rini chooses a password with this link"), "{}", again.text);
    assert_eq!(leads_to(&admin.press(&one, &[("do", "disable")]).await), "/people?done=disabled");
    assert_eq!(rini.get("/").await.status, 303);
    let stale = again.text.split("welcome?link=").nth(1).unwrap().split('<').next().unwrap();
    assert_eq!(
        Browser::new(&pages).get(&format!("/welcome?link={}", secret(&format!("link={stale}")))).await.status,
        410
    );
    let own = pages.api.store().person_to_sign_in("admin").await.unwrap().unwrap().id;
    let last = admin.press(&format!("/people/{own}"), &[("do", "disable")]).await;
    assert_eq!(last.status, 409);
    assert!(last.text.contains("Admin is the last admin"), "{}", last.text);
    let log = admin.get("/audit?action=person.").await.text;
    assert!(log.contains("person.change") && log.contains(">Rini<"), "by name: {log}");
}
