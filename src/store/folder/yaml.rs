//! `meta.yaml` as MLflow writes it, read: the part of YAML 1.1 that PyYAML's block style makes, and its rules for what
//! a bare word is. What is beyond it (somebody's own hand) is left to a general reader.

use serde_json::{Map, Number, Value};

/// Names and values, in name order.
pub type Mapping = Map<String, Value>;

/// The mapping that a document is; why it is none, in words.
pub fn read(text: &str) -> Result<Mapping, String> {
    let mut lines = Lines { all: text.lines().collect(), at: 0 };
    if let Some(found) = lines.mapping(0)
        && lines.peek().is_none()
    {
        return Ok(found);
    }
    match serde_saphyr::from_str::<Value>(text) {
        Ok(Value::Object(found)) => Ok(found),
        Ok(Value::Null) => Err("it is empty".into()),
        Ok(_) => Err("it is no mapping".into()),
        Err(error) => {
            let words = error.to_string();
            Err(words.lines().next().unwrap_or("it is no YAML").to_owned())
        }
    }
}

/// A text; numbers are texts too, as in MLflow's first versions ids were numbers. Nothing where there is none.
pub fn text(map: &Mapping, key: &str) -> Option<String> {
    match map.get(key)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A whole number.
pub fn int(map: &Mapping, key: &str) -> Option<i64> {
    match map.get(key)? {
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().map(|value| value as i64)),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The lines of a document, from one on. Each method answers nothing where the text is beyond it.
struct Lines<'a> {
    all: Vec<&'a str>,
    at: usize,
}

/// What YAML takes for nothing at the ends of words. Other blanks are signs like any.
const BLANKS: [char; 2] = [' ', '\t'];

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

fn is_blank(line: &str) -> bool {
    let line = line.trim_start_matches(BLANKS);
    line.is_empty() || line.starts_with('#')
}

impl<'a> Lines<'a> {
    /// The next line with something on it.
    fn peek(&mut self) -> Option<&'a str> {
        while let Some(line) = self.all.get(self.at) {
            if !is_blank(line) && line.trim_end_matches(BLANKS) != "---" {
                return Some(line);
            }
            self.at += 1;
        }
        None
    }

    fn mapping(&mut self, indent: usize) -> Option<Mapping> {
        let mut found = Mapping::new();
        while let Some(line) = self.peek() {
            match indent_of(line) {
                own if own < indent => break,
                own if own > indent => return None,
                _ => {}
            }
            let line = &line[indent..];
            if line == "-" || line.starts_with("- ") {
                return None;
            }
            let (key, rest) = key_of(line)?;
            let value = self.value(rest, indent)?;
            found.insert(key, value);
        }
        (!found.is_empty()).then_some(found)
    }

    /// What stands behind the colon of a key at `indent`, and below it.
    fn value(&mut self, rest: &'a str, indent: usize) -> Option<Value> {
        let rest = rest.trim_start_matches(BLANKS);
        if is_blank(rest) {
            self.at += 1;
            return match self.peek() {
                Some(next)
                    if indent_of(next) > indent && !next.trim_start_matches(BLANKS).starts_with("- ") =>
                {
                    self.mapping(indent_of(next)).map(Value::Object)
                }
                Some(next)
                    if indent_of(next) >= indent && next.trim_start_matches(BLANKS).starts_with("- ") =>
                {
                    self.list(indent_of(next))
                }
                _ => Some(Value::Null),
            };
        }
        self.scalar(rest, indent)
    }

    fn list(&mut self, indent: usize) -> Option<Value> {
        let mut found = Vec::new();
        while let Some(line) = self.peek() {
            if indent_of(line) != indent || !line[indent..].starts_with("- ") {
                break;
            }
            let value = self.scalar(line[indent + 2..].trim_start_matches(BLANKS), indent)?;
            // A mapping in a list looks like a word with a colon.
            if value.as_str().is_some_and(|text| text.contains(": ") || text.ends_with(':')) {
                return None;
            }
            found.push(value);
        }
        Some(Value::Array(found))
    }

    fn scalar(&mut self, rest: &'a str, indent: usize) -> Option<Value> {
        match rest.as_bytes().first()? {
            b'\'' => self.quoted(&rest[1..], '\'').map(Value::String),
            b'"' => self.quoted(&rest[1..], '"').map(Value::String),
            b'[' | b'{' => {
                let value = match without_comment(rest) {
                    "[]" => Value::Array(Vec::new()),
                    "{}" => Value::Object(Mapping::new()),
                    _ => return None,
                };
                self.at += 1;
                Some(value)
            }
            b'|' | b'>' | b'&' | b'*' | b'!' | b'%' | b'@' | b'`' | b'?' => None,
            _ => {
                let mut text = without_comment(rest).to_owned();
                self.at += 1;
                let mut is_one_line = true;
                while let Some(next) = self.all.get(self.at) {
                    if next.trim_matches(BLANKS).is_empty() || indent_of(next) <= indent {
                        break;
                    }
                    text.push(' ');
                    text.push_str(without_comment(next.trim_start_matches(BLANKS)));
                    is_one_line = false;
                    self.at += 1;
                }
                Some(if is_one_line { resolved(&text) } else { Value::String(text) })
            }
        }
    }

    /// A text in quotes, up to their end, over as many lines as it takes: a break is a space, and blank lines are breaks.
    fn quoted(&mut self, first: &'a str, quote: char) -> Option<String> {
        let mut text = String::new();
        let mut line = first;
        loop {
            let mut kept = text.len();
            let mut is_joined = false;
            let mut rest = line.chars();
            while let Some(c) = rest.next() {
                if c == quote {
                    if quote == '\'' && rest.as_str().starts_with('\'') {
                        rest.next();
                        text.push('\'');
                        kept = text.len();
                        continue;
                    }
                    self.at += 1;
                    return is_blank(rest.as_str()).then_some(text);
                }
                if c == '\\' && quote == '"' {
                    if rest.as_str().is_empty() {
                        is_joined = true;
                        break;
                    }
                    text.push(escaped(&mut rest)?);
                    kept = text.len();
                    continue;
                }
                // Breaks that are none of lines: they stay, and what indents the rest is none of it.
                if c == '\u{2028}' || c == '\u{2029}' {
                    text.truncate(kept);
                    text.push(c);
                    kept = text.len();
                    rest = rest.as_str().trim_start_matches(BLANKS).chars();
                    continue;
                }
                text.push(c);
                if c != ' ' && c != '\t' {
                    kept = text.len();
                }
            }
            if !is_joined {
                text.truncate(kept);
            }
            let mut breaks = 0;
            line = loop {
                self.at += 1;
                let next = self.all.get(self.at)?.trim_start_matches(BLANKS);
                if !next.is_empty() {
                    break next;
                }
                breaks += 1;
            };
            match breaks {
                0 if is_joined => {}
                0 => text.push(' '),
                _ => text.extend(std::iter::repeat_n('\n', breaks)),
            }
        }
    }
}

