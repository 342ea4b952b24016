//! The way of commands to `/v1/apps`, `/v1/keys` and `/v1/audit`: to the server that runs on this machine, to one
//! elsewhere, or, while none runs, to the same routes over the database itself.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Request, header};
use callcore::number::Country;
use futures_util::StreamExt;
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::out::{lines, out, private_file};
use super::server::{address, bearer};
use crate::access::{self, Access};
use crate::api;
use crate::config::{Config, local_file};
use crate::lists::Lists;
use crate::store::{self, Store};

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longest wait for an answer to a file of hundreds of megabytes.
const PATIENCE_WITH_FILE: Duration = Duration::from_secs(15 * 60);
/// Longest stream of events; whoever still reads then comes back.
const PATIENCE_WITH_STREAM: Duration = Duration::from_secs(60 * 60);
/// Bytes of a file that are sent at a time.
const PART: usize = 256 * 1024;
/// The `Content-Type` of files, whose kind the server finds out.
const FILE: &str = "application/octet-stream";
/// Largest answer, bytes.
const LARGEST: usize = 64 * 1024 * 1024;

/// Where the apps and keys are kept.
#[derive(Debug, clap::Args)]
pub(super) struct Place {
    /// Configuration of the server; dering.yaml when it is there, else the defaults
    #[arg(long, env = "DERING_CONFIG", global = true)]
    config: Option<PathBuf>,
    /// The server's database, when it is not the one the configuration names
    #[arg(long, global = true)]
    database: Option<PathBuf>,
    /// A server on another machine; needs --key
    #[arg(long, env = "DERING_SERVER", global = true, value_name = "URL")]
    server: Option<String>,
    /// An API key, for --server
    #[arg(long, env = "DERING_KEY", hide_env_values = true, global = true, value_name = "KEY")]
    key: Option<SecretString>,
}

/// Who answers.
pub(super) enum Reach {
    Server { http: reqwest::Client, url: String },
    Alone { store: Store, router: Box<Router>, key: SecretString },
}

/// What a running server leaves beside its database.
#[derive(Deserialize)]
struct Left {
    url: String,
    key: SecretString,
}

impl Place {
    pub(super) fn config(&self) -> anyhow::Result<Config> {
        super::configuration(self.config.as_deref())
    }

    /// The database these commands are about.
    pub(super) fn database(&self, config: &Config) -> PathBuf {
        self.database.clone().unwrap_or_else(|| config.database.clone())
    }

    /// Where people open the pages, without a slash at its end.
    ///
    /// # Errors
    /// When the configuration is wrong.
    pub(super) fn pages(&self) -> anyhow::Result<String> {
        if let Some(url) = &self.server {
            return Ok(url.trim_end_matches('/').to_owned());
        }
        let config = self.config()?;
        let public = config.public_url.of("");
        if !public.is_empty() {
            return Ok(public);
        }
        let left = std::fs::read(local_file(&self.database(&config))).ok();
        let running = left.and_then(|text| serde_json::from_slice::<Left>(&text).ok()).map(|left| left.url);
        Ok(running.unwrap_or_else(|| format!("http://{}", config.listen)))
    }

    fn elsewhere(&self, url: &str) -> anyhow::Result<Reach> {
        let Some(key) = &self.key else {
            bail!(
                "an API key is needed: give --key, or set DERING_KEY; the help of the command says what the key must \
                 be allowed, and `dering app key` on the server makes one"
            );
        };
        Reach::server(address(url)?, Some(key))
    }

    /// The same as [`Self::running`], for what is told without a key.
    ///
    /// # Errors
    /// As there.
    pub(super) fn anybody(&self) -> anyhow::Result<Reach> {
        match (&self.server, &self.key) {
            (Some(url), None) => Reach::server(address(url)?, None),
            _ => self.running(),
        }
    }

    /// Says that a key was given in vain.
    fn mind_key(&self) {
        let is_usual =
            |key: &SecretString| std::env::var("DERING_KEY").is_ok_and(|usual| usual == key.expose_secret());
        if self.key.as_ref().is_some_and(|key| !is_usual(key)) {
            super::note(
                "--key is not used: the server on this machine needs none; --server URL names another",
            );
        }
    }

