//! Counting words in any script.

/// Words of `text`: what white space separates, and in scripts written without it (Chinese, Japanese, Thai,
/// Lao, Khmer, Burmese) one word per two characters.
pub(crate) fn count(text: &str) -> u32 {
    text.split_whitespace()
        .map(|word| {
            let unspaced = word.chars().filter(|c| is_unspaced(*c)).count() as u32;
            if unspaced == 0 {
                u32::from(word.chars().any(char::is_alphanumeric))
            } else {
                unspaced.div_ceil(2)
            }
        })
        .sum()
}

/// Whether `c` belongs to a script that puts no space between words.
const fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{0E00}'..='\u{0EFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}'
        | '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_counted_in_every_script() {
        assert_eq!(count(""), 0);
        assert_eq!(count("  hello,  who is this? "), 4);
        assert_eq!(count("- ..."), 0);
        assert_eq!(count("ただいま電話に出ることができません"), 9);
        assert_eq!(count("请在哔声后留言"), 4);
        assert_eq!(count("กรุณาฝากข้อความ"), 8);
    }
}
