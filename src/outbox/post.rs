//! One attempt: posts a notification, follows redirects under guard, and judges the answer.

use std::error::Error as _;
use std::time::{Duration, Instant};

use callcore::retry::Schedule;
use reqwest::header::{HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, Url};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::headers;
use super::health::Condition;
use super::message::Message;
use super::options::{Error, Options};
use crate::net::guard::{GuardError, guarded_client};
use crate::store::{Attempt, Claim, DeadReason, DeliveryOutcome};

/// Of an answer's body this much is read, and kept for troubleshooting.
const RESPONSE_BYTES: usize = 1024;
/// Once the status is known, the body matters little.
const RESPONSE_PATIENCE: Duration = Duration::from_secs(2);
/// A receiver may ask for patience, but not for ever.
const RETRY_AFTER_MAX_S: i64 = 24 * 3600;
/// Redirects that one attempt follows.
const REDIRECTS: usize = 3;

/// Posts notifications.
#[derive(Debug)]
pub(super) struct Poster {
    client: Client,
    options: Options,
}

/// What came of an attempt.
#[derive(Debug)]
pub(super) struct Posted {
    pub(super) attempt: Attempt,
    pub(super) outcome: DeliveryOutcome,
    pub(super) condition: Condition,
    /// Whether the body of the answer came to its end, or as far as it is read, in time.
    pub(super) read: bool,
}

/// An answer, as far as it matters.
struct Answer {
    status: StatusCode,
    /// What is wrong with it.
    problem: Option<String>,
    retry_after_ms: Option<i64>,
    response: Option<String>,
    read: bool,
}

/// Why there was no answer.
enum Failure {
    /// The receiver cannot be reached, or is too slow.
    Unreachable(String),
    /// Something on our side that may be put right.
    Ours(String),
    /// It will never go better.
    Lasting(String),
}

impl Poster {
    pub(super) fn new(options: Options) -> Result<Self, Error> {
        Ok(Self { client: client(&options)?, options })
    }

    /// Posts, and says what happened and what follows.
    pub(super) async fn attempt(&self, claim: &Claim) -> Posted {
        self.send(claim.into(), claim.attempts).await
    }

    /// The same for what was posted so many times before.
    pub(super) async fn send(&self, message: Message<'_>, attempts: i64) -> Posted {
        let (at_ms, started) = ((self.options.now_ms)(), Instant::now());
        let post = self.post(&message, at_ms / 1000);
        let answer = match tokio::time::timeout(self.options.timeout, post).await {
            Ok(answer) => answer,
            Err(_) => Err(Failure::Unreachable(TOO_SLOW.to_owned())),
        };
        let duration_ms = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
        let mut attempt = Attempt { at_ms, duration_ms, ..Attempt::default() };
        let ended_ms = at_ms.saturating_add(duration_ms);
        let again = |wait| retry(self.options.schedule, attempts, ended_ms, wait);
        let read = answer.as_ref().is_ok_and(|answer| answer.read);
        let (outcome, condition) = match answer {
            Ok(answer) => {
                attempt.status = Some(answer.status.as_u16());
                attempt.response = answer.response;
                let outcome = match answer.status {
                    status if status.is_success() => DeliveryOutcome::Delivered,
                    StatusCode::GONE => DeliveryOutcome::Dead(DeadReason::Gone),
                    _ => again(answer.retry_after_ms),
                };
                let condition = condition(answer.status, answer.problem.as_deref());
                attempt.error = answer.problem;
                (outcome, condition)
            }
            Err(failure) => {
                let (reason, outcome, condition) = match failure {
                    Failure::Unreachable(reason) => (reason.clone(), again(None), Condition::Ill(reason)),
                    Failure::Ours(reason) => (reason, again(None), Condition::Unknown),
                    Failure::Lasting(reason) => {
                        (reason, DeliveryOutcome::Dead(DeadReason::Refused), Condition::Unknown)
                    }
                };
                attempt.error = Some(reason);
                (outcome, condition)
            }
        };
        Posted { attempt, outcome, condition, read }
    }

    async fn post(&self, message: &Message<'_>, timestamp_s: i64) -> Result<Answer, Failure> {
        let policy = &self.options.policy;
        let mut url = policy.check(message.url).map_err(|error| Failure::Lasting(error.to_string()))?;
        let (origin, mut hops) = (url.origin(), 0);
        loop {
            // The caller's headers may hold secrets that are meant for the caller's own host.
            let theirs = url.origin() == origin;
            let headers = headers::of(message, timestamp_s, theirs).ok_or_else(|| {
                Failure::Ours(format!("the client app {} has no active secret to sign with", message.app_id))
            })?;
            let request = self.client.post(url.clone()).headers(headers).body(message.body.to_owned());
            let mut response =
                request.send().await.map_err(|error| failure(&error, (hops > 0).then_some(&url)))?;
            let problem = match next_hop(&response, &url) {
                Ok(Some(next)) if hops < REDIRECTS => match policy.check(next.as_str()) {
                    Ok(next) => {
                        (url, hops) = (next, hops + 1);
                        continue;
                    }
                    Err(error) => Some(format!("the receiver redirects where it may not: {error}")),
                },
                Ok(Some(_)) => Some(format!("the receiver redirects more than {REDIRECTS} times")),
                Ok(None) => problem(response.status()),
                Err(problem) => Some(problem),
            };
            let (read, start) = start_of_body(&mut response).await;
            return Ok(Answer {
                status: response.status(),
                problem,
                retry_after_ms: retry_after(response.headers(), OffsetDateTime::now_utc()),
                response: start,
                read,
            });
        }
    }
}

