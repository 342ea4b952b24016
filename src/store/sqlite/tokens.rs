//! Tokens that were taken once. Kept on disk, so that a restart does not let one through again.

use futures_util::FutureExt;
use sha2::{Digest, Sha256};

use super::engine::Engine;
use crate::store::error::Error;

/// Of a digest that are kept: 128 bits.
const DIGITS: usize = 32;

impl Engine {
    pub(in crate::store) async fn take_token(
        &self,
        app_id: &str,
        jti: &str,
        until_ms: i64,
    ) -> Result<bool, Error> {
        let app_id = app_id.to_owned();
        // A digest: its length is known, and what callers put into a jti is theirs.
        let mut jti = hex::encode(Sha256::digest(jti.as_bytes()));
        jti.truncate(DIGITS);
        self.write(move |connection| {
            async move {
                let done = sqlx::query(
                    "INSERT INTO taken_tokens (app_id, jti, until_ms) VALUES ($1, $2, $3) \
                     ON CONFLICT (app_id, jti) DO NOTHING",
                )
                .bind(app_id)
                .bind(jti)
                .bind(until_ms)
                .execute(connection)
                .await?;
                Ok(done.rows_affected() == 1)
            }
            .boxed()
        })
        .await
    }

    pub(in crate::store) async fn forget_tokens(&self, now_ms: i64) -> Result<u64, Error> {
        self.write(move |connection| {
            async move {
                let done = sqlx::query("DELETE FROM taken_tokens WHERE until_ms < $1")
                    .bind(now_ms)
                    .execute(connection)
                    .await?;
                Ok(done.rows_affected())
            }
            .boxed()
        })
        .await
    }
}
