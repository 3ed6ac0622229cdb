//! Paths of artifacts in an address, and the address of a server as it is shown.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use url::Url;

/// Layers of percent form that are looked through; nobody means more.
const LAYERS: usize = 8;
/// What stands in a path segment only in percent form.
const SEGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'\\')
    .add(b'`')
    .add(b'{')
    .add(b'}');

/// Whether a part of the path is the folder above, in any way that a server or somebody on the way may read it.
pub fn leads_elsewhere(path: &str) -> bool {
    let mut path = Cow::Borrowed(path);
    for _ in 0..LAYERS {
        if path.split(['/', '\\']).any(|part| matches!(part, "." | "..")) {
            return true;
        }
        match percent_decode_str(&path).decode_utf8_lossy() {
            decoded if decoded == path => return false,
            decoded => path = Cow::Owned(decoded.into_owned()),
        }
    }
    true
}

/// A path with its segments escaped.
pub fn escape(path: &str) -> String {
    utf8_percent_encode(path, SEGMENT).to_string()
}

/// A server's address without credentials and without a slash at the end.
pub fn address(url: &Url) -> String {
    let mut url = url.clone();
    // A URL without a host cannot have credentials: nothing to take out then.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.as_str().trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leads_to_the_folder_above() {
        for path in
            ["a/../b", "..", "a/.", "a\\..\\b", "a/%2e%2E/b", "a%2f..%2fb", "a/%252e%252e/b", "a%5C..%5Cb"]
        {
            assert!(leads_elsewhere(path), "{path}");
        }
        assert!(leads_elsewhere(&format!("%{}2e.", "25".repeat(100_000))), "nobody means that");
        for path in ["a/b", "a..b/...", ".a/b.", "a%20b/100%", "model/data 1.bin", "%zz/\u{e9}"] {
            assert!(!leads_elsewhere(path), "{path}");
        }
        let escaped = escape("a\\b c%2f#?\u{e9}");
        assert_eq!(escaped, "a%5Cb%20c%252f%23%3F%C3%A9");
    }
}
