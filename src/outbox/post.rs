//! One attempt: posts a notification and judges the answer.

use std::error::Error as _;
use std::time::Instant;

use callcore::retry::Schedule;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::target::{TargetError, guarded_client};
use super::{Error, Options, headers};
use crate::store::{Attempt, Claim, Verdict};
use crate::wallclock::now_ms;

/// Of an answer's body this much is read, and kept for whoever looks into a failure.
const RESPONSE_BYTES: usize = 1024;
/// A receiver may ask for patience, but not for ever.
const RETRY_AFTER_MAX_S: i64 = 24 * 3600;

/// Posts notifications.
#[derive(Debug)]
pub(super) struct Poster {
    client: Client,
    options: Options,
}

/// An answer, as far as it matters.
struct Answer {
    status: StatusCode,
    retry_after_ms: Option<i64>,
    response: Option<String>,
}

/// Why there was no answer.
enum Failure {
    /// It may go better later.
    Passing(String),
    /// It will never go better.
    Lasting(String),
}

impl Poster {
    pub(super) fn new(options: Options) -> Result<Self, Error> {
        Ok(Self { client: client(&options)?, options })
    }

    /// Posts, and says what happened and what follows.
    pub(super) async fn attempt(&self, claim: &Claim) -> (Attempt, Verdict) {
        let (at_ms, started) = (now_ms(), Instant::now());
        let answer = self.post(claim, at_ms / 1000).await;
        let duration_ms = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
        let mut attempt = Attempt { at_ms, duration_ms, ..Attempt::default() };
        let ended_ms = at_ms.saturating_add(duration_ms);
        let again = |wait| retry(self.options.schedule, claim.attempts, ended_ms, wait);
        let verdict = match answer {
            Ok(answer) => {
                attempt.status = Some(answer.status.as_u16());
                attempt.response = answer.response;
                attempt.error = problem(answer.status);
                match answer.status {
                    status if status.is_success() => Verdict::Delivered,
                    StatusCode::GONE => Verdict::Dead,
                    _ => again(answer.retry_after_ms),
                }
            }
            Err(failure) => {
                let (reason, verdict) = match failure {
                    Failure::Passing(reason) => (reason, again(None)),
                    Failure::Lasting(reason) => (reason, Verdict::Dead),
                };
                attempt.error = Some(reason);
                verdict
            }
        };
        (attempt, verdict)
    }

    async fn post(&self, claim: &Claim, timestamp_s: i64) -> Result<Answer, Failure> {
        let url =
            self.options.reach.check(&claim.url).map_err(|error| Failure::Lasting(error.to_string()))?;
        let headers = headers::of(claim, timestamp_s).ok_or_else(|| {
            Failure::Passing(format!("the client app {} has no active secret to sign with", claim.app_id))
        })?;
        let request = self.client.post(url).headers(headers).body(claim.body.clone());
        let mut response = request.send().await.map_err(|error| Failure::Passing(reason(&error)))?;
        Ok(Answer {
            status: response.status(),
            retry_after_ms: retry_after(response.headers(), OffsetDateTime::now_utc()),
            response: start_of_body(&mut response).await,
        })
    }
}

fn client(options: &Options) -> Result<Client, Error> {
    Ok(guarded_client(options.reach, "webhooks", |builder| {
        builder
            .redirect(reqwest::redirect::Policy::none())
            .timeout(options.timeout)
            .pool_max_idle_per_host(options.per_endpoint)
    })?)
}

fn problem(status: StatusCode) -> Option<String> {
    if status.is_success() {
        None
    } else if status.is_redirection() {
        Some(format!("the receiver answered {status}; redirects are not followed"))
    } else {
        Some(format!("the receiver answered {status}"))
    }
}

/// The chain of causes as one sentence, without the URL, which may hold a token.
fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "the receiver did not answer in time".to_owned();
    }
    let mut cause = error.source();
    let mut text = String::new();
    while let Some(inner) = cause {
        if let Some(refused) = inner.downcast_ref::<TargetError>() {
            return refused.to_string();
        }
        text = inner.to_string();
        cause = inner.source();
    }
    format!("the post failed: {text}")
}

fn retry(schedule: Schedule, attempts_before: i64, ended_ms: i64, wait_ms: Option<i64>) -> Verdict {
    let next = u32::try_from(attempts_before + 1).unwrap_or(u32::MAX);
    match schedule.delay_ms(next, rand::random()) {
        Some(delay_ms) => {
            let delay_ms = i64::try_from(delay_ms).unwrap_or(i64::MAX).max(wait_ms.unwrap_or(0));
            Verdict::Retry { due_ms: ended_ms.saturating_add(delay_ms) }
        }
        None => Verdict::Dead,
    }
}

/// RFC 9110 §10.2.3: seconds, or a date.
fn retry_after(headers: &HeaderMap, now: OffsetDateTime) -> Option<i64> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let seconds = match value.parse::<i64>() {
        Ok(seconds) => seconds,
        Err(_) => (OffsetDateTime::parse(value, &Rfc2822).ok()? - now).whole_seconds(),
    };
    Some(seconds.clamp(0, RETRY_AFTER_MAX_S) * 1000)
}

/// What can be read of the body. An answer whose body breaks off is still an answer.
async fn start_of_body(response: &mut Response) -> Option<String> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() >= RESPONSE_BYTES {
            body.truncate(RESPONSE_BYTES);
            break;
        }
    }
    (!body.is_empty()).then(|| String::from_utf8_lossy(&body).into_owned())
}

#[cfg(test)]
mod tests {
    use callcore::retry::WEBHOOK;
    use reqwest::header::HeaderValue;
    use time::macros::datetime;

    use super::*;

    fn waits(value: &'static str) -> Option<i64> {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(value))]);
        retry_after(&headers, datetime!(1994-11-06 08:49:00 UTC))
    }

    #[test]
    fn a_receiver_asks_for_patience_in_seconds_or_with_a_date() {
        assert_eq!(waits("120"), Some(120_000));
        assert_eq!(waits("Sun, 06 Nov 1994 08:49:37 GMT"), Some(37_000));
        assert_eq!(waits("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0));
        assert_eq!(waits("99999999999"), Some(RETRY_AFTER_MAX_S * 1000));
        assert_eq!(waits("-5"), Some(0));
        assert_eq!(waits("soon"), None);
    }

    #[test]
    fn the_next_attempt_waits_for_the_schedule_and_for_the_receiver_whichever_is_longer() {
        let due = |attempts, wait| match retry(WEBHOOK, attempts, 0, wait) {
            Verdict::Retry { due_ms } => Some(due_ms),
            Verdict::Dead | Verdict::Delivered => None,
        };
        assert!((5_000..=5_500).contains(&due(0, None).unwrap()));
        assert!((30_000..=33_000).contains(&due(1, Some(1_000)).unwrap()));
        assert_eq!(due(0, Some(60_000)), Some(60_000));
        // Nine attempts are made in all.
        assert!(due(7, None).is_some());
        assert_eq!(due(8, Some(60_000)), None);
    }
}
