//! What differs between two versions of a flow: scenes, steps, prompts and variables, not lines.
//!
//! Both texts are compared as YAML trees, so that comments, order of scenes, quotes and line breaks do not
//! count, and a step that this file has never heard of is compared like any other.

use std::fmt;

use serde::Serialize;

use crate::flow::read::{Diagnostic, Entry, Node, Source, Value, yaml_tree};

/// Longest text of one side that is shown.
const MOST_SHOWN: usize = 160;

/// What became of a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    Added,
    Removed,
    Changed,
}

/// One difference between two flows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    pub kind: ChangeKind,
    /// Where in the flow, such as `scene greet, step 2 (say), text`.
    pub place: String,
    /// What it was, in a line; absent for what was added.
    pub before: Option<String>,
    /// What it is, in a line; absent for what was removed.
    pub after: Option<String>,
    /// Line in the older text, 1-based.
    pub line_before: Option<u32>,
    /// Line in the newer text, 1-based.
    pub line_after: Option<u32>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            ChangeKind::Added => write!(f, "+ {}", self.place)?,
            ChangeKind::Removed => write!(f, "- {}", self.place)?,
            ChangeKind::Changed => write!(f, "~ {}", self.place)?,
        }
        match (self.line_before, self.line_after) {
            (Some(before), Some(after)) => write!(f, "  (line {before}, now {after})")?,
            (Some(line), None) | (None, Some(line)) => write!(f, "  (line {line})")?,
            (None, None) => {}
        }
        if let Some(before) = &self.before {
            write!(f, "\n    - {before}")?;
        }
        if let Some(after) = &self.after {
            write!(f, "\n    + {after}")?;
        }
        Ok(())
    }
}

/// What differs from `before` to `after`, each a file's name and its text. Nothing differs when both say the
/// same in other words of YAML.
///
/// # Errors
/// One of the texts is no YAML that a flow may be; the findings are those of that text.
pub fn diff(before: (&str, &str), after: (&str, &str)) -> Result<Vec<Change>, Vec<Diagnostic>> {
    let (before, after) = (tree(before)?, tree(after)?);
    let mut changes = Vec::new();
    let (old, new) = (entries(&before), entries(&after));
    for key in keys(old, new) {
        let sides = (find(old, key), find(new, key));
        match (key, sides) {
            ("scenes", (Some(old), Some(new))) => scenes(&mut changes, old, new),
            ("variables", (Some(old), Some(new))) => named(&mut changes, "variable", &old.value, &new.value),
            (_, (old, new)) => {
                side_by_side(&mut changes, key, old.map(|entry| &entry.value), new.map(|entry| &entry.value));
            }
        }
    }
    Ok(changes)
}

fn tree((file, text): (&str, &str)) -> Result<Node, Vec<Diagnostic>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let source = Source { file: file.to_owned(), text: text.to_owned() };
    let mut found = Vec::new();
    yaml_tree(&source, &mut found).ok_or(found)
}

fn entries(node: &Node) -> &[Entry] {
    match &node.value {
        Value::Map(entries) => entries,
        Value::Scalar { .. } | Value::List(_) => &[],
    }
}

fn find<'n>(entries: &'n [Entry], key: &str) -> Option<&'n Entry> {
    entries.iter().find(|entry| entry.key == key)
}

/// The keys of both, those of the newer one first and in its order.
fn keys<'n>(old: &'n [Entry], new: &'n [Entry]) -> Vec<&'n str> {
    let gone = old.iter().filter(|entry| find(new, &entry.key).is_none());
    new.iter().chain(gone).map(|entry| entry.key.as_str()).collect()
}

/// Things with names, whose order does not matter.
fn named(changes: &mut Vec<Change>, what: &str, old: &Node, new: &Node) {
    let (old, new) = (entries(old), entries(new));
    for key in keys(old, new) {
        let place = format!("{what} {key}");
        let (old, new) = (find(old, key), find(new, key));
        side_by_side(changes, &place, old.map(|entry| &entry.value), new.map(|entry| &entry.value));
    }
}

