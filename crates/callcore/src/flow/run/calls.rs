//! Scenes and flows that are called, and coming back from them.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::Run;
use super::note::Note;
use super::state::{Frame, Outer};
use crate::flow::model::{COMPLETED, Called, Flow, Step, SubCall, Templates};

/// Deepest chain of calls within calls.
const MAX_CALLS: usize = 16;

impl Run {
    pub(super) fn begin_call(&mut self, call: &SubCall) {
        if self.frames.len() >= MAX_CALLS {
            return self.fail(&format!("calls within calls go deeper than {MAX_CALLS}"));
        }
        match &call.called {
            Called::Scene(scene) => {
                self.frames.push(Frame { at: self.at, outer: None });
                self.go(Some(*scene));
            }
            Called::Flow(flow) => {
                let variables = match self.arguments(call, flow) {
                    Ok(variables) => variables,
                    Err(message) => return self.fail(&message),
                };
                self.note(Note::Call { flow: flow.name.clone() });
                let context = Templates::context(&variables, &flow.language);
                let outer = Outer {
                    flow: std::mem::replace(&mut self.flow, Arc::clone(flow)),
                    variables: std::mem::replace(&mut self.knowledge.variables, variables),
                    context: std::mem::replace(&mut self.context, context),
                    visits: std::mem::take(&mut self.knowledge.visits),
                };
                self.frames.push(Frame { at: self.at, outer: Some(Box::new(outer)) });
                self.tell_templates();
                self.go(flow.start);
            }
        }
    }

    /// The called flow's variables: what the call gives, else their defaults.
    fn arguments(&self, call: &SubCall, flow: &Flow) -> Result<Map<String, Value>, String> {
        let mut variables = Map::new();
        for (name, variable) in &flow.variables {
            let given = call.with.iter().find(|argument| argument.variable == *name);
            let value = match given {
                Some(argument) => self.worked_out(&argument.value)?,
                None => variable.default.clone().unwrap_or_default(),
            };
            variables.insert(name.clone(), value);
        }
        Ok(variables)
    }

    /// Goes on behind the call; without one, the flow is over.
    pub(super) fn come_back(&mut self, word: &str) {
        let Some(frame) = self.frames.pop() else { return self.hang_up(COMPLETED.to_owned()) };
        word.clone_into(&mut self.knowledge.returned);
        self.at = frame.at;
        if let Some(outer) = frame.outer {
            let results = self.restore(*outer);
            let flow = Arc::clone(&self.flow);
            let scene = flow.scenes.get(self.at.scene.0);
            if let Some(Step::Call(call)) = scene.and_then(|scene| scene.steps.get(self.at.step)) {
                for (ours, theirs) in &call.into {
                    self.keep(ours, results.get(theirs).cloned().unwrap_or_default());
                }
            }
        }
        self.note(Note::Return { word: word.to_owned() });
        self.go(None);
    }

    /// Puts the calling flow back in its place; the called one's variables remain.
    fn restore(&mut self, outer: Outer) -> Map<String, Value> {
        self.flow = outer.flow;
        self.context = outer.context;
        // The detector may have told more meanwhile.
        self.tell_templates();
        self.knowledge.visits = outer.visits;
        std::mem::replace(&mut self.knowledge.variables, outer.variables)
    }

    /// Leaves all calls: the flow that was begun with goes on.
    pub(super) fn leave_calls(&mut self) {
        while let Some(frame) = self.frames.pop() {
            if let Some(outer) = frame.outer {
                self.restore(*outer);
            }
        }
    }

    /// The variables of the flow that was begun with.
    pub(super) fn own_variables(&self) -> &Map<String, Value> {
        let outermost = self.frames.iter().find_map(|frame| frame.outer.as_ref());
        outermost.map_or(&self.knowledge.variables, |outer| &outer.variables)
    }
}
