//! Lines of at most 80 columns, which every terminal has.

/// Columns of a line.
pub(crate) const COLUMNS: usize = 80;

/// The text, cut to so many columns; what is cut shows as `…`.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    if text.chars().count() <= columns {
        return text.to_owned();
    }
    let kept: String = text.chars().take(columns.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// The words in lines of at most [`COLUMNS`], each behind so many blanks. A longer word stands alone.
pub(crate) fn wrap(text: &str, indent: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= COLUMNS => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(" ".repeat(indent) + word),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nothing is wider than it may be but a single word, and no word is lost.
    #[test]
    fn wraps() {
        let long = "x".repeat(COLUMNS);
        let text = format!("{} {long} {}", "one two three ".repeat(9), "ä ".repeat(70));
        let lines = wrap(&text, 4);
        assert!(lines.iter().all(|line| line.chars().count() <= COLUMNS || line.trim() == long), "{lines:?}");
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(&lines.join(" ")), words(&text));
        assert_eq!((cut("äöü", 3), cut("äöüx", 3)), ("äöü".to_owned(), "äö…".to_owned()));
    }
}
