//! A flow as a picture in SVG that needs no other program: scenes in columns, the call's way from left to right.

mod layout;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use self::layout::{Layout, Route, lay_out};
use super::graph::{Drawing, Node, NodeKind, drawing};
use crate::flow::model::Flow;

/// Width of a box, in pixels.
const WIDTH: f32 = 190.0;

/// Height of one line of text.
const LINE: f32 = 15.0;

/// Characters of small text in one line of a box, and most lines.
const WORDS_PER_LINE: usize = 29;
const MOST_LINES: usize = 2;

/// Longest label of a way, in characters; the whole of it shows when the mouse rests on it.
const MOST_LABEL: usize = 30;

/// Width of one character of a label.
const LABEL_CHAR: f32 = 6.1;

/// Height between two ways out of one box.
const PORT: f32 = 17.0;
const MARGIN: f32 = 24.0;
const HEADING: f32 = 34.0;
const STYLE: &str = "\
text{font-family:system-ui,sans-serif;font-size:13px;fill:#1d2733}\
.small{font-size:11px;fill:#5a6775}.label{font-size:11px;fill:#334a66;paint-order:stroke;stroke:#fff;stroke-width:3px}\
.name{font-weight:600}.scene{fill:#f3f7fc;stroke:#7d9ec4}.call{fill:#1f5fa8;stroke:#1f5fa8}.call+text{fill:#fff}\
.outcome{fill:#eef7ee;stroke:#74ac76}.way{fill:none;stroke:#7a8796;stroke-width:1.4}.back{stroke:#b07a3c}\
.dotted{stroke-dasharray:4 3}";

/// The flow as an SVG picture.
#[must_use]
pub fn svg(flow: &Flow) -> String {
    let Drawing { nodes, arrows } = drawing(flow);
    let places: BTreeMap<&str, usize> = nodes.iter().enumerate().map(|(at, n)| (n.id.as_str(), at)).collect();
    // Ways between the same two boxes become one with both labels.
    let mut ways: Vec<Way> = Vec::new();
    for arrow in &arrows {
        let (Some(&from), Some(&to)) = (places.get(arrow.from.as_str()), places.get(arrow.to.as_str()))
        else {
            continue;
        };
        let known = ways.iter_mut().find(|way| (way.from, way.to, way.dotted) == (from, to, arrow.dotted));
        match known {
            Some(way) => way.labels.push(&arrow.label),
            None => ways.push(Way { from, to, labels: vec![&arrow.label], dotted: arrow.dotted }),
        }
    }
    let boxes: Vec<Lines> = nodes.iter().map(Lines::of).collect();
    let heights: Vec<f32> = (0..nodes.len())
        .map(|at| {
            let leaving = ways.iter().filter(|way| way.from == at).count();
            boxes[at].height().max(leaving as f32 * PORT + 6.0)
        })
        .collect();
    let ends: Vec<(usize, usize)> = ways.iter().map(|way| (way.from, way.to)).collect();
    let layout = lay_out(&heights, &ends);
    let picture = Picture { left: lefts(&layout, &ways), layout, ways: &ways };
    picture.draw(flow.name(), &nodes, &boxes)
}

struct Way<'d> {
    from: usize,
    to: usize,
    labels: Vec<&'d str>,
    dotted: bool,
}

impl Way<'_> {
    fn label(&self) -> String {
        let said: Vec<&str> = self.labels.iter().copied().filter(|label| !label.is_empty()).collect();
        said.join(", ")
    }
}

/// The text of a box.
struct Lines {
    name: String,
    small: Vec<String>,
}

impl Lines {
    fn of(node: &Node) -> Self {
        let mut small: Vec<String> = Vec::new();
        for word in node.words.split_whitespace() {
            match small.last_mut() {
                Some(line) if line.chars().count() + word.chars().count() < WORDS_PER_LINE => {
                    line.push(' ');
                    line.push_str(word);
                }
                _ => small.push(shortened(word, WORDS_PER_LINE)),
            }
        }
        if small.len() > MOST_LINES {
            small.truncate(MOST_LINES);
            if let Some(last) = small.last_mut() {
                last.push('…');
            }
        }
        Self { name: shortened(&node.name, WORDS_PER_LINE - 6), small }
    }

