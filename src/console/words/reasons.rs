//! Reasons in the words of who reads them. The parts that give them speak English; the catalogues know their sentences, with
//! gaps for what is in them.

use super::{Language, filled};

/// How keys of reasons begin.
const REASON: &str = "reason_";
/// What stands between reasons that are told together, and within some of them.
const AND: &str = "; ";

impl Language {
    /// A reason, or several, in this language; what no catalogue knows stays as it is.
    pub(in crate::console) fn reason(self, text: &str) -> String {
        if self == Self::English {
            return text.to_owned();
        }
        let parts: Vec<&str> = text.split(AND).collect();
        let mut told = Vec::new();
        let mut at = 0;
        while at < parts.len() {
            let known =
                (at + 1..=parts.len()).find_map(|end| Some((end, self.one(&parts.get(at..end)?.join(AND))?)));
            let (end, one) =
                known.unwrap_or_else(|| (at + 1, parts.get(at).map_or("", |part| part).to_owned()));
            told.push(one);
            at = end;
        }
        told.join(AND)
    }

    fn one(self, text: &str) -> Option<String> {
        let english = &Self::English.catalogue().texts;
        let reasons = english.iter().filter(|(key, _)| key.starts_with(REASON));
        let fitting = reasons.filter_map(|(key, pattern)| Some((key, pattern, fits(pattern, text)?)));
        // The one that says most itself.
        let (key, _, gaps) = fitting.max_by_key(|(_, pattern, gaps)| {
            pattern.len() - gaps.iter().map(|(name, _)| name.len() + 2).sum::<usize>()
        })?;
        Some(filled(self.say(key), gaps.iter().copied()))
    }
}

/// What stands in the gaps of `pattern` in `text`, when it is that sentence.
fn fits<'t>(pattern: &'t str, text: &'t str) -> Option<Vec<(&'t str, &'t str)>> {
    let (before, mut behind) = pattern.split_once('{').map_or((pattern, None), |(a, b)| (a, Some(b)));
    let mut rest = text.strip_prefix(before)?;
    let mut gaps = Vec::new();
    while let Some((name, after)) = behind.and_then(|behind| behind.split_once('}')) {
        let (literal, next) = after.split_once('{').map_or((after, None), |(a, b)| (a, Some(b)));
        let end = match next {
            None => rest.strip_suffix(literal)?.len(),
            Some(_) => rest.find(literal)?,
        };
        let (value, left) = rest.split_at_checked(end)?;
        if value.is_empty() {
            return None;
        }
        gaps.push((name, value));
        rest = left.strip_prefix(literal)?;
        behind = next;
    }
    rest.is_empty().then_some(gaps)
}

#[cfg(test)]
mod tests {
    use callcore::campaign::{Problem, Rules, Settings, presets};
    use serde_json::json;

    use super::*;

    #[test]
    fn a_sentence_is_known_by_what_it_says_itself() {
        assert_eq!(
            fits("must be {least} to {most}", "must be 0.01 to 50"),
            Some(vec![("least", "0.01"), ("most", "50")])
        );
        assert_eq!(fits("is no number", "is no number"), Some(vec![]));
        assert_eq!(fits("is no number", "is no number of ID"), None);
        assert_eq!(fits("there is no flow `{name}`; {known}", "there is no flow ``; none"), None);
        let id = Language::Indonesian;
        assert_eq!(id.reason("is no number"), "bukan angka");
        assert_eq!(id.reason("must be 1 to 5"), "harus antara 1 dan 5");
        assert_eq!(id.reason("is odd; is no number; is odder"), "is odd; bukan angka; is odder");
        assert_eq!(
            id.reason("`a.wav` is encrypted; pack the zip without a password; the zip holds `b` twice; pack it again"),
            "`a.wav` terenkripsi; kemas zip tanpa kata sandi; zip berisi `b` dua kali; kemas lagi"
        );
        assert_eq!(Language::English.reason("is no number"), "is no number");
    }

    #[test]
    fn what_is_wrong_with_a_campaign_and_every_preset_is_told_in_every_language() {
        let wrong = json!({
            "flow": "", "lists": [], "description": "x".repeat(9_000), "never_call": ["abc", "0812"], "zone": "Mars",
            "starts": "soon", "closed_on": ["29.3."], "holidays_of": ["XX"], "abandon_limit": 120.0,
            "canary": { "flow": "", "percent": 0 }, "budget": { "minutes_in_all": 0 },
            "caps": { "per_day": 0, "in_all": 0 },
            "windows": [{ "days": [], "from": "8", "until": "25:00" }, { "days": ["mon"], "from": "20:00", "until": "08:00" }],
            "caller_ids": [{ "number": "x", "per_day": 0 }],
        });
        let settings = Settings::read(wrong.as_object().unwrap()).unwrap();
        let mut problems: Vec<String> = Rules::new(settings, None)
            .unwrap_err()
            .into_iter()
            .map(|Problem { problem, .. }| problem)
            .collect();
        assert!(problems.len() > 15, "{problems:?}");
        problems.extend(presets().into_iter().flat_map(|preset| [preset.title, preset.source, preset.note]));
        for language in Language::ALL.into_iter().filter(|language| *language != Language::English) {
            let mute: Vec<_> =
                problems.iter().filter(|problem| language.reason(problem) == **problem).collect();
            assert!(mute.is_empty(), "{language:?} lacks {mute:#?}");
        }
    }
}
