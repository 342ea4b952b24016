//! A database that the version before nodes left behind opens, and nothing in it is lost.

use std::fs;
use std::path::Path;

use callcore::call::{Direction, Disposition};
use dering::session::recover;
use dering::store::{CallFilter, CallState, DeliveryFilter, NotificationState, Options, Store, Visibility};
use dering::wallclock::now_ms;
use secrecy::ExposeSecret;
use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx_sqlite::{SqliteConnectOptions, SqlitePool};

/// The last migration of that version.
const LAST: i64 = 36;

/// What that version wrote: apps, calls in every state of theirs, a plan, webhooks, versions of a flow.
const ROWS: &str = "
INSERT INTO client_apps (id, name, scopes, bots, created_ms) VALUES ('cs-old', 'Old', '[\"campaigns\"]', '[\"*\"]', 1);
INSERT INTO app_secrets (app_id, seq, secret, created_ms) VALUES ('cs-old', 1, 'whsec_old', 1);
INSERT INTO calls (id, app_id, bot_id, trunk, direction, target, caller, flow, flow_digest, metadata, notify_url,
    notify_headers, state, created_ms, session_id, answered_ms, ended_ms, disposition, cause_code, amd_event, amd_ms,
    amd_reason, amd_subtype, outcome, message_left, machine_detection) VALUES
    ('over', 'cs-old', 'b', 'main', 'outbound', '+621', '', 'f', 'd1', '{\"n\":1}', NULL, '{}', 'ended', 10, 's1', 20, 90,
     'NO ANSWER', 19, 'amd_machine_detected', 1200, 'long greeting', 'voicemail', 'message_left', 1, 'detect'),
    ('cut', 'cs-old', 'b', 'main', 'inbound', '+622', '+623', 'f', 'd1', '{}', 'http://127.0.0.1:9/n', '{}', 'connected',
     30, 's2', 40, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    ('later', 'cs-old', 'b', 'main', 'outbound', '+624', '', 'f', 'd1', '{}', NULL, '{}', 'scheduled', 50, NULL, NULL, NULL,
     NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'disabled');
INSERT INTO planned_calls (call_id, trunk, start_ms, expires_ms, request) VALUES ('later', 'main', 4102444800000, NULL, '{}');
INSERT INTO call_events (call_id, seq, at_ms, t_ms, kind, detail) VALUES ('cut', 1, 35, 5, 'dial_status', '{\"status\":\"Ringing\"}');
INSERT INTO transcripts (call_id, seq, t_ms, end_t_ms, speaker, source, text) VALUES ('over', 1, 5, 9, 'callee', 'recogniser', 'Halo?');
INSERT INTO notifications (id, call_id, seq, app_id, kind, url, endpoint, headers, body, state, due_ms, claims, attempts,
    created_ms, settled_ms, turn_ms, tried, reason) VALUES
    ('msg_01', 'over', 1, 'cs-old', 'Answered', 'http://h/n', 'http://h', '{}', '{}', 'delivered', 1, 1, 1, 1, 2, 1, 1, NULL),
    ('msg_02', 'over', 2, 'cs-old', 'completed', 'http://h/n', 'http://h', '{}', '{}', 'sending', 4102444800000, 1, 0, 1, NULL, 1, 0, NULL),
    ('msg_03', 'cut', 1, 'cs-old', 'Answered', 'http://h/n', 'http://h', '{}', '{}', 'dead', 1, 1, 9, 1, 2, 1, 9, 'exhausted');
INSERT INTO notification_attempts (notification_id, attempt, at_ms, duration_ms, status) VALUES ('msg_01', 1, 1, 1, 200);
INSERT INTO flow_versions (flow, digest, author, message, created_ms) VALUES ('f', 'd1', 'ani', 'first', 1), ('f', 'd2', 'ani', '', 2);
INSERT INTO flow_labels (flow, label, digest) VALUES ('f', 'live', 'd1');
INSERT INTO contacts (id, number, digits, metadata, created_ms, updated_ms) VALUES ('ct_1', '+621', '621', '{}', 1, 1);
INSERT INTO do_not_call (number, call_id, at_ms) VALUES ('629', 'over', 7);
INSERT INTO audit (at_ms, actor, action, subject, detail) VALUES (1, 'server', 'app.create', 'cs-old', '{}');
";

async fn old_database(path: &Path) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/sqlite");
    let mut migrations: Vec<Migration> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let (version, name) = path.file_stem().unwrap().to_str().unwrap().split_once('_').unwrap();
            let sql = sqlx::AssertSqlSafe(fs::read_to_string(&path).unwrap()).into_sql_str();
            Migration::new(
                version.parse().unwrap(),
                name.to_owned().into(),
                MigrationType::Simple,
                sql,
                false,
            )
        })
        .filter(|migration| migration.version <= LAST)
        .collect();
    migrations.sort_by_key(|migration| migration.version);
    let connect = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let pool = SqlitePool::connect_with(connect).await.unwrap();
    Migrator::with_migrations(migrations).run(&pool).await.unwrap();
    sqlx::raw_sql(ROWS).execute(&pool).await.unwrap();
    pool.close().await;
}

#[tokio::test]
async fn a_database_of_before_opens_with_all_that_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dering.db");
    old_database(&path).await;
    let store = Store::open(Options::file(&path)).await.unwrap();

    let over = store.call("over").await.unwrap().unwrap();
    assert_eq!((over.state, over.direction), (CallState::Ended, Direction::Outbound));
    assert_eq!((over.disposition, over.message_left), (Some(Disposition::NoAnswer), Some(true)));
    let verdict = (over.amd_event, over.amd_reason, over.amd_subtype);
    assert_eq!(format!("{verdict:?}"), "(Some(MachineDetected), Some(LongGreeting), Some(Voicemail))");
    assert_eq!(store.calls(&CallFilter::within(Visibility::all()), None, 10).await.unwrap().items.len(), 3);
    assert_eq!(store.transcripts("over").await.unwrap()[0].text, "Halo?");
    assert_eq!(store.plan("later").await.unwrap().unwrap().start_ms, 4_102_444_800_000);

    let app = store.app("cs-old").await.unwrap().unwrap();
    assert_eq!(app.secrets[0].value.expose_secret(), "whsec_old");
    let states = async |call: &str| {
        let rows = store.notifications(call).await.unwrap();
        rows.iter().map(|row| row.state).collect::<Vec<_>>()
    };
    assert_eq!(states("over").await, [NotificationState::Delivered, NotificationState::Due]);
    assert_eq!(
        store.deliveries(&DeliveryFilter::within(Visibility::all()), None, 10).await.unwrap().items.len(),
        3
    );
    assert_eq!(store.flow_versions().await.unwrap().len(), 2);
    assert_eq!(store.flow_labels().await.unwrap()[0].digest, "d1");
    assert_eq!(store.contact("ct_1").await.unwrap().unwrap().number, "+621");
    assert!(store.do_not_call("+629").await.unwrap().is_some());

    // The call that was cut off belongs to no node, so this one takes it over; the planned one waits on.
    let recovered = recover(&store, folder.path()).await.unwrap();
    assert_eq!(recovered.closed(), 1);
    let cut = store.call("cut").await.unwrap().unwrap();
    assert_eq!((cut.state, cut.outcome.as_deref()), (CallState::Ended, Some("server_stopped")));
    assert_eq!(states("cut").await, [NotificationState::Dead, NotificationState::Due]);
    assert_eq!(store.call("later").await.unwrap().unwrap().state, CallState::Scheduled);
    assert!(store.take_over_calls(now_ms()).await.unwrap().is_empty());
}
