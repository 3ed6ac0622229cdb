//! A condition more or less in a filter as it is written: the rest of the text stays as it is.

use super::{Expression, ParseError};

/// Whether all of the conditions must hold for what passes the filter, in any spelling.
pub fn has_condition(filter: &Expression, condition: &Expression) -> bool {
    condition.all.iter().all(|part| filter.all.contains(part))
}

/// The filter with a condition that must hold too.
///
/// # Errors
/// Where the filter or the condition cannot be read.
pub fn with_condition(text: &str, condition: &str) -> Result<String, ParseError> {
    let (mut wanted, more) = (Expression::parse(text)?, Expression::parse(condition)?);
    if wanted.is_empty() {
        return Ok(condition.to_owned());
    }
    if has_condition(&wanted, &more) {
        return Ok(text.to_owned());
    }
    wanted.all.extend(more.all);
    let joined = format!("{text} AND {condition}");
    // An OR reaches further than an AND.
    let is_it = Expression::parse(&joined).is_ok_and(|filter| filter == wanted);
    Ok(if is_it { joined } else { format!("({text}) AND {condition}") })
}

/// The filter without a condition that it has; none where it is woven into the text in a way that is not understood.
///
/// # Errors
/// Where the filter or the condition cannot be read.
pub fn without_condition(text: &str, condition: &str) -> Result<Option<String>, ParseError> {
    let (mut wanted, less) = (Expression::parse(text)?, Expression::parse(condition)?);
    wanted.all.retain(|part| !less.all.contains(part));
    if wanted.is_empty() {
        return Ok(Some(String::new()));
    }
    let pieces = pieces(text);
    let is_condition = |piece: &&str| Expression::parse(piece).is_ok_and(|read| read == less);
    let rest: Vec<&str> = pieces.into_iter().filter(|piece| !is_condition(piece)).collect();
    let rest = rest.join(" AND ");
    let outer = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    let candidates = [outer.map(str::trim), Some(rest.as_str())];
    let is_rest = |text: &&str| Expression::parse(text).is_ok_and(|filter| filter == wanted);
    Ok(candidates.into_iter().flatten().find(is_rest).map(str::to_owned))
}

/// What stands between the words `AND`, wherever they are: whether it is a condition is seen when it is read.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut from = 0;
    for (at, _) in text.char_indices() {
        let is_word = text.get(at..at + 5).is_some_and(|word| word.eq_ignore_ascii_case(" AND "));
        if is_word && at >= from {
            pieces.push(text[from..at].trim());
            from = at + 5;
        }
    }
    pieces.push(text[from..].trim());
    pieces
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_condition_comes_and_goes() {
        let all = "status = failed";
        let texts = [
            "",
            "metrics.rmse < 1",
            "metrics.rmse < 1 AND params.family = 'x AND y'",
            "age < 1d OR user = me",
            "(age < 1d OR user = me) AND metrics.a > 1",
            "params.`a AND b` = tree",
        ];
        for text in texts {
            let with = with_condition(text, all).unwrap();
            let filter = Expression::parse(&with).unwrap();
            assert!(has_condition(&filter, &Expression::parse(all).unwrap()), "{with}");
            assert_eq!(without_condition(&with, all).unwrap().as_deref(), Some(text), "{with}");
            assert_eq!(with_condition(&with, all).unwrap(), with, "it is there already");
        }
        let other = without_condition("status = 'FAILED' and metrics.a > 1", all).unwrap();
        assert_eq!(other.as_deref(), Some("metrics.a > 1"), "in another spelling");
        assert!(with_condition("metrics.a <", all).is_err());
    }

    proptest! {
        #[test]
        fn what_is_added_can_be_taken_away(
            parts in prop::collection::vec("(metrics\\.[ab] < [0-9]|user = me|age < [1-9]d|params\\.x = '[ a-cAND]{0,8}')", 0..5),
            words in prop::collection::vec(prop::sample::select(vec![" AND ", " OR ", " and "]), 5),
        ) {
            let mut text = String::new();
            for (part, word) in parts.iter().zip(&words) {
                if !text.is_empty() {
                    text.push_str(word);
                }
                text.push_str(part);
            }
            let before = Expression::parse(&text).unwrap();
            let condition = "status = running";
            let with = with_condition(&text, condition).unwrap();
            let mut wanted = before.clone();
            wanted.all.extend(Expression::parse(condition).unwrap().all);
            prop_assert_eq!(Expression::parse(&with).unwrap(), wanted);
            let without = without_condition(&with, condition).unwrap().unwrap();
            prop_assert_eq!(Expression::parse(&without).unwrap(), before);
        }
    }
}
