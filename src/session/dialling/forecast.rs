//! What would become of a dial request, without doing it.

use std::sync::Arc;

use crate::session::dialling::schedule::{When, when};
use crate::session::dialling::unfollowed::unfollowed;
use crate::session::handle::{Handle, Refusal};
use crate::session::request::DialRequest;
use crate::session::run::prompts::Readiness;
use crate::store;
use crate::trunk::{Reach, Trunk};
use crate::wallclock::now_ms;

/// What would become of a request.
#[derive(Debug)]
pub struct Forecast {
    pub start: ExpectedStart,
    /// The trunk it would take, when there is one.
    pub trunk: Option<TrunkLoad>,
    /// Name and digest of the flow that would run, when there is one.
    pub flow: Option<(String, String)>,
    pub estimate: Option<Estimate>,
    /// Which of the prompts that can be made before the call are there; `None` where nobody would be called.
    pub prompts: Option<Readiness>,
    /// Fields of the request that would not be followed.
    pub ignored: Vec<String>,
}

/// When it would be dialled.
#[derive(Debug)]
pub enum ExpectedStart {
    Now,
    /// It would wait: so many calls are dialled first.
    Queued {
        ahead: usize,
    },
    /// Not before this time, ms since 1970.
    Scheduled {
        start_ms: i64,
    },
    Never(Box<Refusal>),
}

/// How busy a trunk is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrunkLoad {
    pub name: String,
    pub busy: usize,
    pub waiting: usize,
    /// Lines it has, if limited.
    pub lines: Option<usize>,
    /// Whether its carrier is within reach.
    pub reach: Reach,
}

/// How long an answered call of the flow takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    pub minutes: f64,
    /// Answered calls that the figure is the mean of; 0 when it is the flow's own limit.
    pub past_calls: u64,
}

impl Handle {
    /// What would become of `request` if it were made now. Nothing is dialled, written or notified.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn foresee(&self, request: &DialRequest) -> Result<Forecast, store::Error> {
        let flow = self.inner.parts.flows.find(&request.flow).await.ok();
        let trunk = self.trunk(request.trunk.as_deref()).ok();
        let estimate = match &flow {
            Some(flow) => Some(self.estimate(flow.flow.name(), flow.flow.limits().call_ms).await?),
            None => None,
        };
        let mut ignored = Vec::new();
        let start = match self.check_now(request).await {
            Err(Refusal::Store(error)) => return Err(error),
            Err(refusal) => ExpectedStart::Never(Box::new(refusal)),
            Ok(_) if self.inner.tasks.is_closed() => ExpectedStart::Never(Box::new(Refusal::Stopping)),
            Ok(checked) => {
                ignored = unfollowed(request, &checked);
                self.turn(request, &checked.trunk).await?
            }
        };
        let prompts = match (&flow, &start) {
            (None, _) | (_, ExpectedStart::Never(_)) => None,
            (Some(flow), _) => self.readiness(Arc::clone(flow), request.metadata.clone()).await,
        };
        Ok(Forecast {
            start,
            prompts,
            trunk: trunk.map(|trunk| {
                let (busy, waiting) = trunk.load();
                let (name, lines) = (trunk.name().to_owned(), trunk.limits().calls);
                TrunkLoad { name, busy, waiting, lines, reach: trunk.reach() }
            }),
            flow: flow.map(|flow| (flow.flow.name().to_owned(), flow.digest.clone())),
            estimate,
            ignored,
        })
    }

    /// When a request that can be met would have its turn.
    async fn turn(&self, request: &DialRequest, trunk: &Trunk) -> Result<ExpectedStart, store::Error> {
        let now = now_ms();
        match when(request.start_ms, request.expires_ms, now) {
            When::Expired => {
                let expires_ms = request.expires_ms.unwrap_or(now);
                return Ok(ExpectedStart::Never(Box::new(Refusal::Expired { expires_ms })));
            }
            When::Later(start_ms) => return Ok(ExpectedStart::Scheduled { start_ms }),
            When::Now => {}
        }
        let load = self.load(trunk);
        let planned = self.inner.parts.store.planned_before(trunk.name(), now).await?;
        let ahead = load.waiting + usize::try_from(planned).unwrap_or(usize::MAX);
        let free = load.lines.is_none_or(|lines| load.busy + load.waiting < lines);
        if request.queue_if_busy {
            let free = free && planned == 0 && load.room() > 0;
            return Ok(if free { ExpectedStart::Now } else { ExpectedStart::Queued { ahead } });
        }
        if load.running >= load.most {
            return Ok(ExpectedStart::Never(Box::new(Refusal::Full { limit: load.most })));
        }
        if free {
            return Ok(ExpectedStart::Now);
        }
        if load.waiting >= trunk.limits().queue {
            let full = crate::trunk::QueueFull { waiting: load.waiting };
            let refusal = Refusal::Queue { trunk: trunk.name().to_owned(), full };
            return Ok(ExpectedStart::Never(Box::new(refusal)));
        }
        // Planned calls begin only when a line is free, behind those that wait for one.
        Ok(ExpectedStart::Queued { ahead: load.waiting })
    }

    async fn estimate(&self, flow: &str, limit_ms: u64) -> Result<Estimate, store::Error> {
        let used = self.inner.parts.store.flow_use(flow).await?;
        let tenths = |minutes: f64| (minutes * 10.0).round() / 10.0;
        Ok(match u64::try_from(used.calls) {
            Ok(calls) if calls > 0 => Estimate {
                minutes: tenths(used.answered_ms as f64 / calls as f64 / 60_000.0),
                past_calls: calls,
            },
            Ok(_) | Err(_) => Estimate { minutes: tenths(limit_ms as f64 / 60_000.0), past_calls: 0 },
        })
    }
}
