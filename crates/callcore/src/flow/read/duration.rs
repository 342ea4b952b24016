//! Durations as authors write them: `800ms`, `5s`, `2m`, `1.5s`.

/// Longest duration a flow may name, in milliseconds: one hour.
const MAX_MS: u64 = 3_600_000;

/// Milliseconds of `text`, such as `800ms`, `5s` or `2m`.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub fn parse(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let (number, unit) = (number.trim(), unit.trim());
    let unit_ms = match unit {
        "ms" => 1.0,
        "s" => 1_000.0,
        "m" => 60_000.0,
        "" if number.parse::<f64>().is_ok_and(|n| n >= 100.0) => {
            return Err(format!("`{text}` has no unit: write `{number}ms`"));
        }
        "" if number.parse::<f64>().is_ok() => {
            return Err(format!("`{text}` has no unit: write `{number}s` or `{number}ms`"));
        }
        _ => return Err(format!("`{text}` is not a duration: write it like `5s`, `800ms` or `2m`")),
    };
    let plain = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit() || c == '.');
    match number.parse::<f64>() {
        Ok(n) if plain && n * unit_ms <= MAX_MS as f64 => Ok((n * unit_ms).round() as u64),
        Ok(_) if plain => Err(format!("`{text}` is longer than an hour")),
        Ok(_) | Err(_) => Err(format!("`{text}` is not a duration: write it like `5s`, `800ms` or `2m`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read_and_required() {
        assert_eq!(parse("5s"), Ok(5_000));
        assert_eq!(parse("800ms"), Ok(800));
        assert_eq!(parse("1.5 s"), Ok(1_500));
        assert_eq!(parse("2m"), Ok(120_000));
        assert_eq!(parse("5"), Err("`5` has no unit: write `5s` or `5ms`".to_owned()));
        for bad in ["-5s", "s", "5 hours", "", "1e3s", "5sec", "2000m", "nan s", "1.2.3s"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
