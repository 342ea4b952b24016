//! Ids of traces. A call's is made of its own id, so that its webhooks, of later runs too, are in one trace with it.

use std::cell::Cell;

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};
use uuid::Uuid;

thread_local! {
    /// What the next span of this thread is called.
    static NEXT: Cell<Option<(TraceId, SpanId)>> = const { Cell::new(None) };
}

/// The trace and the span of a call, if its id is one that can be made to them.
pub(super) fn of_call(call_id: &str) -> Option<(TraceId, SpanId)> {
    let bytes = Uuid::parse_str(call_id).ok()?.into_bytes();
    let (_, last) = bytes.split_last_chunk::<8>()?;
    Some((TraceId::from_bytes(bytes), SpanId::from_bytes(*last)))
}

/// What is a part of a call stands under it.
pub(super) fn below_call(call_id: &str) -> Option<SpanContext> {
    let (trace, span) = of_call(call_id)?;
    Some(SpanContext::new(trace, span, TraceFlags::SAMPLED, true, TraceState::NONE))
}

/// Makes a span that is called `ids`.
pub(super) fn with<T>(ids: Option<(TraceId, SpanId)>, make: impl FnOnce() -> T) -> T {
    NEXT.set(ids);
    let made = make();
    NEXT.set(None);
    made
}

/// Random ids, unless [`with`] says which.
#[derive(Debug, Default)]
pub(super) struct Ids(RandomIdGenerator);

impl IdGenerator for Ids {
    fn new_trace_id(&self) -> TraceId {
        NEXT.get().map_or_else(|| self.0.new_trace_id(), |(trace, _)| trace)
    }

    fn new_span_id(&self) -> SpanId {
        NEXT.get().map_or_else(|| self.0.new_span_id(), |(_, span)| span)
    }
}
