//! Passwords and tokens that this process knows, and texts without them: a server that echoes what it was sent must not
//! bring them onto a screen or into a log.

use std::borrow::Cow;
use std::sync::{PoisonError, RwLock};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// Shorter ones stand in any text by chance.
const SHORTEST: usize = 4;
const HIDDEN: &str = "***";

/// The forms of all secrets, the longest first, so that none leaves the rest of another.
static KNOWN: RwLock<Vec<String>> = RwLock::new(Vec::new());

/// Takes note of a secret, and of the forms that it travels in.
pub fn note(secret: &str) {
    if secret.len() < SHORTEST {
        return;
    }
    let escaped = format!("{secret:?}");
    let forms = [
        secret.to_owned(),
        escaped[1..escaped.len() - 1].to_owned(),
        utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string(),
        url::form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
        STANDARD.encode(secret),
        STANDARD.encode(secret).trim_end_matches('=').to_owned(),
        URL_SAFE_NO_PAD.encode(secret),
    ];
    // A panic elsewhere leaves a whole list behind.
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    for form in forms {
        if !known.contains(&form) {
            known.push(form);
        }
    }
    known.sort_by_key(|form| std::cmp::Reverse(form.len()));
}

/// The text with every known secret hidden.
pub fn hide(text: &str) -> Cow<'_, str> {
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    let mut hidden = Cow::Borrowed(text);
    for form in known.iter() {
        if hidden.contains(form.as_str()) {
            hidden = Cow::Owned(hidden.replace(form.as_str(), HIDDEN));
        }
    }
    hidden
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_hidden_in_every_form_it_travels_in() {
        note("pä/ss wörd\"1");
        note("ana:pä/ss wörd\"1");
        for text in [
            "is pä/ss wörd\"1 wrong?".to_owned(),
            format!("{:?}", "pä/ss wörd\"1"),
            "p%C3%A4%2Fss%20w%C3%B6rd%221".to_owned(),
            "p%C3%A4%2Fss+w%C3%B6rd%221".to_owned(),
            format!("Authorization: Basic {}", STANDARD.encode("ana:pä/ss wörd\"1")),
            STANDARD.encode("pä/ss wörd\"1"),
        ] {
            let shown = hide(&text);
            assert!(shown.contains(HIDDEN), "{text}: {shown}");
            assert!(
                !shown.contains("ss w") && !shown.contains("ss%20") && !shown.contains("YW5h"),
                "{shown}"
            );
        }
        note("abc");
        assert_eq!(hide("abc is too short to be looked for"), "abc is too short to be looked for");
    }
}
