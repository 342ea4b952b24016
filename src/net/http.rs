//! HTTP on a port that anybody reaches: a connection without a request ends soon, and there are only so many of them.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{ConnectInfo, Request};
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Version};
use axum::response::Response;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use super::doors::{Doors, Limits, Place};
use super::watched::{Impatience, Patience, Watched};

/// How long a connection may take for what.
#[derive(Clone, Copy, Debug)]
pub struct Waits {
    /// From connecting to the end of the first request's head, and for every later head once it has begun.
    pub head: Duration,
    /// Between two requests.
    pub idle: Duration,
    /// For taking a part of an answer off the wire.
    pub write: Duration,
}

impl Default for Waits {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { head: seconds(10), idle: seconds(60), write: seconds(30) }
    }
}

/// Serves until `stop`, then until the requests that run are answered.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    waits: Waits,
    stop: CancellationToken,
) {
    let doors = Doors::new(limits);
    let connections = TaskTracker::new();
    let mut complained: Option<Instant> = None;
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, mostly: it passes when somebody leaves.
                tracing::error!(%error, "a connection to the API could not be accepted");
                sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Some(place) = doors.enter(peer.ip()).await else {
            metrics::counter!("dering_http_refused_total").increment(1);
            if complained.is_none_or(|at| at.elapsed() >= Duration::from_secs(5)) {
                complained = Some(Instant::now());
                tracing::warn!(%peer, "a connection to the API was refused: `connections` allows no more at work");
            }
            continue;
        };
        metrics::gauge!("dering_http_connections").set(doors.inside() as f64);
        let served = connection(stream, peer, router.clone(), place, waits, stop.clone());
        connections.spawn(served);
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    place: Place,
    waits: Waits,
    stop: CancellationToken,
) {
    // Answers are small; nobody waits for more of them.
    drop(stream.set_nodelay(true));
    let desk = Arc::new(Desk::new(place));
    let answering = Arc::clone(&desk);
    let service = hyper::service::service_fn(move |request| {
        let (router, desk) = (router.clone(), Arc::clone(&answering));
        async move { Ok::<_, Infallible>(answer(request, peer, router, desk).await) }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(waits.idle.max(waits.head));
    builder.http2().timer(TokioTimer::new());
    let patience = Patience { silence: None, stall: waits.write, counter: "dering_http_closed_total" };
    let served =
        builder.serve_connection(TokioIo::new(Watched::new(stream, Impatience::new(patience))), service);
    let mut served = std::pin::pin!(served);
    let mut stopping = false;
    loop {
        tokio::select! {
            _over = served.as_mut() => return,
            () = desk.place.sent_away() => {
                metrics::counter!("dering_http_closed_total", "why" => "room").increment(1);
                return;
            }
            () = desk.overdue(waits) => {
                metrics::counter!("dering_http_closed_total", "why" => "idle").increment(1);
                return;
            }
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                served.as_mut().graceful_shutdown();
            }
        }
    }
}

async fn answer(request: Request<Incoming>, peer: SocketAddr, router: Router, desk: Arc<Desk>) -> Response {
    let errand = Arc::new(Errand::begin(desk));
    let (parts, body) = request.into_parts();
    let version = parts.version;
    if body.is_end_stream() {
        errand.asked();
    }
    let body = Body::new(Arriving { body, errand: Arc::clone(&errand) });
    let mut request = Request::from_parts(parts, body);
    request.extensions_mut().insert(ConnectInfo(peer));
    let mut response = match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    if !errand.has_arrived() && version < Version::HTTP_2 {
        // What is left of the request is not read, so nothing more can come over this connection: clients are told.
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    errand.asked();
    response.map(|body| Body::new(Leaving { body, _errand: errand }))
}

/// What goes on over one connection.
#[derive(Debug)]
struct Desk {
    place: Place,
    /// Requests that are not answered to the last byte, and those of them that have arrived whole.
    open: AtomicUsize,
    asked: AtomicUsize,
    served: AtomicUsize,
    changed: Notify,
}

impl Desk {
    fn new(place: Place) -> Self {
        place.idle();
        let (open, asked, served) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        Self { place, open, asked, served, changed: Notify::new() }
    }

    fn tell(&self) {
        if self.asked.load(Ordering::Relaxed) > 0 {
            self.place.at_work();
        } else if self.open.load(Ordering::Relaxed) > 0 {
            self.place.asking();
        } else {
            self.place.idle();
        }
        self.changed.notify_one();
    }

    /// Ends when there was no request for too long.
    async fn overdue(&self, waits: Waits) {
        loop {
            let wait = if self.served.load(Ordering::Relaxed) == 0 { waits.head } else { waits.idle };
            let due = Instant::now() + wait;
            tokio::select! {
                () = sleep_until(due), if self.open.load(Ordering::Relaxed) == 0 => return,
                () = self.changed.notified() => {}
            }
        }
    }
}

/// One request, until its answer is gone.
#[derive(Debug)]
struct Errand {
    desk: Arc<Desk>,
    asked: AtomicUsize,
}

impl Errand {
    fn begin(desk: Arc<Desk>) -> Self {
        desk.open.fetch_add(1, Ordering::Relaxed);
        desk.tell();
        Self { desk, asked: AtomicUsize::new(0) }
    }

    fn has_arrived(&self) -> bool {
        self.asked.load(Ordering::Relaxed) > 0
    }

    /// It has arrived whole, or is answered without.
    fn asked(&self) {
        if self.asked.swap(1, Ordering::Relaxed) == 0 {
            self.desk.asked.fetch_add(1, Ordering::Relaxed);
            self.desk.tell();
        }
    }
}

impl Drop for Errand {
    fn drop(&mut self) {
        self.desk.open.fetch_sub(1, Ordering::Relaxed);
        self.desk.served.fetch_add(1, Ordering::Relaxed);
        self.desk.asked.fetch_sub(self.asked.load(Ordering::Relaxed), Ordering::Relaxed);
        self.desk.tell();
    }
}

/// The body of a request.
struct Arriving {
    body: Incoming,
    errand: Arc<Errand>,
}

impl HttpBody for Arriving {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if matches!(frame, Poll::Ready(None)) || self.body.is_end_stream() {
            self.errand.asked();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of an answer.
struct Leaving {
    body: Body,
    _errand: Arc<Errand>,
}

impl HttpBody for Leaving {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::{get, post};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn port(most: usize) -> (SocketAddr, CancellationToken, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let long = get(|| async {
            sleep(Duration::from_secs(25)).await;
            "at last"
        });
        let router = Router::new()
            .route("/", get(|| async { "hello" }))
            .route("/long", long)
            .route("/take", post(|body: String| async move { body }))
            .route("/refuse", post(|| async { "no" }));
        let (limits, stop) =
            (Limits { most, of_one_address: most, unlimited: Vec::new() }, CancellationToken::new());
        let serving = tokio::spawn(serve(listener, router, limits, Waits::default(), stop.clone()));
        (address, stop, serving)
    }

    async fn say(stream: &mut TcpStream, text: &str) {
        stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// The answer, up to `end`.
    async fn heard(stream: &mut TcpStream, end: &str) -> String {
        let mut heard = Vec::new();
        while !String::from_utf8_lossy(&heard).ends_with(end) {
            let mut part = [0; 1024];
            let read = stream.read(&mut part).await.unwrap();
            assert!(read > 0, "closed after {}", String::from_utf8_lossy(&heard));
            heard.extend(&part[..read]);
        }
        String::from_utf8(heard).unwrap()
    }

    async fn closed_after(stream: &mut TcpStream) -> Duration {
        let began = Instant::now();
        let _rest = stream.read_to_end(&mut Vec::new()).await;
        began.elapsed()
    }

    #[tokio::test]
    async fn an_answer_before_the_request_is_read_says_that_the_connection_ends_with_it() {
        let (address, _stop, _serving) = port(10).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        say(&mut stream, "POST /take HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nyes").await;
        let kept = heard(&mut stream, "yes").await;
        assert!(!kept.to_lowercase().contains("connection: close"), "{kept}");
        say(&mut stream, "POST /refuse HTTP/1.1\r\nhost: x\r\ncontent-length: 9000000\r\n\r\nyes").await;
        let refused = heard(&mut stream, "no").await;
        assert!(refused.to_lowercase().contains("connection: close"), "{refused}");
        closed_after(&mut stream).await;
    }

    // The clock stands still while bytes are on their way, and jumps when nothing else can happen.
    #[tokio::test(start_paused = true)]
    async fn whoever_says_nothing_or_never_comes_to_the_end_is_cut() {
        let (address, _stop, _serving) = port(10).await;
        for said in ["", "GET / HTTP/1.1\r\nhost: x\r\n", "PRI * HTTP/2.0\r\n"] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            say(&mut stream, said).await;
            let after = closed_after(&mut stream).await;
            assert!(
                (Duration::from_secs(9)..Duration::from_secs(12)).contains(&after),
                "{said:?}: {after:?}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_lives_through_pauses_and_long_answers_and_then_ends() {
        let (address, _stop, _serving) = port(10).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        for _ in 0..3 {
            say(&mut stream, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
            assert!(heard(&mut stream, "hello").await.starts_with("HTTP/1.1 200"));
            sleep(Duration::from_secs(40)).await;
        }
        say(&mut stream, "GET /long HTTP/1.1\r\nhost: x\r\n\r\n").await;
        heard(&mut stream, "at last").await;
        let after = closed_after(&mut stream).await;
        assert!((Duration::from_secs(55)..Duration::from_secs(65)).contains(&after), "{after:?}");
    }

    #[tokio::test]
    async fn one_that_is_at_work_is_not_cut_for_a_crowd() {
        let (address, stop, serving) = port(5).await;
        let mut honest = TcpStream::connect(address).await.unwrap();
        say(&mut honest, "POST /take HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello").await;
        heard(&mut honest, "hello").await;
        let mut crowd = Vec::new();
        for _ in 0..40 {
            crowd.push(TcpStream::connect(address).await.unwrap());
        }
        let mut late = TcpStream::connect(address).await.unwrap();
        say(&mut late, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        heard(&mut late, "hello").await;
        stop.cancel();
        drop((crowd, late, honest));
        serving.await.unwrap();
    }
}
