//! What every request and every answer must have, whatever its route.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderValue, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::api::error::{Code, Problem};

/// Refuses requests that do not say which host they are for (RFC 9112 §3.2), and sees to it that no answer is kept by
/// caches or taken for something else than it says, unless its route says otherwise.
pub(super) async fn hardened(request: Request, next: Next) -> Response {
    let mut response = match unaddressed(&request) {
        Some(problem) => problem.into_response(),
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.entry(header::X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Only of requests that came over a connection: those of the command line on this machine have no host.
fn unaddressed(request: &Request) -> Option<Problem> {
    request.extensions().get::<ConnectInfo<SocketAddr>>()?;
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let (first, second) = (hosts.next(), hosts.next());
    let detail = match (first, second) {
        (_, Some(_)) => "the header `Host` stands twice; send it once",
        (None, None) if request.version() == Version::HTTP_11 => {
            "the header `Host` is missing; HTTP/1.1 asks for it (RFC 9112)"
        }
        (_, None) => return None,
    };
    Some(Problem::new(Code::Malformed, detail).with_field("Host", detail))
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::middleware::from_fn;
    use axum::routing::get;
    use tower::ServiceExt;

    use super::*;

    async fn asked(version: Version, hosts: &[&str]) -> Response {
        let router = Router::new().route("/", get(async || "well")).layer(from_fn(hardened));
        let mut request = Request::builder().version(version).uri("/");
        for host in hosts {
            request = request.header(header::HOST, *host);
        }
        let peer: SocketAddr = "203.0.113.7:40000".parse().unwrap();
        let request = request.extension(ConnectInfo(peer)).body(Body::empty()).unwrap();
        router.oneshot(request).await.unwrap()
    }

    #[tokio::test]
    async fn a_request_says_which_host_it_is_for_once() {
        for (version, hosts, status) in [
            (Version::HTTP_11, &["a"][..], 200),
            (Version::HTTP_11, &[], 400),
            (Version::HTTP_11, &["a", "b"], 400),
            (Version::HTTP_10, &[], 200),
        ] {
            let response = asked(version, hosts).await;
            assert_eq!(response.status(), status, "{version:?} {hosts:?}");
            assert_eq!(response.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
            assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
        }
    }
}
