//! What reports read: lines of contacts and attempts, and counts that are kept as attempts end.

use callcore::campaign::Promptness;
use sqlx_sqlite::SqliteConnection;

use crate::store::error::Error;
use crate::store::model::{
    AttemptLine, AttemptPlace, Facet, FacetCount, FirstWordCount, Page, PlaceLine, ReachedCount, Settled,
};
use crate::store::sqlite::engine::Engine;
use crate::store::sqlite::query::column_ms;

const QUARTER_MS: i64 = 15 * 60_000;

impl Engine {
    pub(in crate::store) async fn place_lines(
        &self,
        campaign: &str,
        after: i64,
        limit: u32,
    ) -> Result<Page<PlaceLine, i64>, Error> {
        let query = sqlx::query_as(
            "SELECT p.*, c.name, c.external_id, c.variables, c.consent_ms, \
             (SELECT a.at_ms FROM attempts a WHERE a.place_id = p.id ORDER BY a.at_ms DESC LIMIT 1) AS last_call_ms, \
             (SELECT a.call_id FROM attempts a WHERE a.place_id = p.id ORDER BY a.at_ms DESC LIMIT 1) AS last_call_id, \
             (SELECT coalesce(sum(a.minutes), 0) FROM attempts a WHERE a.place_id = p.id) AS minutes \
             FROM places p LEFT JOIN list_contacts c ON c.id = p.contact_id \
             WHERE p.id IN (SELECT id FROM places WHERE +campaign_id = $1 AND id > $2 ORDER BY id LIMIT $3) \
             ORDER BY p.id",
        );
        let query = query.bind(campaign).bind(after).bind(i64::from(limit) + 1);
        let rows = query.fetch_all(&self.readers).await?;
        Ok(Page::cut(rows, limit, |line: &PlaceLine| line.place.id))
    }

    pub(in crate::store) async fn attempt_lines(
        &self,
        campaign: &str,
        after: AttemptPlace,
        limit: u32,
    ) -> Result<Page<AttemptLine, AttemptPlace>, Error> {
        let query = sqlx::query_as(
            "SELECT a.id, p.number, l.name, l.external_id, s.name AS list, p.zone, \
             iif(a.counts, (SELECT sum(b.counts) FROM attempts b WHERE b.place_id = a.place_id \
             AND (b.at_ms, b.id) <= (a.at_ms, a.id)), NULL) AS nth, \
             a.at_ms, a.ended_ms, a.revision, c.flow, a.flow_digest, \
             a.canary, c.trunk, a.caller, a.outcome, c.amd_event AS verdict, c.amd_subtype AS subtype, \
             a.first_word AS promptness, a.minutes, a.call_id FROM attempts a JOIN calls c ON c.id = a.call_id \
             JOIN places p ON p.id = a.place_id LEFT JOIN list_contacts l ON l.id = p.contact_id \
             LEFT JOIN lists s ON s.id = l.list_id WHERE a.campaign_id = $1 AND (a.at_ms, a.id) > ($2, $3) ORDER BY a.at_ms, a.id LIMIT $4",
        );
        let query = query.bind(campaign).bind(after.at_ms).bind(after.id).bind(i64::from(limit) + 1);
        let rows = query.fetch_all(&self.readers).await?;
        Ok(Page::cut(rows, limit, |line: &AttemptLine| AttemptPlace { at_ms: line.at_ms, id: line.id }))
    }

    pub(in crate::store) async fn attempt_facets(&self, campaign: &str) -> Result<Vec<FacetCount>, Error> {
        let query = sqlx::query_as(
            "SELECT facet, value, outcome, attempts, minutes FROM attempt_facets WHERE campaign_id = $1 \
             ORDER BY facet, value, outcome",
        );
        Ok(query.bind(campaign).fetch_all(&self.readers).await?)
    }

    pub(in crate::store) async fn first_words(
        &self,
        campaign: &str,
        since_ms: i64,
    ) -> Result<Vec<FirstWordCount>, Error> {
        let query = sqlx::query_as(
            "SELECT quarter_ms, first_word, calls FROM first_words WHERE campaign_id = $1 AND quarter_ms >= $2 \
             ORDER BY quarter_ms, first_word",
        );
        Ok(query.bind(campaign).bind(since_ms).fetch_all(&self.readers).await?)
    }

    pub(in crate::store) async fn contacts_reached(
        &self,
        campaign: &str,
    ) -> Result<Vec<ReachedCount>, Error> {
        let query = sqlx::query_as(
            "SELECT canary, count(DISTINCT place_id) AS contacts FROM attempts \
             WHERE campaign_id = $1 AND first_word IS NOT NULL GROUP BY canary ORDER BY canary",
        );
        Ok(query.bind(campaign).fetch_all(&self.readers).await?)
    }
}

/// Counts an attempt that has just been settled, in the same transaction.
pub(super) async fn count(connection: &mut SqliteConnection, one: &Settled) -> Result<(), Error> {
    let week_hour = one.week_hour.map(|hour| hour.to_string()).unwrap_or_default();
    let facets = [
        (Facet::WeekHour, Some(week_hour)),
        (Facet::Nth, one.nth.map(|nth| nth.to_string())),
        (Facet::Trunk, Some(one.trunk.clone())),
        (Facet::List, Some(one.list_id.clone().unwrap_or_default())),
    ];
    for (facet, value) in facets {
        let Some(value) = value else { continue };
        sqlx::query(
            "INSERT INTO attempt_facets (campaign_id, facet, value, outcome, attempts, minutes) \
             VALUES ($1, $2, $3, $4, 1, $5) ON CONFLICT (campaign_id, facet, value, outcome) \
             DO UPDATE SET attempts = attempts + 1, minutes = minutes + excluded.minutes",
        )
        .bind(&one.campaign_id)
        .bind(facet.as_str())
        .bind(value)
        .bind(one.outcome.as_str())
        .bind(one.minutes)
        .execute(&mut *connection)
        .await?;
    }
    let Some(word) = one.first_word else { return Ok(()) };
    sqlx::query(
        "UPDATE attempts SET utterance_end_ms = $2, first_word_ms = $3, first_word = $4 WHERE id = $1",
    )
    .bind(one.attempt)
    .bind(word.utterance_end_ms.map(column_ms))
    .bind(word.word_ms.map(column_ms))
    .bind(word.promptness.as_str())
    .execute(&mut *connection)
    .await?;
    count_word(connection, one, word.promptness).await
}

async fn count_word(
    connection: &mut SqliteConnection,
    one: &Settled,
    promptness: Promptness,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO first_words (campaign_id, quarter_ms, first_word, calls) VALUES ($1, $2, $3, 1) \
         ON CONFLICT (campaign_id, quarter_ms, first_word) DO UPDATE SET calls = calls + 1",
    )
    .bind(&one.campaign_id)
    .bind(one.at_ms - one.at_ms.rem_euclid(QUARTER_MS))
    .bind(promptness.as_str())
    .execute(connection)
    .await?;
    Ok(())
}