    /// The server that runs, for what is done in a server only. Opens no database.
    ///
    /// # Errors
    /// When none runs here, and none elsewhere is named.
    pub(super) fn running(&self) -> anyhow::Result<Reach> {
        if let Some(url) = &self.server {
            return self.elsewhere(url);
        }
        self.mind_key();
        let config = self.config()?;
        let database = self.database(&config);
        let path = local_file(&database);
        let left = std::fs::read(&path).ok().and_then(|text| serde_json::from_slice::<Left>(&text).ok());
        let left = left.with_context(|| {
            format!(
                "no server runs here with the database {}; start one with `dering serve`, name its configuration with \
                 --config, or one elsewhere with --server and --key",
                database.display()
            )
        })?;
        Reach::server(left.url, Some(&left.key))
    }

    /// Finds who answers. `create` lets a database be made that is not there.
    ///
    /// # Errors
    /// When nobody can be reached.
    pub(super) async fn reach(&self, create: bool) -> anyhow::Result<Reach> {
        if let Some(url) = &self.server {
            return self.elsewhere(url);
        }
        self.mind_key();
        let config = self.config()?;
        let database = self.database(&config);
        super::owner::leave_to_owner(&database)?;
        if !create && !database.exists() {
            return Err(store::Error::Missing { path: database }.into());
        }
        let options = store::Options { key: config.auth.key_source()?, ..store::Options::file(&database) };
        match Store::open(options).await {
            Ok(store) => Ok(Reach::alone(store, database.with_file_name("lists"), config.country)),
            Err(store::Error::InUse { .. }) => {
                let path = local_file(&database);
                let left = std::fs::read(&path)
                    .ok()
                    .and_then(|text| serde_json::from_slice::<Left>(&text).ok())
                    .with_context(|| {
                        format!(
                            "the database {} is in use, and {} does not say by which server; if that is starting or \
                             stopping, try again, else give --server and --key",
                            database.display(),
                            path.display()
                        )
                    })?;
                Reach::server(left.url, Some(&left.key))
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl Reach {
    fn server(url: String, key: Option<&SecretString>) -> anyhow::Result<Self> {
        let mut headers = header::HeaderMap::new();
        if let Some(key) = key {
            headers.insert(header::AUTHORIZATION, bearer(key)?);
        }
        let http = reqwest::Client::builder().timeout(PATIENCE).default_headers(headers).build()?;
        Ok(Self::Server { http, url })
    }

    /// `folder` is where files of contacts wait until they are read.
    fn alone(store: Store, folder: PathBuf, country: Option<Country>) -> Self {
        let (key, local) = access::new_local_key();
        let options = access::Options { local: Some(local), ..access::Options::default() };
        let access = Access::with(store.clone(), options);
        let lists = Lists::new(store.clone(), folder, country, CancellationToken::new());
        Self::Alone { store, router: Box::new(api::admin::alone(&access, lists, country)), key }
    }

    /// Asks, and gives the answer; null when there is nothing to say.
    ///
    /// # Errors
    /// Nobody answers, or what was asked is refused: then with the reason.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Value> {
        self.send(method, path, body.map(|body| ("application/json", body.to_string().into_bytes()))).await
    }

    /// [`Self::ask`] with a body of any `Content-Type`.
    ///
    /// # Errors
    /// As there.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<(&'static str, Vec<u8>)>,
    ) -> anyhow::Result<Value> {
        let (status, bytes) = self.exchange(method, path, body).await?;
        answered(status, &bytes)
    }

    /// Sends a file, part by part; `sent` is told how many bytes have gone.
    ///
    /// # Errors
    /// As [`Self::ask`], and when the file cannot be read.
    pub(super) async fn upload(
        &self,
        path: &str,
        file: &Path,
        sent: impl Fn(u64) + Send + Sync + 'static,
    ) -> anyhow::Result<Value> {
        let opened = tokio::fs::File::open(file).await;
        let opened = opened.with_context(|| format!("cannot read {}", file.display()))?;
        let size = opened.metadata().await?.len();
        let parts = futures_util::stream::unfold(opened, |mut file| async {
            let mut part = vec![0; PART];
            match file.read(&mut part).await {
                Ok(0) => None,
                Ok(got) => {
                    part.truncate(got);
                    Some((Ok(Bytes::from(part)), file))
                }
                Err(error) => Some((Err(error), file)),
            }
        });
        let parts = futures_util::StreamExt::inspect(parts, move |part: &std::io::Result<Bytes>| {
            sent(part.as_ref().map_or(0, |part| part.len() as u64));
        });
        let (status, bytes) = match self {
            Self::Server { http, url } => {
                let request = http.post(format!("{url}{path}")).timeout(PATIENCE_WITH_FILE);
                let request = request.header("dering-user", user());
                let request = request.header(header::CONTENT_TYPE, FILE).header(header::CONTENT_LENGTH, size);
                let response = request.body(reqwest::Body::wrap_stream(parts)).send().await;
                let response = response.with_context(|| format!("{url} cannot be reached"))?;
                (response.status(), response.bytes().await.context("the answer broke off")?)
            }
            Self::Alone { router, key, .. } => {
                let request = Request::builder()
                    .method(Method::POST)
                    .uri(path)
                    .header(header::AUTHORIZATION, format!("Bearer {}", key.expose_secret()))
                    .header("dering-user", user())
                    .header(header::CONTENT_TYPE, FILE)
                    .body(Body::from_stream(parts))?;
                let response = router.as_ref().clone().oneshot(request).await?;
                (response.status(), axum::body::to_bytes(response.into_body(), LARGEST).await?)
            }
        };
        answered(status, &bytes)
    }

    /// Writes an answer to a file, for its owner only, as it comes, and says how many bytes it has. What broke off leaves no file behind.
    ///
    /// # Errors
    /// As [`Self::ask`], and when the file cannot be written.
    pub(super) async fn download(&self, path: &str, file: &Path) -> anyhow::Result<u64> {
        let (status, body) = match self {
            Self::Server { http, url } => {
                let request = http.get(format!("{url}{path}")).timeout(PATIENCE_WITH_FILE);
                let request = request.header("dering-user", user());
                let response = request.send().await.with_context(|| format!("{url} cannot be reached"))?;
                (response.status(), Body::from_stream(response.bytes_stream()))
            }
            Self::Alone { router, key, .. } => {
                let request = Request::builder()
                    .uri(path)
                    .header(header::AUTHORIZATION, format!("Bearer {}", key.expose_secret()))
                    .header("dering-user", user())
                    .body(Body::empty())?;
                let response = router.as_ref().clone().oneshot(request).await?;
                (response.status(), response.into_body())
            }
        };
        if !status.is_success() {
            return answered(status, &axum::body::to_bytes(body, LARGEST).await?).map(|_| 0);
        }
        if file == Path::new("-") {
            return printed(body).await;
        }
        let part = PathBuf::from(format!("{}.part", file.display()));
        match written(body, &part).await {
            Ok(bytes) => {
                let moved = tokio::fs::rename(&part, file).await;
                moved.with_context(|| format!("cannot write {}", file.display()))?;
                Ok(bytes)
            }
            Err(error) => {
                tokio::fs::remove_file(&part).await.ok();
                Err(error)
            }
        }
    }

    /// Asks for something that is told with 200 or 503: whether it was 200, and what was told.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub(super) async fn look(&self, path: &str) -> anyhow::Result<(bool, Value)> {
        let (status, bytes) = self.exchange(Method::GET, path, None).await?;
        match serde_json::from_slice(&bytes) {
            Ok(told) if status.is_success() || status == StatusCode::SERVICE_UNAVAILABLE => {
                Ok((status.is_success(), told))
            }
            _ => answered(status, &bytes).map(|told| (true, told)),
        }
    }

    /// Asks for a text.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub(super) async fn text(&self, path: &str) -> anyhow::Result<String> {
        let (status, bytes) = self.exchange(Method::GET, path, None).await?;
        if !status.is_success() {
            return answered(status, &bytes).map(|_| String::new());
        }
        String::from_utf8(bytes.to_vec()).context("the answer is no text: is it dering?")
    }