fn client(options: &Options) -> Result<Client, Error> {
    Ok(guarded_client(&options.policy, options.hosts, "webhooks", |builder| {
        builder
            // They are followed here, where each is checked.
            .redirect(reqwest::redirect::Policy::none())
            .pool_max_idle_per_host(options.per_endpoint)
    })?)
}

/// Where a redirect leads; `None` when it is none. Only 307 and 308 keep the post a post.
fn next_hop(response: &Response, from: &Url) -> Result<Option<Url>, String> {
    let status = response.status();
    if !matches!(status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT) {
        return Ok(None);
    }
    let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let next = location.and_then(|location| from.join(location).ok());
    let next = next.ok_or_else(|| format!("the receiver answered {status} without saying where to"))?;
    if from.scheme() == "https" && next.scheme() != "https" {
        return Err("the receiver redirects from https to http, which is not followed".to_owned());
    }
    Ok(Some(next))
}

fn problem(status: StatusCode) -> Option<String> {
    if status.is_success() {
        None
    } else if status.is_redirection() {
        Some(format!("the receiver answered {status}; of redirects only 307 and 308 are followed"))
    } else {
        Some(format!("the receiver answered {status}"))
    }
}

/// A receiver that refuses a post is working; one that says it cannot work is not. With 410 it does as is agreed.
fn condition(status: StatusCode, problem: Option<&str>) -> Condition {
    let problem = || problem.unwrap_or_default().to_owned();
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        Condition::Ill(problem())
    } else if status.is_success() || status == StatusCode::GONE {
        Condition::Well
    } else {
        Condition::Refusing(problem())
    }
}

const TOO_SLOW: &str = "the receiver did not answer in time";

/// The chain of causes as one sentence, without the URL, which may hold a token.
fn failure(error: &reqwest::Error, redirected: Option<&Url>) -> Failure {
    let behind = redirected.and_then(Url::host_str).map(|host| format!("after a redirect to {host}: "));
    let behind = behind.unwrap_or_default();
    if error.is_timeout() {
        return Failure::Unreachable(format!("{behind}{TOO_SLOW}"));
    }
    let mut cause = error.source();
    let mut text = String::new();
    while let Some(inner) = cause {
        match inner.downcast_ref::<GuardError>() {
            // A name may get another address.
            Some(refused @ GuardError::Forbidden { .. }) => {
                return Failure::Ours(format!("{behind}{refused}"));
            }
            Some(refused) => return Failure::Unreachable(format!("{behind}{refused}")),
            None => text = inner.to_string(),
        }
        cause = inner.source();
    }
    Failure::Unreachable(format!("{behind}the post failed: {text}"))
}

fn retry(schedule: Schedule, attempts_before: i64, ended_ms: i64, wait_ms: Option<i64>) -> DeliveryOutcome {
    let next = u32::try_from(attempts_before + 1).unwrap_or(u32::MAX);
    match schedule.delay_ms(next, rand::random()) {
        Some(delay_ms) => {
            let delay_ms = i64::try_from(delay_ms).unwrap_or(i64::MAX).max(wait_ms.unwrap_or(0));
            DeliveryOutcome::Retry { due_ms: ended_ms.saturating_add(delay_ms) }
        }
        None => DeliveryOutcome::Dead(DeadReason::Exhausted),
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

/// What can be read of the body, as text without control characters, and whether all that is read of one came. An answer
/// whose body breaks off, or does not end, is still an answer.
async fn start_of_body(response: &mut Response) -> (bool, Option<String>) {
    let mut body = Vec::new();
    let read = async {
        while body.len() < RESPONSE_BYTES {
            match response.chunk().await {
                Ok(Some(chunk)) => {
                    body.extend_from_slice(&chunk[..chunk.len().min(RESPONSE_BYTES - body.len())]);
                }
                Ok(None) => break,
                Err(_) => return false,
            }
        }
        true
    };
    let read = tokio::time::timeout(RESPONSE_PATIENCE, read).await.unwrap_or(false);
    let text = String::from_utf8_lossy(&body);
    let shown = text.replace(|c: char| c.is_control() && !matches!(c, '\n' | '\t'), " ");
    (read, (!shown.trim().is_empty()).then_some(shown))
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
            DeliveryOutcome::Retry { due_ms } => Some(due_ms),
            DeliveryOutcome::Dead(_) | DeliveryOutcome::Delivered => None,
        };
        assert!((5_000..=5_500).contains(&due(0, None).unwrap()));
        assert!((30_000..=33_000).contains(&due(1, Some(1_000)).unwrap()));
        assert_eq!(due(0, Some(60_000)), Some(60_000));
        // Nine attempts are made in all.
        assert!(due(7, None).is_some());
        assert_eq!(due(8, Some(60_000)), None);
    }
}
