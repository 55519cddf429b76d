//! Tokens: what is taken for one is printed as it was typed, but for case and blanks.

use gossamer_proto::token::{Token, check_name};

use crate::disk::Counter;

/// The input: letters; the first also says which letter of a good token the others replace.
pub fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(token) = text.parse::<Token>() {
        let shown = token.to_string();
        assert_eq!(shown, text.trim().to_ascii_lowercase());
        assert_eq!(shown.parse(), Ok(token));
    }
    changed(text);
    if check_name(text).is_ok() {
        let token = Token::draw(text, &Counter::new(5)).unwrap();
        assert_eq!(token.to_string().parse(), Ok(token));
    }
}

/// A letter of a good token replaced by the input.
fn changed(text: &str) {
    let Some((at, with)) = text.split_at_checked(1) else { return };
    let token = Token::draw("lab", &Counter::new(1)).unwrap();
    let good = token.to_string();
    let at = usize::from(at.as_bytes()[0]) % good.len();
    let bad = format!("{}{with}{}", &good[..at], &good[at + 1..]);
    if let Ok(taken) = bad.parse::<Token>() {
        assert_eq!(taken, token, "{bad:?} passes for another token");
    }
}
