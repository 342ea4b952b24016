//! What somebody asks of us when they ask for a call.

use std::collections::BTreeMap;

use callcore::amd::{EventKind, Params};
use callcore::flow::{MachineDetection, TimerOverrides};
use serde_json::{Map, Value};

use super::control::CallControl;

/// One call to place.
#[derive(Clone, Debug)]
pub struct DialRequest {
    /// The client app that asks; its secret signs the notifications.
    pub app_id: String,
    pub bot_id: String,
    /// The flow to run, by name.
    pub flow: String,
    /// The number to call, as it goes to the carrier.
    pub number: String,
    /// Our number, as the caller asked for it.
    pub caller: Option<String>,
    /// Which trunk; the first one configured when absent.
    pub trunk: Option<String>,
    /// Variables of the flow.
    pub metadata: Map<String, Value>,
    /// Overrides the flow's own mode.
    pub machine_detection: Option<MachineDetection>,
    /// Go before the flow's own timers.
    pub timers: TimerOverrides,
    pub threshold_word_count: Option<u32>,
    /// The callee's language, for the words; the flow's when absent.
    pub language: Option<String>,
    /// How this call is to be heard.
    pub control: CallControl,
    /// Which set of detection parameters, by name.
    pub amd_params: Option<String>,
    /// How long an unanswered call rings, ms.
    pub ring_timeout_ms: Option<u64>,
    pub notify: Option<NotifyTarget>,
    /// Call although the number's owner asked never to be called again.
    pub ignore_do_not_call: bool,
}

/// Parameters of the verdict that calls choose from.
#[derive(Clone, Debug, Default)]
pub struct ParamSets {
    pub usual: Params,
    /// By the name a dial request gives, or that of a flow.
    pub named: BTreeMap<String, Params>,
}

impl ParamSets {
    /// Those of that name, else the flow's own, else the usual ones; `None` for a name that is not known.
    pub(super) fn choose(&self, name: Option<&str>, flow: &str) -> Option<Params> {
        match name {
            Some(name) => self.named.get(name).copied(),
            None => Some(self.named.get(flow).copied().unwrap_or(self.usual)),
        }
    }
}

/// Where status changes are posted.
#[derive(Clone, Debug)]
pub struct NotifyTarget {
    pub url: String,
    pub headers: BTreeMap<String, String>,
    /// AMD events to send; `None` sends all of them.
    pub amd_events: Option<Vec<EventKind>>,
}

/// A call that was accepted.
#[derive(Clone, Debug)]
pub struct Dialed {
    /// The caller's handle on the request.
    pub sid: String,
    /// The call, and its conversation in notifications.
    pub call_id: String,
    /// Fields of the request that could not be followed.
    pub ignored: Vec<String>,
}
