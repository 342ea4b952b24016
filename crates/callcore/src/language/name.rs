//! Names that people give to things: what must not stand in one.

/// Why a text is no name: it has a sign in it that nobody sees, or that turns the order of others around, so that it reads as another
/// name does.
#[must_use]
pub fn hidden_sign(text: &str) -> Option<&'static str> {
    // Embeddings, overrides and isolates of UAX 9; marks, which scripts from right to left need, are none of them.
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}');
    // Joiners are none of them: scripts and pictures are written with them.
    let unseen = |c: char| {
        matches!(c, '\u{ad}' | '\u{34f}' | '\u{180e}' | '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{3164}')
    };
    if text.chars().any(breaks) {
        return Some("has a line break or another control character in it; take it out");
    }
    if text.chars().any(unseen) {
        return Some("has a sign in it that nobody sees, so that it looks like another name; type it anew");
    }
    text.chars().any(turns).then_some(
        "has a hidden sign in it that turns the direction of writing around; take it out, or type the name anew",
    )
}

/// Why a text is no name of a thing: besides, a template was not filled in.
#[must_use]
pub fn unfit_name(text: &str) -> Option<&'static str> {
    let gap = text.find("{{").is_some_and(|at| text[at..].contains("}}"));
    hidden_sign(text).or_else(|| {
        gap.then_some("still has `{{…}}` in it, which a template should have filled; write the name")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_that_nobody_sees_are_in_no_name() {
        for good in ["May reminders", "دعوة العملاء", "Rini\u{200f}", "👩\u{200d}🔧", "a {{ b", "}}{{"]
        {
            assert_eq!(unfit_name(good), None, "{good:?}");
        }
        for (bad, why) in [
            ("a\u{202e}b", "direction"),
            ("\u{2066}x", "direction"),
            ("a\nb", "line break"),
            ("a\u{0}", "control"),
            ("a\u{2028}b", "line break"),
            ("\u{feff}a", "control"),
            ("Bo\u{200b}ss", "nobody sees"),
            ("Bo\u{2060}ss", "nobody sees"),
            ("Bo\u{ad}ss", "nobody sees"),
            ("{{campaign}}", "template"),
        ] {
            assert!(unfit_name(bad).is_some_and(|told| told.contains(why)), "{bad:?}");
        }
        assert_eq!(hidden_sign("{{first_name}}"), None);
    }
}
