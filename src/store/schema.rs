//! The schema: migrations compiled into the binary, forward only.

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

const MIGRATIONS: [(&str, &str); 4] = [
    ("calls", include_str!("../../migrations/sqlite/0001_calls.sql")),
    ("notifications", include_str!("../../migrations/sqlite/0002_notifications.sql")),
    ("clients", include_str!("../../migrations/sqlite/0003_clients.sql")),
    ("do_not_call", include_str!("../../migrations/sqlite/0004_do_not_call.sql")),
];

/// Every migration this binary knows, numbered from 1.
pub(super) fn migrator() -> Migrator {
    let migrations = (1..).zip(MIGRATIONS).map(|(version, (name, sql))| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(migrations.collect())
}
