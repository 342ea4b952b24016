//! How fields are spelt.

/// How a request names its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// As they are documented, in camelCase or snake_case; a stranger among them is a fault.
    Exact,
    /// In any case of their letters, with underscores or without; strangers are told and left alone.
    AnyCase,
}

impl Names {
    /// What a name is looked up by.
    pub(super) fn key(self, name: &str) -> String {
        match self {
            Self::AnyCase => {
                name.chars().filter(|sign| *sign != '_').map(|sign| sign.to_ascii_lowercase()).collect()
            }
            Self::Exact => snake_case(name),
        }
    }
}

/// `callId` as `call_id`; other signs stay.
fn snake_case(name: &str) -> String {
    let mut spelt = String::with_capacity(name.len() + 4);
    let mut in_word = false;
    for sign in name.chars() {
        if sign.is_ascii_uppercase() && in_word {
            spelt.push('_');
        }
        in_word = sign.is_ascii_lowercase() || sign.is_ascii_digit();
        spelt.push(sign.to_ascii_lowercase());
    }
    spelt
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_are_one_field() {
        for (camel, snake) in [("callId", "call_id"), ("tMs", "t_ms"), ("filter.endTime", "filter.end_time")]
        {
            assert_eq!(Names::Exact.key(camel), snake);
            assert_eq!(Names::Exact.key(snake), snake);
        }
        for name in ["notifyUrl", "notifyURL", "notify_url", "NOTIFY_URL"] {
            assert_eq!(Names::AnyCase.key(name), "notifyurl");
        }
    }
}
