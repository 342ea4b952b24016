//! Whether a request can be met: its flow, its variables, its trunk, and whether its number may be dialled.

use std::sync::Arc;

use callcore::flow::{MachineDetection, Run};
use callcore::number;

use crate::flows::Stored;
use crate::session::handle::{Handle, Refusal, begin};
use crate::session::request::DialRequest;
use crate::session::run::speech_input::SpeechInput;
use crate::store::DoNotCallRow;
use crate::trunk::Trunk;

/// What a request that can be met needs.
pub(in crate::session) struct Checked {
    pub(in crate::session) flow: Arc<Stored>,
    pub(in crate::session) trunk: Trunk,
    pub(in crate::session) run: Run,
    pub(in crate::session) speech_input: SpeechInput,
    /// The number in its one form, by the country that is known.
    pub(in crate::session) number: String,
}

impl Handle {
    /// The same, and whether the number may be dialled now.
    pub(in crate::session) async fn check_now(&self, request: &DialRequest) -> Result<Checked, Refusal> {
        let checked = self.check(request).await?;
        if !request.ignore_do_not_call
            && let Some(listed) = self.inner.parts.store.do_not_call(&checked.number).await?
        {
            return Err(do_not_call(&listed));
        }
        Ok(checked)
    }

    /// Whether the request can be met at all: its flow, its variables, its trunk.
    pub(in crate::session) async fn check(&self, request: &DialRequest) -> Result<Checked, Refusal> {
        let inner = &self.inner;
        let flow = inner.parts.flows.find(&request.flow).await?;
        let trunk = match (self.trunk(request.trunk.as_deref()), self.unknown_params(request)) {
            (Ok(trunk), None) => trunk,
            (Ok(_), Some(refusal)) | (Err(refusal), None) => return Err(refusal),
            (Err(one), Some(other)) => return Err(Refusal::Both(Box::new(one), Box::new(other))),
        };
        let speech_input = SpeechInput::new(&inner.parts.recognizers, &flow, &request.control)?;
        let run = begin(&flow, request.variables())?;
        let country = request.country.or(flow.flow.country()).or(inner.options.country);
        let number = match (trunk.rings_links(), &request.link) {
            (true, Some(_)) => request.number.clone(),
            (true, None) => return Err(Refusal::NoLink { trunk: trunk.name().to_owned() }),
            (false, _) => number::read(&request.number, country)?.into_parts().0,
        };
        Ok(Checked { flow, trunk, run, speech_input, number })
    }

    /// Why the parameters of the detector cannot be those that the request names.
    fn unknown_params(&self, request: &DialRequest) -> Option<Refusal> {
        let amd = &self.inner.options.amd;
        if amd.choose(request.amd_params.as_deref(), &request.flow).is_some() {
            return None;
        }
        let known = amd.named.keys().cloned().collect::<Vec<_>>().join(", ");
        let name = request.amd_params.clone().unwrap_or_default();
        Some(Refusal::UnknownParams { name, known })
    }
}

/// How machines are dealt with: as the request says, else as the flow does.
pub(in crate::session) fn mode(request: &DialRequest, flow: &Stored) -> MachineDetection {
    request.machine_detection.unwrap_or(flow.flow.amd().mode)
}

pub(in crate::session) fn do_not_call(listed: &DoNotCallRow) -> Refusal {
    metrics::counter!("dering_calls_do_not_call_total").increment(1);
    Refusal::DoNotCall { since: listed.since() }
}