fn scenes(changes: &mut Vec<Change>, old: &Entry, new: &Entry) {
    let (old, new) = (entries(&old.value), entries(&new.value));
    let gone: Vec<&Entry> = old.iter().filter(|entry| find(new, &entry.key).is_none()).collect();
    let mut renamed: Vec<&str> = Vec::new();
    for entry in new {
        if let Some(before) = find(old, &entry.key) {
            steps(changes, &entry.key, &before.value, &entry.value);
            continue;
        }
        let twin =
            gone.iter().find(|old| same(&old.value, &entry.value) && !renamed.contains(&old.key.as_str()));
        if let Some(twin) = twin {
            renamed.push(&twin.key);
            changes.push(Change {
                kind: ChangeKind::Changed,
                place: format!("scene {}: renamed, with the same steps", entry.key),
                before: Some(twin.key.clone()),
                after: Some(entry.key.clone()),
                line_before: Some(twin.key_span.line),
                line_after: Some(entry.key_span.line),
            });
            continue;
        }
        changes.push(whole_scene(ChangeKind::Added, entry));
    }
    for entry in gone.into_iter().filter(|entry| !renamed.contains(&entry.key.as_str())) {
        changes.push(whole_scene(ChangeKind::Removed, entry));
    }
}

fn whole_scene(kind: ChangeKind, entry: &Entry) -> Change {
    let steps = match &entry.value.value {
        Value::List(steps) => steps.len(),
        Value::Scalar { .. } | Value::Map(_) => 0,
    };
    let shown = Some(format!("{steps} step{}", if steps == 1 { "" } else { "s" }));
    let line = Some(entry.key_span.line);
    let added = kind == ChangeKind::Added;
    Change {
        kind,
        place: format!("scene {}", entry.key),
        before: shown.clone().filter(|_| !added),
        after: shown.filter(|_| added),
        line_before: line.filter(|_| !added),
        line_after: line.filter(|_| added),
    }
}

/// Two lists of steps. Steps that are the same in both hold the rest in place; between them, steps of one
/// kind are held against each other, and what is left was added or removed.
fn steps(changes: &mut Vec<Change>, scene: &str, old: &Node, new: &Node) {
    let (Value::List(old), Value::List(new)) = (&old.value, &new.value) else {
        return side_by_side(changes, &format!("scene {scene}"), Some(old), Some(new));
    };
    let place = |at: usize, step: &Node| format!("scene {scene}, step {} ({})", at + 1, kind_of(step));
    for pair in aligned(old, new, |a, b| kind_of(a) == kind_of(b)) {
        match pair {
            (Some(a), Some(b)) => inside(changes, &place(b, &new[b]), &old[a], &new[b]),
            (None, Some(b)) => side_by_side(changes, &place(b, &new[b]), None, Some(&new[b])),
            (Some(a), None) => side_by_side(changes, &place(a, &old[a]), Some(&old[a]), None),
            (None, None) => {}
        }
    }
}

/// A step's own word.
fn kind_of(step: &Node) -> &str {
    match &step.value {
        Value::Scalar { text, .. } => text,
        Value::Map(entries) => entries.first().map_or("", |entry| entry.key.as_str()),
        Value::List(_) => "",
    }
}

/// Two steps of one kind: their word is told already.
fn inside(changes: &mut Vec<Change>, place: &str, old: &Node, new: &Node) {
    match (entries(old), entries(new)) {
        ([a], [b]) if a.key == b.key => side_by_side(changes, place, Some(&a.value), Some(&b.value)),
        _ => side_by_side(changes, place, Some(old), Some(new)),
    }
}