/// A key and what stands behind its colon.
fn key_of(line: &str) -> Option<(String, &str)> {
    if let Some(quoted) = line.strip_prefix('\'') {
        let mut end = 0;
        loop {
            end += quoted[end..].find('\'')?;
            if !quoted[end + 1..].starts_with('\'') {
                break;
            }
            end += 2;
        }
        let rest = quoted[end + 1..].strip_prefix(':')?;
        let key = quoted[..end].replace("''", "'");
        return (rest.is_empty() || rest.starts_with(' ')).then_some((key, rest));
    }
    if line.starts_with(['"', '?', '[', '{', '&', '*', '!', '|', '>', '%', '@', '`', '#']) {
        return None;
    }
    if let Some((key, rest)) = line.split_once(": ") {
        return Some((key.trim_end_matches(BLANKS).to_owned(), rest));
    }
    let key = line.trim_end_matches(BLANKS).strip_suffix(':')?;
    Some((key.to_owned(), ""))
}

fn without_comment(text: &str) -> &str {
    text.find(" #").map_or(text, |at| &text[..at]).trim_end_matches(BLANKS)
}

/// What PyYAML takes a bare word for. It quotes texts that it would take for something else.
fn resolved(word: &str) -> Value {
    match word {
        "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => return Value::Bool(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
            return Value::Bool(false);
        }
        _ => {}
    }
    let digits = word.strip_prefix(['-', '+']).unwrap_or(word);
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_digits(digits) && (digits == "0" || !digits.starts_with('0')) {
        if let Ok(number) = word.parse::<i64>() {
            return Value::Number(number.into());
        }
    } else if let Some((whole, part)) = digits.split_once('.')
        && is_digits(whole)
        && part.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'e' | b'E' | b'+' | b'-'))
        && let Some(number) = word.parse().ok().and_then(Number::from_f64)
    {
        return Value::Number(number);
    }
    Value::String(word.to_owned())
}

