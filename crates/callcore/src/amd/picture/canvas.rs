//! Shapes as SVG text. Colours are told apart by people who see red and green alike.

use std::fmt::Write;

/// Width of a picture.
pub(super) const WIDTH: f64 = 1200.0;
/// Where time 0 stands, and the latest time.
pub(super) const LEFT: f64 = 122.0;
pub(super) const RIGHT: f64 = 1176.0;

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

/// An SVG document being drawn.
#[derive(Debug)]
pub(super) struct Canvas {
    body: String,
}

impl Canvas {
    pub(super) fn new() -> Self {
        Self { body: String::with_capacity(64 * 1024) }
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
            r#"<circle cx="{x:.1}" cy="{y:.1}" r="5" fill="{fill}" stroke="white" stroke-width="1.5"/>"#
        ));
    }

    /// The document, `height` high, with its title.
    pub(super) fn finish(self, height: f64, title: &str) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" width=\"{WIDTH}\" \
             height=\"{height:.0}\" font-family=\"Inter, 'Segoe UI', 'DejaVu Sans', 'Noto Sans', sans-serif\">\n\
             <title>{title}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n{}\
             <text x=\"{RIGHT}\" y=\"34\" font-size=\"13\" fill=\"{SOFT}\" text-anchor=\"end\">{title}</text>\n</svg>\n",
            self.body
        )
    }
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
