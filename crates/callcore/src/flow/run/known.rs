//! What can be made ready before the call: prompts whose text is settled, and those that take one of a few values.

use serde_json::Value;

use super::Run;
use super::io::{Command, Input, Part};
use crate::clock::CallTime;
use crate::flow::model::{
    Assignment, Choice, Fact, Flow, Outcome, PromptPart, Setting, Slot, Step, Templates, Text,
};

/// One text is made in so many forms at most, and all together have so many.
const MOST_FORMS: usize = 6;
const MOST_GUESSES: usize = 60;

impl Run {
    /// Every text and file that the call will or may need and that can be told now, so that it can be made ready:
    /// first those that are settled, in the order of the file, then the forms that texts take by what the flow may set.
    #[must_use]
    pub fn known_prompts(&self) -> Vec<Part> {
        let mut known: Vec<Part> = Vec::new();
        let mut unsettled = Vec::new();
        for part in self.flow.prompts().flat_map(|prompt| &prompt.parts) {
            let settled = match part {
                PromptPart::Say { text, .. } => {
                    text.variables().all(|name| !self.flow.assigned.contains(name))
                }
                PromptPart::File(_) => true,
                PromptPart::Checkpoint(_) | PromptPart::Protected(_) => continue,
            };
            if !settled {
                unsettled.push(part);
            } else if let Ok(Some(part)) = self.filled_in(part) {
                add(&mut known, part);
            }
        }
        // Of called flows, what needs nothing from the call.
        let called = self.root.called_flows();
        for part in called.iter().flat_map(|flow| flow.prompts()).flat_map(|prompt| &prompt.parts) {
            let settled = match part {
                PromptPart::Say { text: Text::Literal(_), .. } | PromptPart::File(_) => self.filled_in(part),
                PromptPart::Say { .. } | PromptPart::Checkpoint(_) | PromptPart::Protected(_) => Ok(None),
            };
            if let Ok(Some(part)) = settled {
                add(&mut known, part);
            }
        }
        let most = known.len() + MOST_GUESSES;
        for part in unsettled.into_iter().flat_map(|part| self.forms(part)) {
            if known.len() < most {
                add(&mut known, part);
            }
        }
        known
    }

    /// What a person who answers hears first: its texts and files. Empty where something else must happen before, so that it
    /// cannot be told.
    #[must_use]
    pub fn first_prompt(&self) -> Vec<Part> {
        let mut answered = self.clone();
        answered.handle(Input::Answered, CallTime::ZERO);
        answered.handle(Input::Outcome(Outcome::Human), CallTime::ZERO);
        let parts = std::iter::from_fn(|| answered.poll_command()).find_map(|command| match command {
            Command::Play { parts, .. } => Some(parts),
            _ => None,
        });
        let is_made = |part: &Part| matches!(part, Part::Say { .. } | Part::File(_));
        parts.unwrap_or_default().into_iter().filter(is_made).collect()
    }

    /// The forms that a text takes by the values that its variables may have when it is said.
    fn forms(&self, part: &PromptPart) -> Vec<Part> {
        let PromptPart::Say { text, language, voice } = part else { return Vec::new() };
        // What is only known in the call: what was heard, said, pressed.
        if text.variables().any(|name| Fact::named(name).is_some()) {
            return Vec::new();
        }
        let mut contexts = vec![Templates::in_language(&self.context, language)];
        for name in text.variables().filter(|name| self.flow.assigned.contains(*name)) {
            let values = self.values(name);
            contexts = contexts
                .iter()
                .flat_map(|context| {
                    values.iter().map(|value| {
                        let mut context = context.clone();
                        context.insert(name.clone(), value);
                        context
                    })
                })
                .take(MOST_FORMS)
                .collect();
        }
        let texts = contexts.iter().filter_map(|context| self.flow.templates.render(text, context).ok());
        let said = |text| Part::Say { text, language: language.clone(), voice: voice.clone() };
        texts.filter(|text| !text.is_empty()).map(said).collect()
    }

    /// The values that a variable may have: its present one, and those that steps give it and that can be told now.
    fn values(&self, name: &str) -> Vec<Value> {
        let mut values: Vec<Value> = self.knowledge.variables.get(name).cloned().into_iter().collect();
        let mut add = |value: Value| {
            if !values.contains(&value) {
                values.push(value);
            }
        };
        for assignment in assignments(&self.flow).filter(|assignment| assignment.variable == name) {
            match &assignment.value {
                Setting::Literal(value) => add(value.clone()),
                Setting::Text(text) if text.variables().all(|name| !self.flow.assigned.contains(name)) => {
                    if let Ok(text) = self.text(text, None) {
                        add(Value::from(text));
                    }
                }
                Setting::Text(_) | Setting::Expr(_) => {}
            }
        }
        for ask in
            steps(&self.flow).filter_map(|step| if let Step::Ask(ask) = step { Some(ask) } else { None })
        {
            if ask.into.as_deref() == Some(name) {
                for choice in &ask.choices {
                    add(Value::from(choice.value.as_deref().unwrap_or(choice.label())));
                }
            }
            if matches!(&ask.slot, Some(Slot::YesNo { into: Some(into), .. }) if into == name) {
                add(Value::from(true));
                add(Value::from(false));
            }
        }
        values
    }
}

fn add(known: &mut Vec<Part>, part: Part) {
    if !known.contains(&part) {
        known.push(part);
    }
}

fn steps(flow: &Flow) -> impl Iterator<Item = &Step> {
    flow.scenes.iter().flat_map(|scene| &scene.steps)
}

/// Everything that sets a variable to what can be told from the flow.
fn assignments(flow: &Flow) -> impl Iterator<Item = &Assignment> {
    steps(flow).flat_map(|step| {
        let set: &[Assignment] = if let Step::Set(assignments) = step { assignments } else { &[] };
        let choices: &[Choice] = if let Step::Ask(ask) = step { &ask.choices } else { &[] };
        set.iter().chain(choices.iter().flat_map(|choice| &choice.set))
    })
}
