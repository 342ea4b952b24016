//! A flow as a picture: Mermaid text, which Markdown viewers and editors draw.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::flow::model::{Act, COMPLETED, Called, DO_NOT_CALL, Flow, Prompt, PromptPart, SceneId, Step};

/// Longest label of an arrow, in characters.
const MAX_LABEL: usize = 60;

/// What a picture of a flow shows: its beginning, its scenes and its outcomes, and the ways between them.
pub(crate) struct Drawing {
    /// The beginning first, then the scenes in file order, then the outcomes and the called flows by name.
    pub(crate) nodes: Vec<Node>,
    pub(crate) arrows: Vec<Arrow>,
}

pub(crate) struct Node {
    pub(crate) id: String,
    pub(crate) kind: NodeKind,
    pub(crate) name: String,
    /// What a scene says first, as its author wrote it.
    pub(crate) words: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NodeKind {
    Call,
    Scene,
    /// A flow of another file that is called.
    Flow,
    Outcome,
}

/// The flow as nodes and arrows: an arrow per way out of a scene, labelled with what leads there.
pub(crate) fn drawing(flow: &Flow) -> Drawing {
    let node =
        |id: &str, kind, name: &str, words| Node { id: id.to_owned(), kind, name: name.to_owned(), words };
    let mut nodes = vec![node("call", NodeKind::Call, "call", String::new())];
    let mut arrows: Vec<Arrow> = Vec::new();
    let mut by_target: BTreeMap<SceneId, Vec<&str>> = BTreeMap::new();
    for (outcome, scene) in &flow.branches {
        by_target.entry(*scene).or_default().push(outcome.as_str());
    }
    for (scene, verdicts) in by_target {
        arrows.push(Arrow::new("call", &scene_node(scene), &verdicts.join(", ")));
    }
    if let Some(start) = flow.start {
        let label = if flow.branches.is_empty() { "" } else { "any other verdict" };
        arrows.push(Arrow::new("call", &scene_node(start), label));
    }
    if let Some(scene) = flow.on_error {
        arrows.push(Arrow { dotted: true, ..Arrow::new("call", &scene_node(scene), "error") });
    }
    let signals =
        [(flow.on_beep, "beep"), (flow.on_hangup, "hung up"), (flow.on_carrier_lost, "carrier lost")];
    for (scene, label) in signals {
        if let Some(scene) = scene {
            arrows.push(Arrow { dotted: true, ..Arrow::new("call", &scene_node(scene), label) });
        }
    }
    for handler in &flow.handlers {
        let key = handler.key.map(String::from);
        let label = handler.phrases.first().cloned().or(key).unwrap_or_default();
        let to = match &handler.act {
            Act::Goto(scene) => scene_node(*scene),
            Act::DoNotCall(_) => format!("{OUTCOME}{DO_NOT_CALL}"),
        };
        arrows.push(Arrow { dotted: true, ..Arrow::new("call", &to, &label) });
    }
    for (at, scene) in flow.scenes.iter().enumerate() {
        let id = scene_node(SceneId(at));
        let words = scene.steps.iter().find_map(|step| first_words(flow, step)).unwrap_or_default();
        nodes.push(node(&id, NodeKind::Scene, &scene.name, words));
        ways_out(&scene.steps, &id, &mut arrows);
    }
    let mut outcomes: Vec<&str> = arrows.iter().filter_map(|arrow| arrow.to.strip_prefix(OUTCOME)).collect();
    outcomes.sort_unstable();
    outcomes.dedup();
    for outcome in outcomes {
        nodes.push(node(&format!("{OUTCOME}{outcome}"), NodeKind::Outcome, outcome, String::new()));
    }
    let mut called: Vec<&str> = arrows.iter().filter_map(|arrow| arrow.to.strip_prefix(CALLED)).collect();
    called.sort_unstable();
    called.dedup();
    for flow in called {
        nodes.push(node(&format!("{CALLED}{flow}"), NodeKind::Flow, flow, String::new()));
    }
    if arrows.iter().any(|arrow| arrow.to == BACK) {
        nodes.push(node(BACK, NodeKind::Outcome, "return", String::new()));
    }
    Drawing { nodes, arrows }
}

/// The flow as a Mermaid flowchart: a box per scene and a rounded box per outcome.
#[must_use]
pub fn mermaid(flow: &Flow) -> String {
    let drawing = drawing(flow);
    let mut out = String::from("flowchart TD\n");
    for Node { id, kind, name, words } in &drawing.nodes {
        let _ = match kind {
            NodeKind::Call => writeln!(out, "    {id}(({name}))"),
            NodeKind::Scene if words.is_empty() => writeln!(out, "    {id}[\"{name}\"]"),
            NodeKind::Scene => writeln!(out, "    {id}[\"{name}<br/><small>{}</small>\"]", quoted(words)),
            NodeKind::Flow => writeln!(out, "    {id}[[\"{name}\"]]"),
            NodeKind::Outcome => writeln!(out, "    {id}([{name}])"),
        };
    }
    for Arrow { from, to, label, dotted } in &drawing.arrows {
        let line = if *dotted { "-.->" } else { "-->" };
        let label = if label.is_empty() { String::new() } else { format!("|\"{}\"|", quoted(label)) };
        let _ = writeln!(out, "    {from} {line}{label} {to}");
    }
    out
}

/// What the node of an outcome is called, before the outcome.
const OUTCOME: &str = "end_";

/// What the node of a called flow is called, before its name.
const CALLED: &str = "flow_";

/// The node of coming back to the caller.
const BACK: &str = "back";

pub(crate) struct Arrow {
    /// [`Node::id`]s.
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) label: String,
    /// Taken when something goes wrong.
    pub(crate) dotted: bool,
}