/// The sign that an escape in double quotes stands for.
fn escaped(rest: &mut std::str::Chars<'_>) -> Option<char> {
    match rest.next()? {
        '0' => Some('\0'),
        'a' => Some('\x07'),
        'b' => Some('\x08'),
        't' | '\t' => Some('\t'),
        'n' => Some('\n'),
        'v' => Some('\x0b'),
        'f' => Some('\x0c'),
        'r' => Some('\r'),
        'e' => Some('\x1b'),
        sign @ (' ' | '"' | '\\' | '/') => Some(sign),
        'N' => Some('\u{85}'),
        '_' => Some('\u{a0}'),
        'L' => Some('\u{2028}'),
        'P' => Some('\u{2029}'),
        'x' => hexadecimal(rest, 2),
        'u' => hexadecimal(rest, 4),
        'U' => hexadecimal(rest, 8),
        _ => None,
    }
}

fn hexadecimal(rest: &mut std::str::Chars<'_>, count: usize) -> Option<char> {
    let digits = rest.as_str().get(..count)?;
    let sign = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32)?;
    *rest = rest.as_str()[count..].chars();
    Some(sign)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn own(text: &str) -> Option<Value> {
        let mut lines = Lines { all: text.lines().collect(), at: 0 };
        let found = lines.mapping(0)?;
        lines.peek().is_none().then_some(Value::Object(found))
    }

    #[test]
    fn what_pyyaml_writes_is_read_as_it_reads_it() {
        let text = "artifact_uri: file:///tmp/m/1/a\nend_time: null\nentry_point_name: ''\nexperiment_id: '0'\n\
                    run_name: 1e5\nuser_id: 12e4567\nstatus: 3\nsource_version: '2024-01-01'\nrate: 0.5\ntags: []\n\
                    name: 'wine: x #1'\nother: a#b  # a comment\nplain: a long\n  text goes on\n\
                    two: 'it''s\n\n  two lines'\nempty: {}\nyes: yes\n";
        let found = own(text).unwrap();
        assert_eq!(
            found,
            json!({
                "artifact_uri": "file:///tmp/m/1/a", "end_time": null, "entry_point_name": "", "experiment_id": "0",
                "run_name": "1e5", "user_id": "12e4567", "status": 3, "source_version": "2024-01-01", "rate": 0.5,
                "tags": [], "name": "wine: x #1", "other": "a#b", "plain": "a long text goes on",
                "two": "it's\ntwo lines", "empty": {}, "yes": true
            })
        );
        let nested = "aliases:\n- champion\n- old\ntags:\n  mlflow.data.context: training\n  'a: b': \"x\\e[31m\\\n    \\ y\\u00e9\"\nlast: 1\n";
        let expected = json!({
            "aliases": ["champion", "old"], "last": 1,
            "tags": { "mlflow.data.context": "training", "a: b": "x\u{1b}[31m yé" }
        });
        assert_eq!(own(nested).unwrap(), expected);
        // No-break spaces are signs like any, and breaks that are none of lines stay.
        let odd = "a: '\u{a0}x\u{a0}'\nb: \u{a0}null\u{a0}\nc: 'x\u{2028}  y'\n";
        assert_eq!(
            own(odd).unwrap(),
            json!({ "a": "\u{a0}x\u{a0}", "b": "\u{a0}null\u{a0}", "c": "x\u{2028}y" })
        );
        let folded = "schema: '{\"type\":\n  \"string\"}'\nname: x\n";
        assert_eq!(own(folded).unwrap(), json!({ "schema": "{\"type\": \"string\"}", "name": "x" }));
    }

    #[test]
    fn what_somebody_wrote_by_hand_is_read_too_and_what_is_no_yaml_is_said_to_be_none() {
        let by_hand = "---\n{name: wine, experiment_id: 7}\n";
        assert_eq!(own(by_hand), None);
        let found = read(by_hand).unwrap();
        assert_eq!((text(&found, "name"), int(&found, "experiment_id")), (Some("wine".into()), Some(7)));
        let block = read("description: |\n  one\n  two\n").unwrap();
        assert_eq!(text(&block, "description").as_deref(), Some("one\ntwo\n"));
        for bad in ["", "   \n", "artifact_uri: file:///tmp\nexperiment_i", "- a\n- b\n", "a: 'x", "\0\0\0"] {
            assert!(read(bad).is_err(), "{bad:?}: {:?}", read(bad));
        }
        // Whoever reads while it is written sees its beginning: that is a mapping, if not a whole one.
        assert_eq!(text(&read("name: x\nrun_id: 12ab").unwrap(), "run_id").as_deref(), Some("12ab"));
    }
}
