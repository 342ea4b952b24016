//! Shapes as SVG text. Colours are told apart by people who see red and green alike.

use std::fmt::Write;

/// The measures of a layout.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sheet {
    pub(super) width: f64,
    /// Where labels begin.
    pub(super) margin: f64,
    /// Where time 0 stands, and the latest time.
    pub(super) left: f64,
    pub(super) right: f64,
    /// Size of the headline.
    pub(super) headline: u32,
    pub(super) class: &'static str,
}

/// For a screen and for paper.
pub(super) const WIDE: Sheet =
    Sheet { width: 1200.0, margin: 30.0, left: 122.0, right: 1176.0, headline: 22, class: "wide" };
/// For a telephone held upright.
pub(super) const NARROW: Sheet =
    Sheet { width: 440.0, margin: 8.0, left: 82.0, right: 426.0, headline: 15, class: "narrow" };
/// Windows narrower than this get [`NARROW`], in pixels.
const NARROW_BELOW: u32 = 700;
/// Width that a character takes, as a share of its size, roughly.
const CHARACTER: f64 = 0.55;

pub(super) const PAPER: &str = "#ffffff";
pub(super) const INK: &str = "#1b1f24";
pub(super) const SOFT: &str = "#57606a";
pub(super) const FAINT: &str = "#d0d7de";
pub(super) const WAVE: &str = "#8c959f";
pub(super) const SPEECH: &str = "#2da44e";
pub(super) const TONE: &str = "#bf8700";
pub(super) const MACHINE: &str = "#b3261e";
pub(super) const HUMAN: &str = "#0a5cad";
pub(super) const WORDS: &str = "#6639ba";
pub(super) const TIMER: &str = "#57606a";

/// Each colour on a dark ground.
const DARK: [(&str, &str); 10] = [
    (PAPER, "#0d1117"),
    (INK, "#e6edf3"),
    (SOFT, "#9da7b3"),
    (FAINT, "#30363d"),
    (WAVE, "#7d8590"),
    (SPEECH, "#3fb950"),
    (TONE, "#d29922"),
    (MACHINE, "#ff7b72"),
    (HUMAN, "#79c0ff"),
    (WORDS, "#d2a8ff"),
];

/// One layout being drawn.
#[derive(Debug)]
pub(super) struct Canvas {
    pub(super) sheet: Sheet,
    body: String,
}

impl Canvas {
    pub(super) fn new(sheet: Sheet) -> Self {
        Self { sheet, body: String::with_capacity(64 * 1024) }
    }

    /// Writing into a string cannot fail.
    fn put(&mut self, shape: std::fmt::Arguments<'_>) {
        let _always = self.body.write_fmt(shape);
        self.body.push('\n');
    }

    pub(super) fn text(&mut self, x: f64, y: f64, size: u32, weight: &str, fill: &str, text: &str) {
        self.anchored(x, y, size, weight, fill, "start", text);
    }

    #[expect(clippy::too_many_arguments, reason = "the attributes of one element")]
    pub(super) fn anchored(
        &mut self,
        x: f64,
        y: f64,
        size: u32,
        weight: &str,
        fill: &str,
        anchor: &str,
        text: &str,
    ) {
        self.put(format_args!(
            r#"<text x="{x:.1}" y="{y:.1}" font-size="{size}" font-weight="{weight}" fill="{fill}" text-anchor="{anchor}">{}</text>"#,
            escape(text)
        ));
    }

