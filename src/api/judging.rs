//! Flows that people bring on the pages, judged as an upload to the API would be.

use axum::body::Bytes;
use callcore::flow::Diagnostic;

use super::Api;
use super::error::Problem;
use super::uploads::Turn;
use crate::flows::{Bundle, Check, FileTests, Refused, Usable};

/// Why a flow is not taken.
pub(crate) enum Rejected {
    /// What is wrong with it, and warnings.
    Findings(Vec<Diagnostic>),
    Problem(Problem),
}

impl From<Problem> for Rejected {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

/// Judges a flow without its tests, as an upload would.
///
/// # Errors
/// Says what is wrong with it.
pub(crate) async fn judged(api: &Api, body: Vec<u8>) -> Result<Usable, Rejected> {
    let judged = Turn::take(api)?
        .check(move |check| Ok(Bundle::read(&body, check).and_then(|bundle| bundle.check(check))));
    match judged.await? {
        Ok(usable) => Ok(usable),
        Err(Refused::Flow(findings)) => Err(Rejected::Findings(findings)),
        Err(refused @ Refused::Bundle(_)) => Err(Rejected::Problem(refused.into())),
    }
}

/// Judges a whole upload, its tests included, as the API would; the flow, and how many tests it passed.
///
/// # Errors
/// Says what is wrong with it.
pub(crate) async fn judged_whole(api: &Api, body: Bytes) -> Result<(Usable, usize), Rejected> {
    let judged = Turn::take(api)?.check(move |check| Ok(whole(&body, check)));
    match judged.await? {
        Ok(usable) => Ok(usable),
        Err(Refused::Flow(findings)) => Err(Rejected::Findings(findings)),
        Err(refused @ Refused::Bundle(_)) => Err(Rejected::Problem(refused.into())),
    }
}

/// The flow in an upload, unless it or one of its tests is wrong: everything that is.
fn whole(body: &[u8], check: &Check) -> Result<(Usable, usize), Refused> {
    let bundle = Bundle::read(body, check)?;
    let usable = bundle.check(check)?;
    let (mut passed, mut failed) = (0, Vec::new());
    for (file, bytes) in bundle.tests() {
        let read = |path: &str| bundle.files.get(path).cloned();
        match FileTests::read(file, bytes, &bundle.name, &usable.flow, check, read) {
            None => {}
            Some(Err(found)) => failed.extend(found),
            Some(Ok(tests)) => {
                let (count, failures) = tests.run(&usable.flow, check);
                passed += count;
                failed.extend(failures);
            }
        }
    }
    if failed.is_empty() { Ok((usable, passed)) } else { Err(Refused::Flow(failed)) }
}