impl Arrow {
    fn new(from: &str, to: &str, label: &str) -> Self {
        Self { from: from.to_owned(), to: to.to_owned(), label: label.to_owned(), dotted: false }
    }
}

fn scene_node(scene: SceneId) -> String {
    format!("s{}", scene.0)
}

/// The arrows out of a scene. An arrow behind a question or a wait says what leads past that.
fn ways_out(steps: &[Step], from: &str, arrows: &mut Vec<Arrow>) {
    let mut past = String::new();
    for step in steps {
        let mut to = |scene: &SceneId, label: &str| arrows.push(Arrow::new(from, &scene_node(*scene), label));
        match step {
            Step::Prompt(Prompt { on_speech, .. }) => {
                if let Some(scene) = on_speech {
                    to(scene, "speech");
                }
            }
            Step::Ask(ask) => {
                for (scene, label) in ask.answers() {
                    to(&scene, &label);
                }
                for (scene, label) in [(&ask.no_input.goto, "no input"), (&ask.no_match.goto, "no match")] {
                    if let Some(scene) = scene {
                        to(scene, label);
                    }
                }
                past = ask.ways_on().join(", ");
            }
            Step::WaitForBeep(wait) => {
                if let Some(scene) = &wait.on_timeout {
                    to(scene, "no beep");
                }
                "beep".clone_into(&mut past);
            }
            Step::WaitForGreetingEnd(wait) => {
                if let Some(scene) = &wait.on_timeout {
                    to(scene, "greeting too long");
                }
                "greeting over".clone_into(&mut past);
            }
            Step::Branch { cases, otherwise } => {
                for case in cases {
                    to(&case.goto, &case.text);
                }
                match otherwise {
                    Some(scene) => to(scene, "else"),
                    None => "else".clone_into(&mut past),
                }
            }
            Step::External(external) => {
                for (scene, label) in external.ways_out() {
                    to(&scene, &label);
                }
            }
            Step::Goto(scene) => to(scene, &past),
            Step::Call(call) => {
                let called = match &call.called {
                    Called::Scene(scene) => scene_node(*scene),
                    Called::Flow(flow) => format!("{CALLED}{}", flow.name),
                };
                arrows.push(Arrow { dotted: true, ..Arrow::new(from, &called, "calls") });
            }
            Step::Return(word) => arrows.push(Arrow::new(from, BACK, word)),
            Step::Hangup { outcome } => {
                arrows.push(Arrow::new(from, &format!("{OUTCOME}{outcome}"), &past));
            }
            Step::Wait { .. } | Step::Checkpoint(_) | Step::Set(_) | Step::SendDigits(_) | Step::Show(_) => {}
        }
        if step.always_leaves() {
            return;
        }
    }
    arrows.push(Arrow::new(from, &format!("{OUTCOME}{COMPLETED}"), &past));
}

/// The beginning of what the step says.
fn first_words(flow: &Flow, step: &Step) -> Option<String> {
    step.prompts().first()?.parts.iter().find_map(|part| match part {
        PromptPart::Say { text, .. } => Some(flow.templates.source(text).to_owned()),
        PromptPart::File(_) | PromptPart::Checkpoint(_) | PromptPart::Protected(_) => None,
    })
}

/// Text inside a label: Mermaid ends one at a quote, and a browser would read tags.
fn quoted(text: &str) -> String {
    let mut shown: String = text.chars().take(MAX_LABEL).collect();
    if text.chars().nth(MAX_LABEL).is_some() {
        shown.push('…');
    }
    shown.replace('#', "#35;").replace('"', "#quot;").replace('<', "#lt;").replace('>', "#gt;")
}
