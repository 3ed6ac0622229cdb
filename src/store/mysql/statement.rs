//! Statements that any database understands, as MySQL wants them: placeholders without numbers, the word `key` in backticks, and
//! lists written out.

use mysql::Value as MyValue;

use crate::store::sql::Value;

/// What stands before the placeholder of a list.
pub const LIST: char = '#';

fn value(value: &Value<'_>) -> MyValue {
    match value {
        Value::Bool(truth) => MyValue::Int((*truth).into()),
        Value::Int(Some(int)) => MyValue::Int(*int),
        Value::Real(real) => MyValue::Double(*real),
        Value::Text(Some(text)) => MyValue::Bytes(text.as_bytes().to_vec()),
        Value::Int(None) | Value::Text(None) => MyValue::NULL,
    }
}

/// A statement with the values of its placeholders, in their order.
pub fn translated(statement: &str, values: &[Value<'_>]) -> (String, Vec<MyValue>) {
    let mut text = String::with_capacity(statement.len() + 16);
    let mut taken = Vec::new();
    let mut is_list = false;
    let mut rest = statement;
    while let Some(letter) = rest.chars().next() {
        let length = match letter {
            '\'' => rest[1..].find('\'').map_or(rest.len(), |end| end + 2),
            '?' => 1 + digits(&rest[1..]),
            letter if is_word(letter) => rest.find(|next| !is_word(next)).unwrap_or(rest.len()),
            letter => letter.len_utf8(),
        };
        let (part, more) = rest.split_at(length);
        rest = more;
        match (part, part.strip_prefix('?').and_then(|number| number.parse::<usize>().ok())) {
            (_, Some(number)) => {
                let value_of = values.get(number.wrapping_sub(1)).unwrap_or(&Value::Text(None));
                if is_list {
                    text.push_str(&list(value_of));
                } else {
                    text.push('?');
                    taken.push(value(value_of));
                }
            }
            ("key", None) => text.push_str("`key`"),
            ("#", None) => {}
            (part, None) => text.push_str(part),
        }
        is_list = part == "#";
    }
    (text, taken)
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

fn digits(text: &str) -> usize {
    text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len())
}

/// A list that came as one value, written out.
fn list(value: &Value<'_>) -> String {
    let Value::Text(Some(list)) = value else { return "(NULL)".into() };
    let texts: Vec<String> = serde_json::from_str(list).unwrap_or_default();
    if texts.is_empty() {
        return "(NULL)".into();
    }
    format!("({})", texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", "))
}

/// A text as it stands in a statement, whatever the server takes a backslash for.
pub fn quoted(text: &str) -> String {
    if text.contains(|letter: char| letter == '\\' || letter.is_control()) {
        let mut hex = String::from("_utf8mb4 x'");
        for byte in text.bytes() {
            hex.push_str(&format!("{byte:02x}"));
        }
        hex.push('\'');
        return hex;
    }
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sql::{as_list, values};

    #[test]
    fn a_statement_is_written_as_mysql_wants_it() {
        let list = as_list(["a", "it's", "b\\"].into_iter());
        let (text, taken) = translated(
            "SELECT v.key, tag_key FROM t WHERE a = ?2 AND key IN (#?1) AND c = '?1 key' AND d = ?2 AND e = ?3",
            values![&list, 7_i64, true],
        );
        assert_eq!(
            text,
            "SELECT v.`key`, tag_key FROM t WHERE a = ? AND `key` IN (('a', 'it''s', _utf8mb4 x'625c')) \
             AND c = '?1 key' AND d = ? AND e = ?"
        );
        assert_eq!(taken, [MyValue::Int(7), MyValue::Int(7), MyValue::Int(1)]);
        let (text, taken) = translated("x IN #?1 LIMIT ?2", values!["[]", None::<i64>]);
        assert_eq!((text.as_str(), taken.as_slice()), ("x IN (NULL) LIMIT ?", &[MyValue::NULL][..]));
        assert_eq!(translated("größe = 'a''key'", &[]).0, "größe = 'a''key'");
    }

    #[test]
    fn a_text_in_a_statement_is_nothing_but_a_text() {
        assert_eq!(quoted("it's"), "'it''s'");
        assert_eq!(quoted("\\' OR 1=1"), "_utf8mb4 x'5c27204f5220313d31'");
    }
}