fn side_by_side(changes: &mut Vec<Change>, place: &str, old: Option<&Node>, new: Option<&Node>) {
    let kind = match (old, new) {
        (None, None) => return,
        (Some(a), Some(b)) if same(a, b) => return,
        (Some(a), Some(b)) => match (&a.value, &b.value) {
            (Value::Map(_), Value::Map(_)) => return fields(changes, place, entries(a), entries(b)),
            (Value::List(a), Value::List(b)) => return items(changes, place, a, b),
            (Value::Scalar { .. } | Value::List(_) | Value::Map(_), _) => ChangeKind::Changed,
        },
        (None, Some(_)) => ChangeKind::Added,
        (Some(_), None) => ChangeKind::Removed,
    };
    changes.push(Change {
        kind,
        place: place.to_owned(),
        before: old.map(shown),
        after: new.map(shown),
        line_before: old.map(|node| node.span.line),
        line_after: new.map(|node| node.span.line),
    });
}

fn fields(changes: &mut Vec<Change>, place: &str, old: &[Entry], new: &[Entry]) {
    for key in keys(old, new) {
        let (a, b) = (find(old, key), find(new, key));
        let place = format!("{place}, {key}");
        side_by_side(changes, &place, a.map(|entry| &entry.value), b.map(|entry| &entry.value));
    }
}

fn items(changes: &mut Vec<Change>, place: &str, old: &[Node], new: &[Node]) {
    let alike = |a: &Node, b: &Node| std::mem::discriminant(&a.value) == std::mem::discriminant(&b.value);
    for pair in aligned(old, new, alike) {
        let (a, b) = (pair.0.map(|at| &old[at]), pair.1.map(|at| &new[at]));
        let at = pair.1.or(pair.0).unwrap_or_default() + 1;
        side_by_side(changes, &format!("{place} [{at}]"), a, b);
    }
}

/// Pairs of places of two lists, in order: the longest run of items that are the same (left out of the
/// result), and between them items that are `alike`, one against the other.
fn aligned(
    old: &[Node],
    new: &[Node],
    alike: impl Fn(&Node, &Node) -> bool,
) -> Vec<(Option<usize>, Option<usize>)> {
    let mut common = vec![vec![0_u32; new.len() + 1]; old.len() + 1];
    for a in (0..old.len()).rev() {
        for b in (0..new.len()).rev() {
            common[a][b] = if same(&old[a], &new[b]) {
                common[a + 1][b + 1] + 1
            } else {
                common[a + 1][b].max(common[a][b + 1])
            };
        }
    }
    let mut pairs = Vec::new();
    let (mut a, mut b) = (0, 0);
    let (mut gone, mut come): (Vec<usize>, Vec<usize>) = (Vec::new(), Vec::new());
    loop {
        let both = a < old.len() && b < new.len();
        if both && same(&old[a], &new[b]) {
            held_together(&mut pairs, &mut gone, &mut come, |a, b| alike(&old[a], &new[b]));
            (a, b) = (a + 1, b + 1);
        } else if b < new.len() && (a == old.len() || common[a][b + 1] > common[a + 1][b]) {
            come.push(b);
            b += 1;
        } else if a < old.len() {
            gone.push(a);
            a += 1;
        } else {
            held_together(&mut pairs, &mut gone, &mut come, |a, b| alike(&old[a], &new[b]));
            return pairs;
        }
    }
}

fn held_together(
    pairs: &mut Vec<(Option<usize>, Option<usize>)>,
    gone: &mut Vec<usize>,
    come: &mut Vec<usize>,
    alike: impl Fn(usize, usize) -> bool,
) {
    let mut gone = std::mem::take(gone);
    for b in come.drain(..) {
        match gone.iter().position(|a| alike(*a, b)) {
            Some(at) => {
                pairs.extend(gone.drain(..at).map(|a| (Some(a), None)));
                pairs.push((Some(gone.remove(0)), Some(b)));
            }
            None => pairs.push((None, Some(b))),
        }
    }
    pairs.extend(gone.into_iter().map(|a| (Some(a), None)));
}

