//! Traces as OTLP over HTTP. A thread of its own sends them, many at once; what it has no room for is dropped.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry::trace::{
    Span as _, SpanBuilder, SpanKind, Status, TraceContextExt as _, Tracer as _, TracerProvider as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};

use super::ids::{self, Ids};
use super::{AttemptTrace, CallTrace, RequestTrace, TracesError};

/// Where collectors take traces, below their address.
const PATH: &str = "/v1/traces";
/// The header by which a request says what it is a part of.
const PARENT: &str = "traceparent";

static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// What sends traces, until the program ends.
#[derive(Debug)]
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Sends traces to the collector at `endpoint`, for the whole process.
    ///
    /// # Errors
    /// When the endpoint is no address, or the HTTP client cannot be set up.
    pub fn start(endpoint: &str) -> Result<Self, TracesError> {
        let failed = |reason: String| TracesError::Exporter { endpoint: endpoint.to_owned(), reason };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(address(endpoint))
            .build()
            .map_err(|error| failed(error.to_string()))?;
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let resource = Resource::builder().with_service_name("dering").with_attribute(version).build();
        let provider = SdkTracerProvider::builder()
            .with_id_generator(Ids::default())
            .with_resource(resource)
            .with_batch_exporter(exporter)
            .build();
        // A second start in one process, as in tests, goes on with the first.
        drop(TRACER.set(provider.tracer("dering")));
        Ok(Self(provider))
    }

    /// Sends what is left.
    pub async fn finish(self) {
        // It waits for the thread that sends.
        let ended = tokio::task::spawn_blocking(move || self.0.shutdown()).await;
        if let Ok(Err(error)) = ended {
            tracing::warn!(%error, "the last traces could not be sent");
        }
    }
}

/// A collector is named by its address, or by the whole path that takes traces.
fn address(endpoint: &str) -> String {
    let bare = endpoint.trim_end_matches('/');
    let has_path = bare.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
    if has_path { bare.to_owned() } else { format!("{bare}{PATH}") }
}

pub(super) fn are_on() -> bool {
    TRACER.get().is_some()
}

pub(super) fn request(trace: &RequestTrace<'_>) {
    let Some(tracer) = TRACER.get() else { return };
    let name =
        trace.route.map_or_else(|| trace.method.to_owned(), |route| format!("{} {route}", trace.method));
    let mut told = vec![
        KeyValue::new("http.request.method", trace.method.to_owned()),
        KeyValue::new("http.response.status_code", i64::from(trace.status)),
    ];
    told.extend(trace.route.map(|route| KeyValue::new("http.route", route.to_owned())));
    let parent = TraceContextPropagator::new().extract_with_context(&Context::new(), &Parent(trace.parent));
    let builder = tracer.span_builder(name).with_kind(SpanKind::Server).with_start_time(trace.began);
    let mut span = tracer.build_with_context(builder.with_attributes(told), &parent);
    if trace.status >= 500 {
        span.set_status(Status::error(""));
    }
    span.end_with_timestamp(trace.ended);
}

pub(super) fn call(trace: &CallTrace<'_>) {
    let Some(tracer) = TRACER.get() else { return };
    let mut told = vec![
        KeyValue::new("call.id", trace.call_id.to_owned()),
        KeyValue::new("call.direction", trace.direction.to_owned()),
        KeyValue::new("call.flow", trace.flow.to_owned()),
        KeyValue::new("call.disposition", trace.disposition.to_owned()),
        KeyValue::new("call.verdict", trace.verdict.to_owned()),
        KeyValue::new("call.outcome", trace.outcome.to_owned()),
    ];
    told.extend(trace.trunk.map(|trunk| KeyValue::new("call.trunk", trunk.to_owned())));
    let builder = timed("call", SpanKind::Internal, trace.began_ms).with_attributes(told);
    let own = ids::of_call(trace.call_id);
    let mut span = ids::with(own, || tracer.build_with_context(builder, &Context::new()));
    if let Some(answered_ms) = trace.answered_ms {
        span.add_event_with_timestamp("answered", moment(answered_ms), Vec::new());
    }
    span.end_with_timestamp(moment(trace.ended_ms));
}

pub(super) fn attempt(trace: &AttemptTrace<'_>) {
    let Some(tracer) = TRACER.get() else { return };
    let mut told = vec![
        KeyValue::new("webhook.id", trace.webhook_id.to_owned()),
        KeyValue::new("webhook.kind", trace.kind.to_owned()),
        KeyValue::new("webhook.endpoint", trace.endpoint.to_owned()),
        KeyValue::new("webhook.result", trace.result.to_owned()),
    ];
    told.extend(trace.status.map(|status| KeyValue::new("http.response.status_code", i64::from(status))));
    let of_call = ids::below_call(trace.about);
    let parent = of_call.map_or_else(Context::new, |call| Context::new().with_remote_span_context(call));
    let builder = timed("webhook", SpanKind::Client, trace.began_ms).with_attributes(told);
    let mut span = tracer.build_with_context(builder, &parent);
    if trace.result != "delivered" {
        span.set_status(Status::error(trace.result.to_owned()));
    }
    span.end_with_timestamp(moment(trace.ended_ms));
}

fn timed(name: &'static str, kind: SpanKind, began_ms: i64) -> SpanBuilder {
    SpanBuilder::from_name(name).with_kind(kind).with_start_time(moment(began_ms))
}

fn moment(ms: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(ms).unwrap_or_default())
}

/// The one header that says what a request is a part of.
struct Parent<'a>(Option<&'a str>);

impl Extractor for Parent<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.filter(|_| key.eq_ignore_ascii_case(PARENT))
    }

    fn keys(&self) -> Vec<&str> {
        vec![PARENT]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_is_named_by_its_address_or_by_its_whole_path() {
        assert_eq!(address("http://collector:4318"), "http://collector:4318/v1/traces");
        assert_eq!(address("http://collector:4318/"), "http://collector:4318/v1/traces");
        assert_eq!(address("https://c.test/otlp/v1/traces"), "https://c.test/otlp/v1/traces");
    }
}
