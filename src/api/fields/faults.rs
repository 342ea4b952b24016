//! What is wrong with a request, all of it.

use crate::api::error::{Code, Problem};

/// Faults that are told one by one; more are counted.
const MOST: usize = 100;
/// Of these, how many stand in the sentence that sums them up.
const MOST_IN_DETAIL: usize = 5;
/// Longest path that is told, characters: its parts are the sender's.
const LONGEST_PATH: usize = 120;

/// Fields that are wrong, and fields that mean nothing here.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    wrong: Vec<(String, String)>,
    beyond: usize,
    ignored: Vec<String>,
}

impl Faults {
    /// The field at `path` is wrong. What was told of a field first is told alone.
    pub(crate) fn add(&mut self, path: &str, problem: impl Into<String>) {
        let path = shown(path);
        if self.wrong.iter().any(|(told, _)| *told == path) {
            return;
        }
        if self.wrong.len() < MOST {
            self.wrong.push((path, problem.into()));
        } else {
            self.beyond += 1;
        }
    }

    /// The field at `path` is not followed.
    pub(crate) fn ignore(&mut self, path: impl Into<String>) {
        let path = path.into();
        if !self.ignored.contains(&path) {
            self.ignored.push(path);
        }
    }

    /// The fields that are not followed, or what is wrong.
    ///
    /// # Errors
    /// When something is wrong.
    pub(crate) fn end(self, code: Code) -> Result<Vec<String>, Problem> {
        if self.wrong.is_empty() { Ok(self.ignored) } else { Err(self.problem(code)) }
    }

    /// What is wrong.
    pub(crate) fn problem(self, code: Code) -> Problem {
        let told: Vec<String> = self
            .wrong
            .iter()
            .take(MOST_IN_DETAIL)
            .map(|(path, problem)| format!("{path}: {problem}"))
            .collect();
        let mut detail = told.join("; ");
        let more = self.wrong.len() - told.len() + self.beyond;
        if more > 0 {
            detail.push_str(&format!(
                "; and {more} more, of which `errors` names {}",
                self.wrong.len() - told.len()
            ));
        }
        let problem = Problem::new(code, detail);
        self.wrong.iter().fold(problem, |problem, (path, why)| problem.with_field(path, why))
    }
}

/// A path as it is told: short, and without signs that nobody sees.
fn shown(path: &str) -> String {
    let shown = path.chars().take(LONGEST_PATH);
    let plain = |sign: char| {
        let hidden = sign.is_control() || (sign.is_whitespace() && sign != ' ');
        if hidden { sign.escape_default().collect::<String>() } else { sign.to_string() }
    };
    let mut text: String = shown.map(plain).collect();
    if path.chars().nth(LONGEST_PATH).is_some() {
        text.push('…');
    }
    text
}
