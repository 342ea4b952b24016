//! What somebody proved who signs in, and whether it is good still.

use secrecy::ExposeSecret;
use sqlx_sqlite::SqliteConnection;

use crate::store::error::Error;
use crate::store::model::Proof;

/// Whether what somebody proved is good still: nothing of it changed since, and they are not disabled.
pub(super) async fn holds(
    connection: &mut SqliteConnection,
    person_id: &str,
    proof: &Proof,
) -> Result<bool, Error> {
    let query = sqlx::query_scalar(
        "SELECT 1 FROM people p WHERE p.id = $1 AND p.disabled_ms IS NULL AND ($2 IS NULL OR p.password = $2) AND ($3 OR \
         NOT EXISTS (SELECT 1 FROM second_factors f WHERE f.person_id = p.id AND f.confirmed_ms IS NOT NULL))",
    );
    let password = proof.password.as_ref().map(ExposeSecret::expose_secret);
    let there: Option<i64> =
        query.bind(person_id).bind(password).bind(proof.code).fetch_optional(connection).await?;
    Ok(there.is_some())
}
