//! YAML text → checked flow, with everything found wrong with it.

use crate::flow::lint;
use crate::flow::model::{Flow, NamedFile};
use crate::flow::read::{Diagnostic, FlowLibrary, Reader, Severity, Source, Span, narrow, read};

/// A flow file as read: the flow if it can be used, and everything found wrong with it.
#[derive(Debug)]
pub struct Parsed {
    /// `None` when any of the findings is an error.
    pub flow: Option<Flow>,
    /// What could be read in spite of errors: for looking at, so that one mistake hides no other.
    pub draft: Option<Flow>,
    pub diagnostics: Vec<Diagnostic>,
    source: Source,
}

impl Parsed {
    /// Asks `judge` about every audio file the flow plays and reports what it finds; with an error the flow
    /// cannot be used. `judge` gives a severity, what is wrong and what to do.
    pub fn check_audio(&mut self, judge: impl FnMut(&NamedFile) -> Option<(Severity, String, String)>) {
        self.check_files(Flow::audio_files, judge);
    }

    /// The same of every picture the flow shows.
    pub fn check_pictures(&mut self, judge: impl FnMut(&NamedFile) -> Option<(Severity, String, String)>) {
        self.check_files(Flow::picture_files, judge);
    }

    fn check_files(
        &mut self,
        of: impl FnOnce(&Flow) -> &[NamedFile],
        mut judge: impl FnMut(&NamedFile) -> Option<(Severity, String, String)>,
    ) {
        let Some(flow) = self.flow.as_ref().or(self.draft.as_ref()) else { return };
        let found: Vec<_> =
            of(flow).iter().filter_map(|file| judge(file).map(|found| (file.clone(), found))).collect();
        for (file, (severity, message, hint)) in found {
            let width = narrow(file.path.chars().count());
            let span = Span { line: file.line, column: file.column, width, ..Span::default() };
            self.diagnostics.push(self.source.diagnostic(severity, span, message, Some(hint)));
            if severity == Severity::Error {
                self.draft = self.flow.take().or(self.draft.take());
            }
        }
    }
}

/// Reads a flow that calls no others. `file` is the name that findings quote; nothing is opened.
#[must_use]
pub fn parse(file: &str, text: &str) -> Parsed {
    parse_with(file, text, &|_| None)
}

/// Reads a flow and those it calls. `find` gives the text of a flow file that lies beside this one, by its
/// name without the ending.
#[must_use]
pub fn parse_with(file: &str, text: &str, find: &dyn Fn(&str) -> Option<String>) -> Parsed {
    let library = FlowLibrary::new(file, find);
    let find_flow = |name: &str| library.take(name);
    let source = Source::new(file, text);
    let mut reader = Reader::new(&source, Vec::new());
    reader.find_flow = Some(&find_flow);
    let read = read(&mut reader);
    if let Some((root, flow)) = &read {
        lint::check(&mut reader, root, flow);
    }
    let read = read.map(|(_, flow)| flow);
    let (flow, draft) = if reader.has_errors() { (None, read) } else { (read, None) };
    let mut diagnostics = reader.found;
    diagnostics.sort_by_key(|finding| (finding.line, finding.column));
    Parsed { flow, draft, diagnostics, source }
}
