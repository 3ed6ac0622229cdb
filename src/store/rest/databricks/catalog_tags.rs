//! Tags as Unity Catalog takes them: their names have no punctuation, their values are short, and there are few of them.
//!
//! This program's own tags are written in other letters there, and read back as they are everywhere else.

use crate::mlflow::Tag;
use crate::store::{ErrorKind, Inner};

/// Letters that no name of a tag has.
const REFUSED: [char; 6] = ['.', ',', '-', '=', '/', ':'];
/// Characters of a value, at most.
const LONGEST: usize = 1_000;
/// How names of this program's tags begin: here, and there.
const OURS: &str = "mltui.";
const OURS_THERE: &str = "mltui__";
/// What stands for a letter, behind an underscore.
const LETTERS: [(char, char); 4] = [('.', '_'), ('-', 'm'), ('_', 'u'), ('/', 's')];

/// The name of a tag on its way there.
pub fn key_there(key: &str) -> Inner<String> {
    if key.starts_with(OURS) {
        let mut there = String::with_capacity(key.len() + 8);
        for letter in key.chars() {
            match LETTERS.iter().find(|(here, _)| *here == letter) {
                Some((_, code)) => there.extend(['_', *code]),
                None => there.push(letter),
            }
        }
        return Ok(there);
    }
    if key.contains(REFUSED) {
        let other = key.replace(REFUSED, "_");
        return Err(ErrorKind::Invalid(format!(
            "Unity Catalog allows none of . , - = / : in the name of a tag; {other:?} would do"
        )));
    }
    Ok(key.to_owned())
}

/// The name of a tag that came from there.
pub fn key_here(there: &str) -> String {
    if !there.starts_with(OURS_THERE) {
        return there.to_owned();
    }
    let mut key = String::with_capacity(there.len());
    let mut letters = there.chars();
    while let Some(letter) = letters.next() {
        if letter != '_' {
            key.push(letter);
            continue;
        }
        let code = letters.next();
        match LETTERS.iter().find(|(_, known)| Some(*known) == code) {
            Some((here, _)) => key.push(*here),
            // Somebody else's.
            None => return there.to_owned(),
        }
    }
    key
}

/// A tag on its way there.
pub fn there(tag: &Tag) -> Inner<Tag> {
    let length = tag.value.chars().count();
    if length > LONGEST {
        return Err(ErrorKind::Invalid(format!(
            "the value of tag {:?} has {length} characters; Unity Catalog allows at most {LONGEST}",
            tag.key
        )));
    }
    Ok(Tag { key: key_there(&tag.key)?, value: tag.value.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_tags_come_back_as_they_were() {
        for key in [
            "mltui.mark",
            "mltui.promotion.1732000000000-0a1b2c3d",
            "mltui.promotion-undone.1-2",
            "mltui.a_b/c",
        ] {
            let there = key_there(key).unwrap();
            assert!(!there.contains(REFUSED) && there.starts_with(OURS_THERE), "{there}");
            assert_eq!(key_here(&there), key);
        }
        for key in ["team", "a_b", "mltui_x", "mltui__x_zy", "mltui__"] {
            assert_eq!(key_here(key), if key == "mltui__" { "mltui." } else { key });
        }
    }

    #[test]
    fn what_is_not_taken_says_what_would_be() {
        let refused = there(&Tag::new("eval.score", "1")).unwrap_err().to_string();
        assert!(refused.contains("\"eval_score\" would do"), "{refused}");
        let refused = there(&Tag::new("note", "x".repeat(1_001))).unwrap_err().to_string();
        assert!(refused.contains("at most 1000"), "{refused}");
        assert_eq!(there(&Tag::new("team red", "a.b")).unwrap(), Tag::new("team red", "a.b"));
    }
}
