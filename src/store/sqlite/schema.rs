//! The schema: migrations compiled into the binary, forward only.

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "calls", include_str!("../../../migrations/sqlite/0001_calls.sql")),
    (2, "notifications", include_str!("../../../migrations/sqlite/0002_notifications.sql")),
    (3, "clients", include_str!("../../../migrations/sqlite/0003_clients.sql")),
    (4, "cdr_marks", include_str!("../../../migrations/sqlite/0004_cdr_marks.sql")),
    (5, "do_not_call", include_str!("../../../migrations/sqlite/0005_do_not_call.sql")),
    (6, "flow_versions", include_str!("../../../migrations/sqlite/0006_flow_versions.sql")),
    (7, "dialouts", include_str!("../../../migrations/sqlite/0007_dialouts.sql")),
    (10, "contacts", include_str!("../../../migrations/sqlite/0010_contacts.sql")),
    (11, "link_keys", include_str!("../../../migrations/sqlite/0011_link_keys.sql")),
    (13, "webhook_health", include_str!("../../../migrations/sqlite/0013_webhook_health.sql")),
    (17, "sealed_secrets", include_str!("../../../migrations/sqlite/0017_sealed_secrets.sql")),
    (18, "audit", include_str!("../../../migrations/sqlite/0018_audit.sql")),
    (19, "taken_tokens", include_str!("../../../migrations/sqlite/0019_taken_tokens.sql")),
    (20, "retention", include_str!("../../../migrations/sqlite/0020_retention.sql")),
    (30, "audit_replace", include_str!("../../../migrations/sqlite/0030_audit_replace.sql")),
    (31, "sealed_headers", include_str!("../../../migrations/sqlite/0031_sealed_headers.sql")),
    (34, "contact_data", include_str!("../../../migrations/sqlite/0034_contact_data.sql")),
    (36, "number_form", include_str!("../../../migrations/sqlite/0036_number_form.sql")),
    (40, "nodes", include_str!("../../../migrations/sqlite/0040_nodes.sql")),
    (50, "people", include_str!("../../../migrations/sqlite/0050_people.sql")),
    (51, "console", include_str!("../../../migrations/sqlite/0051_console.sql")),
    (52, "do_not_call_reasons", include_str!("../../../migrations/sqlite/0052_do_not_call_reasons.sql")),
    (53, "label_sample", include_str!("../../../migrations/sqlite/0053_label_sample.sql")),
    (60, "lists", include_str!("../../../migrations/sqlite/0060_lists.sql")),
    (61, "campaigns", include_str!("../../../migrations/sqlite/0061_campaigns.sql")),
    (62, "reports", include_str!("../../../migrations/sqlite/0062_reports.sql")),
    (63, "contact_search", include_str!("../../../migrations/sqlite/0063_contact_search.sql")),
    (64, "second_steps", include_str!("../../../migrations/sqlite/0064_second_steps.sql")),
    (65, "decided_revisions", include_str!("../../../migrations/sqlite/0065_decided_revisions.sql")),
    (66, "bulk_rows", include_str!("../../../migrations/sqlite/0066_bulk_rows.sql")),
    (67, "rare_calls", include_str!("../../../migrations/sqlite/0067_rare_calls.sql")),
    (68, "params_and_figures", include_str!("../../../migrations/sqlite/0068_params_and_figures.sql")),
    (69, "shadow", include_str!("../../../migrations/sqlite/0069_shadow.sql")),
    (70, "video_calls", include_str!("../../../migrations/sqlite/0070_video_calls.sql")),
    (71, "sip_ladders", include_str!("../../../migrations/sqlite/0071_sip_ladders.sql")),
    (72, "carried_pictures", include_str!("../../../migrations/sqlite/0072_carried_pictures.sql")),
];

/// The last one.
pub(super) fn latest() -> i64 {
    MIGRATIONS.iter().map(|(version, ..)| *version).max().unwrap_or_default()
}

/// Every migration this binary knows, by the number in its file's name.
pub(super) fn migrator() -> Migrator {
    let migrations = MIGRATIONS.iter().map(|&(version, name, sql)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(migrations.collect())
}