/// Whether two trees say the same, in whatever style and order of keys.
fn same(a: &Node, b: &Node) -> bool {
    match (&a.value, &b.value) {
        (Value::Scalar { text: x, .. }, Value::Scalar { text: y, .. }) => {
            a.is_null() == b.is_null() && x.split_whitespace().eq(y.split_whitespace())
        }
        (Value::List(x), Value::List(y)) => x.len() == y.len() && x.iter().zip(y).all(|(x, y)| same(x, y)),
        (Value::Map(x), Value::Map(y)) => {
            x.len() == y.len()
                && x.iter()
                    .all(|entry| find(y, &entry.key).is_some_and(|other| same(&entry.value, &other.value)))
        }
        (Value::Scalar { .. } | Value::List(_) | Value::Map(_), _) => false,
    }
}

/// A tree in one line.
fn shown(node: &Node) -> String {
    let mut text = String::new();
    write(node, &mut text, true);
    if text.chars().count() > MOST_SHOWN {
        text = text.chars().take(MOST_SHOWN).collect();
        text.push('…');
    }
    text
}

fn write(node: &Node, out: &mut String, top: bool) {
    if out.len() > 4 * MOST_SHOWN {
        return;
    }
    match &node.value {
        Value::Scalar { .. } if node.is_null() => out.push_str("nothing"),
        Value::Scalar { text, .. } => {
            let line: Vec<&str> = text.split_whitespace().collect();
            let line: String = line.join(" ").chars().filter(|c| !c.is_control()).collect();
            let plain = line.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
            if plain && top { out.push_str(&line) } else { out.push_str(&format!("\"{line}\"")) }
        }
        Value::List(items) => {
            for (nth, item) in items.iter().enumerate() {
                out.push_str(if nth == 0 { "[" } else { ", " });
                write(item, out, false);
            }
            out.push_str(if items.is_empty() { "[]" } else { "]" });
        }
        Value::Map(entries) => {
            for (nth, entry) in entries.iter().enumerate() {
                out.push_str(if nth == 0 { "{ " } else { ", " });
                out.push_str(&entry.key);
                out.push_str(": ");
                write(&entry.value, out, true);
            }
            out.push_str(if entries.is_empty() { "{}" } else { " }" });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "flow: a\nlanguage: en\nstart: greet\nvariables: { name: text, due: { type: text, default: today } }\nscenes:\n  greet:\n    - say: \"Hello {{ name }}\"\n    - wait: 1s\n    - say: [Pay, { checkpoint: paid }, soon]\n    - hangup: done\n  old:\n    - hangup: gone\n";

    fn told(new: &str) -> String {
        let changes = diff(("old.yaml", OLD), ("new.yaml", new)).unwrap();
        changes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn other_words_of_yaml_and_another_order_are_no_difference() {
        let new = "# a comment\nflow: 'a'\nlanguage: en\nstart: greet\nvariables:\n  due: { default: \"today\", type: text }\n  name: text\nscenes:\n  old: [ { hangup: gone } ]\n  greet: [ { say: \"Hello {{ name }}\" }, { wait: 1s }, { say: [Pay, { checkpoint: paid }, soon] }, { hangup: done } ]\n";
        assert_eq!(told(new), "");
    }

    #[test]
    fn every_kind_of_change_is_told_at_its_place() {
        let new = "flow: a\nlanguage: id-ID\nstart: greet\nvariables: { name: text, amount: number, due: { type: text, default: tomorrow } }\nscenes:\n  greet:\n    - set: { due: now }\n    - say: \"Good day {{ name }}\"\n    - say: [Please pay, { checkpoint: paid }, soon, thanks]\n    - hangup: done\n  renamed:\n    - hangup: gone\n  fresh:\n    - wait: 2s\n    - hangup: late\n";
        insta::assert_snapshot!(told(new));
    }

    #[test]
    fn what_is_no_yaml_is_refused_with_its_place() {
        let found = diff(("old.yaml", OLD), ("new.yaml", "flow: [")).unwrap_err();
        assert_eq!(found[0].file, "new.yaml");
    }
}