    /// Text in as many lines as it takes, each `step` under the last; where the next thing may begin.
    pub(super) fn wrapped(&mut self, y: f64, size: u32, weight: &str, fill: &str, text: &str) -> f64 {
        let most = ((self.sheet.width - 2.0 * self.sheet.margin) / (f64::from(size) * CHARACTER)) as usize;
        let mut line = String::new();
        let mut y = y;
        for word in text.split(' ') {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > most {
                self.text(self.sheet.margin, y, size, weight, fill, &shortened(&line, most));
                line.clear();
                y += f64::from(size) * 1.3;
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        self.text(self.sheet.margin, y, size, weight, fill, &shortened(&line, most));
        y + f64::from(size) * 1.3
    }

    pub(super) fn rect(&mut self, [x, y, w, h]: [f64; 4], fill: &str, opacity: f64) {
        self.put(format_args!(
            r#"<rect x="{x:.1}" y="{y:.1}" width="{:.1}" height="{:.1}" fill="{fill}" fill-opacity="{opacity}"/>"#,
            w.max(0.5),
            h.max(0.5)
        ));
    }

    pub(super) fn line(&mut self, [x1, y1, x2, y2]: [f64; 4], stroke: &str, width: f64, dash: &str) {
        self.put(format_args!(
            r#"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" stroke="{stroke}" stroke-width="{width}" stroke-dasharray="{dash}"/>"#
        ));
    }

    /// A line through points; fewer than two draw nothing.
    pub(super) fn path(&mut self, points: &[(f64, f64)], stroke: &str, width: f64, dash: &str) {
        if points.len() < 2 {
            return;
        }
        let mut d = String::with_capacity(points.len() * 14);
        for (n, (x, y)) in points.iter().enumerate() {
            let _always = write!(d, "{}{x:.1} {y:.1}", if n == 0 { "M" } else { "L" });
        }
        self.put(format_args!(
            r#"<path d="{d}" fill="none" stroke="{stroke}" stroke-width="{width}" stroke-dasharray="{dash}" stroke-linejoin="round"/>"#
        ));
    }

    pub(super) fn dot(&mut self, x: f64, y: f64, fill: &str) {
        self.put(format_args!(
            r#"<circle cx="{x:.1}" cy="{y:.1}" r="5" fill="{fill}" stroke="{PAPER}" stroke-width="1.5"/>"#
        ));
    }

    /// The layout, `height` high, as a drawing of its own: what does not fit is cut off at its edges.
    pub(super) fn finish(self, height: f64) -> Layout {
        let Sheet { width, class, .. } = self.sheet;
        let text = format!(
            "<svg class=\"{class}\" width=\"100%\" height=\"100%\" viewBox=\"0 0 {width} {height:.0}\" \
             preserveAspectRatio=\"xMidYMin meet\" overflow=\"hidden\">\n{}</svg>\n",
            self.body
        );
        Layout { width, height, text }
    }
}

/// A layout that is drawn.
pub(super) struct Layout {
    width: f64,
    height: f64,
    text: String,
}

/// The document: `wide`, and `narrow` in a narrow window; dark where the reader's screen is.
pub(super) fn document(wide: &Layout, narrow: &Layout, title: &str) -> String {
    let dark: String = DARK
        .iter()
        .map(|(light, dark)| {
            format!("[fill=\"{light}\"]{{fill:{dark}}}[stroke=\"{light}\"]{{stroke:{dark}}}")
        })
        .collect();
    let size = |layout: &Layout| {
        let Layout { width, height, .. } = layout;
        format!("width:100%;max-width:{width}px;height:calc(min(100vw,{width}px)*{height:.0}/{width})")
    };
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"evidence\" width=\"{}\" height=\"{:.0}\" \
         font-family=\"Inter, 'Segoe UI', 'DejaVu Sans', 'Noto Sans', sans-serif\">\n<title>{title}</title>\n\
         <style>.narrow{{display:none}}.evidence{{{}}}@media (max-width:{NARROW_BELOW}px){{.wide{{display:none}}\
         .narrow{{display:inline}}.evidence{{{}}}}}@media (prefers-color-scheme:dark){{{dark}}}</style>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"{PAPER}\"/>\n{}{}</svg>\n",
        wide.width,
        wide.height,
        size(wide),
        size(narrow),
        wide.text,
        narrow.text
    )
}

/// `text`, or its beginning when it is longer than `most` characters.
pub(super) fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// Text safe inside an element: markup escaped, control characters that XML forbids dropped.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\u{FFFE}' | '\u{FFFF}' => {}
            _ if c.is_control() => safe.push(' '),
            _ => safe.push(c),
        }
    }
    safe
}