    /// Asks for a stream of server-sent events behind the one with the id `after`; `None` when there will be no more.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub(super) async fn events(
        &self,
        path: &str,
        after: Option<&str>,
    ) -> anyhow::Result<Option<reqwest::Response>> {
        let Self::Server { http, url } = self else { bail!("events are streamed by a server only") };
        let mut request = http.get(format!("{url}{path}")).timeout(PATIENCE_WITH_STREAM);
        request = request.header("dering-user", user());
        request = request.header(header::ACCEPT, "text/event-stream");
        if let Some(after) = after {
            request = request.header("last-event-id", after);
        }
        let response = request.send().await.with_context(|| format!("{url} cannot be reached"))?;
        match response.status() {
            StatusCode::NO_CONTENT => Ok(None),
            status if status.is_success() => Ok(Some(response)),
            status => answered(status, &response.bytes().await.unwrap_or_default()).map(|_| None),
        }
    }

    /// Asks for something that may not be there: `None` then.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub(super) async fn find(&self, path: &str) -> anyhow::Result<Option<Value>> {
        let (status, bytes) = self.exchange(Method::GET, path, None).await?;
        // Whatever else answers 404 to what it does not know says nothing about it.
        let problem: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let is_ours = problem["code"] == "not_found" && problem["detail"].is_string();
        if status == StatusCode::NOT_FOUND && is_ours { Ok(None) } else { answered(status, &bytes).map(Some) }
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<(&'static str, Vec<u8>)>,
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        Ok(match self {
            Self::Server { http, url } => {
                let mut request = http.request(method, format!("{url}{path}"));
                request = request.header("dering-user", user());
                if let Some((kind, body)) = body {
                    request = request.header(header::CONTENT_TYPE, kind).body(body);
                }
                let response = request.send().await.with_context(|| format!("{url} cannot be reached"))?;
                (response.status(), response.bytes().await.context("the answer broke off")?)
            }
            Self::Alone { router, key, .. } => {
                let (kind, body) = body.unwrap_or(("application/json", Vec::new()));
                let request = Request::builder()
                    .method(method)
                    .uri(path)
                    .header(header::AUTHORIZATION, format!("Bearer {}", key.expose_secret()))
                    .header("dering-user", user())
                    .header(header::CONTENT_TYPE, kind)
                    .body(Body::from(body))?;
                let response = router.as_ref().clone().oneshot(request).await?;
                (response.status(), axum::body::to_bytes(response.into_body(), LARGEST).await?)
            }
        })
    }

    /// Lets go of the database.
    pub(super) async fn close(self) {
        if let Self::Alone { store, .. } = self {
            store.close().await;
        }
    }
}

