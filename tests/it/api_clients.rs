//! The quick start of the API, by clients in TypeScript and Python that generators made from the description.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::peer::{folder as peers, is_ready};
use crate::system_fixture::{HANGS_UP, TestSystem, in_time};

/// Of PyPI.
const PYTHON_GENERATOR: &str = "openapi-python-client==0.29.1";

fn client_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name)
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?} failed:\n{}{}", text(&output.stdout), text(&output.stderr));
    output
}

/// Runs a client against a server, and looks at what it tells and at what the server has heard.
async fn begin(client: impl FnOnce(&str) -> Output + Send + 'static) -> Value {
    let system = TestSystem::start().await;
    let given = json!({
        "url": format!("http://{}", system.app.address()), "number": HANGS_UP, "flow": "short",
        "key": system.client.key.expose_secret(), "token": system.client.token(),
    });
    let output = tokio::task::spawn_blocking(move || client(&given.to_string())).await.unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&told["refused"], &told["explained"]), (&json!("not_found"), &json!("/problems/not_found")));
    assert_eq!(told["call"]["disposition"], "ANSWERED", "{told}");
    let dialled = told["dialled"].as_str().unwrap();
    let wanted = json!({ "amount": "120 dollars", "due": "Friday", "items": [{ "id": 7, "open": true }] });
    for call in [told["call"]["callId"].as_str().unwrap(), dialled] {
        let heard = system.client.read(&format!("/v1/calls/{call}")).await.json();
        for (name, value) in wanted.as_object().unwrap() {
            assert_eq!(&heard["metadata"][name], value, "{heard}");
        }
    }
    in_time(system.app.shutdown()).await;
    told
}

#[tokio::test]
async fn a_generated_client_in_typescript_runs_the_quick_start() {
    if !is_ready() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().to_owned();
    std::fs::write(at.join("openapi.json"), dering::server::text()).unwrap();
    std::fs::write(at.join("package.json"), r#"{ "type": "module" }"#).unwrap();
    std::fs::copy(client_file("quickstart.ts"), at.join("quickstart.ts")).unwrap();
    std::os::unix::fs::symlink(peers().join("node_modules"), at.join("node_modules")).unwrap();
    let tool = |name: &str| {
        let mut command = Command::new(at.join("node_modules/.bin").join(name));
        command.current_dir(&at);
        command
    };
    run(tool("openapi-typescript").args(["openapi.json", "-o", "api.ts"]));
    run(tool("tsc")
        .args(["--strict", "--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom"])
        .arg("quickstart.ts"));
    let told = begin(move |given| run(Command::new("node").arg(at.join("quickstart.js")).arg(given))).await;
    let kinds = told["kinds"].as_array().unwrap();
    assert!(["dial_status", "placed", "ended"].iter().all(|kind| kinds.contains(&json!(kind))), "{kinds:?}");
}

/// A Python that has the generator; made once. `None` where it cannot be had.
fn python() -> Option<PathBuf> {
    let shared = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (home, lock) = (shared.join("python-clients"), shared.join("python.lock"));
    let lock = std::fs::File::create(lock).unwrap();
    lock.lock().unwrap();
    let (program, made) = (home.join("bin/python"), home.join("made-for"));
    if std::fs::read_to_string(&made).is_ok_and(|known| known == PYTHON_GENERATOR) {
        return Some(program);
    }
    let succeeds = |command: &mut Command| command.output().is_ok_and(|output| output.status.success());
    let there = succeeds(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&home))
        && succeeds(Command::new(&program).args(["-m", "pip", "install", "--quiet", PYTHON_GENERATOR]));
    if !there {
        println!("skipped: {PYTHON_GENERATOR} cannot be installed (needs python3-venv, and PyPI)");
        return None;
    }
    std::fs::write(made, PYTHON_GENERATOR).unwrap();
    Some(program)
}

#[tokio::test]
async fn a_generated_client_in_python_runs_the_quick_start() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().to_owned();
    std::fs::write(at.join("openapi.json"), dering::server::text()).unwrap();
    let generate = ["-m", "openapi_python_client", "generate", "--meta", "none", "--path", "openapi.json"];
    let made = run(Command::new(&python)
        .args(generate)
        .args(["--output-path", "dering_client", "--config"])
        .arg(client_file("openapi-python-client.yaml"))
        .current_dir(&at));
    let made = String::from_utf8_lossy(&made.stdout).into_owned();
    assert!(!made.contains("WARNING parsing"), "operations are left out: {made}");
    let script = client_file("quickstart.py");
    begin(move |given| run(Command::new(&python).arg(script).arg(given).env("PYTHONPATH", &at))).await;
}
