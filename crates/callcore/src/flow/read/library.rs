//! The flows beside a flow: found by name, read once, and never in a cycle.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::flow;
use super::reader::Reader;
use crate::flow::model::Flow;
use crate::yaml::Source;

/// Most flows that one flow may call, and their calls, all together.
const MAX_FLOWS: usize = 32;

/// Deepest chain of flows that call each other.
const MAX_DEPTH: usize = 8;

/// Where the flows lie that a flow calls.
pub(crate) struct FlowLibrary<'l> {
    /// The text of the flow file of that name, without its ending.
    find: &'l dyn Fn(&str) -> Option<String>,
    read: RefCell<BTreeMap<String, Arc<Flow>>>,
    /// The flows being read now, outermost first.
    open: RefCell<Vec<String>>,
    /// The cycle that the flow being read leads into, to be reported at every call on the way there.
    cycle: RefCell<Option<Refusal>>,
}

/// Why a flow cannot be called: a message and what to do.
pub(crate) type Refusal = (String, String);

impl<'l> FlowLibrary<'l> {
    /// `file` is the flow that is read first.
    pub(crate) fn new(file: &str, find: &'l dyn Fn(&str) -> Option<String>) -> Self {
        let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
        let stem = name.split('.').next().unwrap_or(name).to_owned();
        Self { find, read: RefCell::default(), open: RefCell::new(vec![stem]), cycle: RefCell::default() }
    }

    /// The flow of that name, checked.
    pub(crate) fn take(&self, name: &str) -> Result<Arc<Flow>, Refusal> {
        if let Some(flow) = self.read.borrow().get(name) {
            return Ok(Arc::clone(flow));
        }
        let open = self.open.borrow().clone();
        if let Some(at) = open.iter().position(|flow| flow == name) {
            let chain: Vec<String> =
                open.iter().skip(at).map(|flow| format!("`{flow}`")).chain([format!("`{name}`")]).collect();
            let hint = "a called flow must come back: leave one of the calls out";
            let message = format!("the flows go round in a circle: {}", chain.join(" calls "));
            return Err(self.in_cycle((message, hint.to_owned())));
        }
        if open.len() > MAX_DEPTH || self.read.borrow().len() >= MAX_FLOWS {
            let message = format!("more than {MAX_FLOWS} flows, or a chain of more than {MAX_DEPTH}");
            return Err((message, "put what they share into one flow".to_owned()));
        }
        let Some(text) = (self.find)(name) else {
            let hint = "flows are called by their file's name, without `.yaml`; it lies beside this one";
            return Err((format!("there is no flow file `{name}.yaml`"), hint.to_owned()));
        };
        let earlier = self.cycle.take();
        self.open.borrow_mut().push(name.to_owned());
        let source = Source::new(&format!("{name}.yaml"), &text);
        let find = |name: &str| self.take(name);
        let mut reader = Reader::new(&source, Vec::new());
        reader.find_flow = Some(&find);
        let flow = flow::read(&mut reader).map(|(_, flow)| flow).filter(|_| !reader.has_errors());
        self.open.borrow_mut().pop();
        let cycle = self.cycle.replace(earlier);
        let Some(flow) = flow else {
            if let Some(refusal) = cycle {
                return Err(self.in_cycle(refusal));
            }
            let hint = format!("`dering flow check {name}.yaml` shows them");
            return Err((format!("the flow `{name}` has errors"), hint));
        };
        if flow.start.is_none() {
            let hint = format!("add `start:` to `{name}.yaml`: the scene where the call of it begins");
            return Err((format!("the flow `{name}` has no `start`"), hint));
        }
        let flow = Arc::new(flow);
        self.read.borrow_mut().insert(name.to_owned(), Arc::clone(&flow));
        Ok(flow)
    }

    /// Remembers the cycle for those who called into it.
    fn in_cycle(&self, refusal: Refusal) -> Refusal {
        self.cycle.replace(Some(refusal.clone()));
        refusal
    }
}