async fn written(body: Body, file: &Path) -> anyhow::Result<u64> {
    let unwritable = || format!("cannot write {}", file.display());
    let mut opened = tokio::fs::File::from_std(private_file(file).with_context(unwritable)?);
    let (mut parts, mut bytes) = (body.into_data_stream(), 0);
    while let Some(part) = parts.next().await {
        let part = part.context("the answer broke off; the file would not be whole")?;
        opened.write_all(&part).await.with_context(unwritable)?;
        bytes += part.len() as u64;
    }
    opened.sync_all().await.with_context(unwritable)?;
    Ok(bytes)
}

/// Copies an answer to standard output as it comes.
async fn printed(body: Body) -> anyhow::Result<u64> {
    let (mut parts, mut bytes) = (body.into_data_stream(), 0);
    while let Some(part) = parts.next().await {
        let part = part.context("the answer broke off; what was printed is not whole")?;
        out().write_all(&part)?;
        bytes += part.len() as u64;
    }
    out().flush()?;
    Ok(bytes)
}

fn answered(status: StatusCode, bytes: &[u8]) -> anyhow::Result<Value> {
    if status.is_success() {
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        return serde_json::from_slice(bytes).context("the answer is no JSON: is it dering?");
    }
    let problem: Value = serde_json::from_slice(bytes).unwrap_or_default();
    match problem["detail"].as_str() {
        Some(detail) => bail!("{}{}", lines(detail), errors(&problem)),
        None => bail!("the server answers {status}"),
    }
}

/// The fields that are wrong, a line each, unless the detail says so already.
fn errors(problem: &Value) -> String {
    let errors = problem["errors"].as_array().into_iter().flatten();
    let detail = problem["detail"].as_str().unwrap_or_default();
    let line = |error: &Value| {
        let (field, why) = (error["field"].as_str()?, error["problem"].as_str()?);
        (!detail.contains(why)).then(|| format!("\n  {}: {}", lines(field), lines(why)))
    };
    errors.filter_map(line).collect()
}

/// Who runs the command, for the audit log.
pub(super) fn user() -> String {
    let name = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_default();
    let plain: String = name.chars().filter(|letter| letter.is_ascii_graphic()).collect();
    if plain.is_empty() { "somebody".to_owned() } else { plain }
}