    fn height(&self) -> f32 {
        16.0 + LINE * (1 + self.small.len()) as f32
    }
}

/// Where each column begins: as far from the one before as its labels need.
fn lefts(layout: &Layout, ways: &[Way<'_>]) -> Vec<f32> {
    let mut left = vec![MARGIN; layout.columns.max(1)];
    for column in 1..left.len() {
        let labels = ways.iter().zip(&layout.routes).filter_map(|(way, route)| {
            let begins = if route.back { way.to } else { way.from };
            (layout.spots[begins].column + 1 == column).then(|| way.label().chars().count().min(MOST_LABEL))
        });
        let room = labels.max().unwrap_or_default() as f32 * LABEL_CHAR;
        left[column] = left[column - 1] + WIDTH + room.max(20.0) + 44.0;
    }
    left
}

struct Picture<'w> {
    layout: Layout,
    /// Left edge of each column.
    left: Vec<f32>,
    ways: &'w [Way<'w>],
}

impl Picture<'_> {
    fn draw(&self, name: &str, nodes: &[Node], boxes: &[Lines]) -> String {
        let width = self.left.last().copied().unwrap_or(MARGIN) + WIDTH + MARGIN + 30.0;
        let height = self.layout.height + 2.0 * MARGIN + HEADING;
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
             viewBox=\"0 0 {width:.0} {height:.0}\">\n<title>{name}</title>\n<style>{STYLE}</style>\n\
             <defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" \
             markerHeight=\"7\" orient=\"auto-start-reverse\"><path d=\"M0 0L8 4L0 8z\" fill=\"#7a8796\"/>\
             </marker></defs>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
             <text class=\"name\" x=\"{MARGIN}\" y=\"30\" style=\"font-size:17px\">{name}</text>\n",
            name = escaped(name)
        );
        let ports = self.ports();
        let mut labels = String::new();
        for (at, way) in self.ways.iter().enumerate() {
            self.way(&mut out, &mut labels, way, &self.layout.routes[at], ports[at]);
        }
        for (at, node) in nodes.iter().enumerate() {
            self.node(&mut out, at, node, &boxes[at]);
        }
        out.push_str(&labels);
        out.push_str("</svg>\n");
        out
    }

    /// The height at which each way touches the right side of the box it is drawn from: sorted by where it
    /// goes, so that ways out of one box do not cross.
    fn ports(&self) -> Vec<f32> {
        let mut ports = vec![0.0; self.ways.len()];
        for (at, spot) in self.layout.spots.iter().enumerate() {
            let mut leaving: Vec<(f32, usize)> = (0..self.ways.len())
                .filter(|way| self.drawn_from(*way) == at)
                .map(|way| (self.first_height(way), way))
                .collect();
            leaving.sort_by(|a, b| a.0.total_cmp(&b.0));
            let first = spot.top + spot.height / 2.0 - PORT * (leaving.len().saturating_sub(1)) as f32 / 2.0;
            for (nth, (_, way)) in leaving.into_iter().enumerate() {
                ports[way] = first + PORT * nth as f32;
            }
        }
        ports
    }

    fn drawn_from(&self, way: usize) -> usize {
        if self.layout.routes[way].back { self.ways[way].to } else { self.ways[way].from }
    }

    fn drawn_to(&self, way: usize) -> usize {
        if self.layout.routes[way].back { self.ways[way].from } else { self.ways[way].to }
    }

    /// Where a way goes first.
    fn first_height(&self, way: usize) -> f32 {
        match self.layout.routes[way].through.first() {
            Some((_, height)) => *height,
            None => self.middle(self.drawn_to(way)),
        }
    }

    fn middle(&self, at: usize) -> f32 {
        let spot = self.layout.spots[at];
        spot.top + spot.height / 2.0
    }

    fn way(&self, out: &mut String, labels: &mut String, way: &Way<'_>, route: &Route, port: f32) {
        let (from, to) = if route.back { (way.to, way.from) } else { (way.from, way.to) };
        let down = MARGIN + HEADING;
        let (begin_x, begin_y) = (self.left[self.layout.spots[from].column] + WIDTH, port + down);
        let mut path = format!("M{begin_x:.0} {begin_y:.1}");
        let label = way.label();
        // Straight below the label, so that the two do not cross.
        let straight = begin_x + 12.0 + label.chars().count().min(MOST_LABEL) as f32 * LABEL_CHAR;
        let (mut x, mut y) = (begin_x, begin_y);
        if from == to {
            let _ = write!(path, "c34 0 34 {PORT} 0 {PORT}");
        } else {
            if !label.is_empty() {
                let _ = write!(path, "H{straight:.0}");
                x = straight;
            }
            let mut bends: Vec<(f32, f32)> = Vec::with_capacity(2 * route.through.len() + 1);
            for (column, height) in &route.through {
                let left = self.left[*column];
                bends.extend([(left, height + down), (left + WIDTH, height + down)]);
            }
            bends.push((self.left[self.layout.spots[to].column], self.middle(to) + down));
            for (to_x, to_y) in bends {
                let half = x + (to_x - x) / 2.0;
                let _ = write!(path, "C{half:.0} {y:.1} {half:.0} {to_y:.1} {to_x:.0} {to_y:.1}");
                (x, y) = (to_x, to_y);
            }
        }
        let tip = if route.back && from != to { "marker-start" } else { "marker-end" };
        let back = if route.back { " back" } else { "" };
        let dotted = if way.dotted { " dotted" } else { "" };
        let _ = writeln!(out, "<path class=\"way{back}{dotted}\" d=\"{path}\" {tip}=\"url(#tip)\"/>");
        if !label.is_empty() {
            let arrow = if route.back && from != to { "← " } else { "" };
            let shown = escaped(&shortened(&label, MOST_LABEL));
            let _ = writeln!(
                labels,
                "<text class=\"label\" x=\"{:.0}\" y=\"{:.1}\">{arrow}{shown}<title>{}</title></text>",
                begin_x + 10.0,
                begin_y - 3.0,
                escaped(&label)
            );
        }
    }

    fn node(&self, out: &mut String, at: usize, node: &Node, lines: &Lines) {
        let spot = self.layout.spots[at];
        let (x, y) = (self.left[spot.column], spot.top + MARGIN + HEADING);
        let (class, round) = match node.kind {
            NodeKind::Call => ("call", 18.0),
            NodeKind::Scene => ("scene", 5.0),
            NodeKind::Flow => ("scene", 0.0),
            NodeKind::Outcome => ("outcome", 18.0),
        };
        let _ = writeln!(
            out,
            "<rect class=\"{class}\" x=\"{x:.0}\" y=\"{y:.1}\" width=\"{WIDTH}\" height=\"{:.1}\" rx=\"{round}\"/>",
            spot.height
        );
        let middle = x + WIDTH / 2.0;
        let mut line = y + (spot.height - lines.height()) / 2.0 + 20.0;
        let _ = writeln!(
            out,
            "<text class=\"name\" x=\"{middle:.0}\" y=\"{line:.1}\" text-anchor=\"middle\">{}</text>",
            escaped(&lines.name)
        );
        for small in &lines.small {
            line += LINE;
            let _ = writeln!(
                out,
                "<text class=\"small\" x=\"{middle:.0}\" y=\"{line:.1}\" text-anchor=\"middle\">{}</text>",
                escaped(small)
            );
        }
    }
}

fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut shown: String = text.chars().take(most - 1).collect();
    shown.push('…');
    shown
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::parse::parse;

    #[test]
    fn the_picture_shows_every_scene_and_outcome_once_and_escapes_what_they_say() {
        let text = "flow: a\nstart: one\nscenes:\n  one:\n    - say: \"<b>Tom & Jerry</b>\"\n    - goto: two\n  two:\n    - ask: { say: Again?, choices: { \"1\": one, \"2\": two }, no_input: one, no_match: one }\n    - hangup: done\n";
        let flow = parse("a.yaml", text).flow.unwrap();
        let picture = svg(&flow);
        for name in ["one", "two"] {
            assert_eq!(picture.matches(&format!("middle\">{name}</text>")).count(), 1, "{picture}");
        }
        assert!(picture.contains("&lt;b&gt;Tom &amp; Jerry"), "{picture}");
        assert!(picture.contains("class=\"way back\""), "{picture}");
        assert!(!picture.contains("NaN"), "{picture}");
    }
}
