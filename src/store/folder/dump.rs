//! `meta.yaml` as MLflow writes it, written: PyYAML's block style, its choice of quotes and its width, sign by sign.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::lines::float;
use super::yaml::Mapping;

/// Behind this column PyYAML breaks at the next space.
const WIDTH: usize = 80;

/// What PyYAML would read as something else than a text.
static AMBIGUOUS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let word = [
        "yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF",
        r"[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?",
        r"\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?",
        r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*",
        r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        r"[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+",
        r"[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+",
        r"<<|=|~|null|Null|NULL",
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}",
        r"[0-9]{4}-[0-9][0-9]?-[0-9][0-9]?(?:[Tt]|[ \t]+)[0-9][0-9]?:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9][0-9]?(?::[0-9]{2})?))?",
    ];
    Regex::new(&format!("^(?:{})$", word.join("|"))).ok()
});

/// A mapping as a document.
pub fn document(map: &Mapping) -> String {
    let mut out = Out::default();
    out.mapping(map, 0);
    out.text
}

/// How a text may be written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    Single,
    Double,
}

fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_space_or_break(c: char) -> bool {
    is_break(c) || matches!(c, '\0' | ' ' | '\t' | '\r')
}

fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..='\u{10fffe}')
}

/// PyYAML's `analyze_scalar` and `choose_scalar_style`, for block style.
fn style_of(text: &str, is_key: bool) -> Style {
    let signs: Vec<char> = text.chars().collect();
    let (Some(first), Some(last)) = (signs.first(), signs.last()) else { return Style::Single };
    let mut has_indicator = text.starts_with("---") || text.starts_with("...");
    let (mut has_break, mut has_special) = (false, false);
    let (mut break_space, mut space_break) = (false, false);
    for (at, c) in signs.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| signs[at]);
        let ends = signs.get(at + 1).is_none_or(|next| is_space_or_break(*next));
        has_indicator |= match before {
            None => "#,[]{}&*!|>'\"%@`".contains(*c) || (matches!(c, '?' | ':' | '-') && ends),
            Some(before) => (*c == ':' && ends) || (*c == '#' && is_space_or_break(before)),
        };
        has_break |= is_break(*c);
        // Breaks of other kinds could stand as they are, and few would read them as breaks.
        has_special |= !is_printable(*c) || (is_break(*c) && *c != '\n');
        break_space |= *c == ' ' && before.is_some_and(is_break);
        space_break |= is_break(*c) && before == Some(' ');
    }
    let is_padded = [first, last].into_iter().any(|c| *c == ' ' || is_break(*c));
    let is_double = break_space || space_break || has_special || (is_key && has_break);
    let is_ambiguous = AMBIGUOUS.as_ref().is_none_or(|words| words.is_match(text));
    match () {
        () if is_double => Style::Double,
        () if is_padded || has_break || has_indicator || is_ambiguous => Style::Single,
        () => Style::Plain,
    }
}

/// A document that is being written.
#[derive(Default)]
struct Out {
    text: String,
    column: usize,
}

impl Out {
    fn put(&mut self, text: &str) {
        self.text.push_str(text);
        self.column += text.chars().count();
    }

    fn put_all(&mut self, signs: &[char]) {
        self.text.extend(signs);
        self.column += signs.len();
    }

    fn line(&mut self) {
        self.text.push('\n');
        self.column = 0;
    }

    /// A new line within a text.
    fn indent(&mut self, indent: usize) {
        if self.column > indent {
            self.line();
        }
        self.put(&" ".repeat(indent - self.column));
    }

    fn mapping(&mut self, map: &Mapping, indent: usize) {
        for (key, value) in map {
            self.put(&" ".repeat(indent));
            self.string(key, indent + 2, true);
            self.put(":");
            match value {
                Value::Object(inner) if !inner.is_empty() => {
                    self.line();
                    self.mapping(inner, indent + 2);
                }
                Value::Array(items) if !items.is_empty() => {
                    self.line();
                    for item in items {
                        self.put(&" ".repeat(indent));
                        self.put("- ");
                        self.value(item, indent + 2);
                        self.line();
                    }
                }
                value => {
                    self.put(" ");
                    self.value(value, indent + 2);
                    self.line();
                }
            }
        }
    }

    fn value(&mut self, value: &Value, indent: usize) {
        match value {
            Value::String(text) => self.string(text, indent, false),
            Value::Number(number) => match number.as_f64() {
                Some(value) if number.is_f64() => self.put(&float(value)),
                _ => self.put(&number.to_string()),
            },
            // The same in flow style, as JSON is.
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => self.put(&value.to_string()),
        }
    }

    fn string(&mut self, text: &str, indent: usize, is_key: bool) {
        let signs: Vec<char> = text.chars().collect();
        match style_of(text, is_key) {
            Style::Plain => self.plain(&signs, indent, !is_key),
            Style::Single => self.single(&signs, indent, !is_key),
            Style::Double => self.double(&signs, indent, !is_key),
        }
    }

    fn plain(&mut self, text: &[char], indent: usize, splits: bool) {
        let mut start = 0;
        while start < text.len() {
            let is_space = text[start] == ' ';
            let length = text[start..].iter().take_while(|c| (**c == ' ') == is_space).count();
            if is_space && length == 1 && splits && self.column > WIDTH {
                self.indent(indent);
            } else {
                self.put_all(&text[start..start + length]);
            }
            start += length;
        }
    }

    fn single(&mut self, text: &[char], indent: usize, splits: bool) {
        self.put("'");
        let mut start = 0;
        while start < text.len() {
            let c = text[start];
            let length =
                |is_it: &dyn Fn(char) -> bool| text[start..].iter().take_while(|c| is_it(**c)).count();
            start += if c == ' ' {
                let length = length(&|c| c == ' ');
                let is_inside = start != 0 && start + length < text.len();
                if length == 1 && splits && is_inside && self.column > WIDTH {
                    self.indent(indent);
                } else {
                    self.put_all(&text[start..start + length]);
                }
                length
            } else if is_break(c) {
                let length = length(&is_break);
                if c == '\n' {
                    self.line();
                }
                for c in &text[start..start + length] {
                    self.text.push(*c);
                    self.column = 0;
                }
                self.put(&" ".repeat(indent));
                length
            } else if c == '\'' {
                self.put("''");
                1
            } else {
                let length = length(&|c| c != ' ' && c != '\'' && !is_break(c));
                self.put_all(&text[start..start + length]);
                length
            };
        }
        self.put("'");
    }

    fn double(&mut self, text: &[char], indent: usize, splits: bool) {
        self.put("\"");
        let (mut start, mut end) = (0, 0);
        while end <= text.len() {
            let c = text.get(end).copied();
            let is_as_it_is = |c: char| {
                !matches!(c, '"' | '\\' | '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}')
                    && matches!(c, ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
            };
            if c.is_none_or(|c| !is_as_it_is(c)) {
                if start < end {
                    self.put_all(&text[start..end]);
                    start = end;
                }
                if let Some(c) = c {
                    self.put(&escape(c));
                    start = end + 1;
                }
            }
            let is_inside = 0 < end && end + 1 < text.len();
            if splits && is_inside && (c == Some(' ') || start >= end) && self.column + end > WIDTH + start {
                if start < end {
                    self.put_all(&text[start..end]);
                    start = end;
                }
                self.put("\\");
                self.indent(indent);
                if text.get(start) == Some(&' ') {
                    self.put("\\");
                }
            }
            end += 1;
        }
        self.put("\"");
    }
}

fn escape(c: char) -> String {
    let short = match c {
        '\0' => '0',
        '\x07' => 'a',
        '\x08' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\x0b' => 'v',
        '\x0c' => 'f',
        '\r' => 'r',
        '\x1b' => 'e',
        '"' => '"',
        '\\' => '\\',
        '\u{85}' => 'N',
        '\u{a0}' => '_',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        _ => {
            let code = u32::from(c);
            return match code {
                0..=0xff => format!("\\x{code:02X}"),
                0x100..=0xffff => format!("\\u{code:04X}"),
                _ => format!("\\U{code:08X}"),
            };
        }
    };
    format!("\\{short}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::yaml;
    use super::*;

    fn written(value: &Value) -> String {
        document(value.as_object().unwrap())
    }

    #[test]
    fn it_is_written_as_pyyaml_writes_it() {
        let run = json!({
            "artifact_uri": "file:///tmp/m/25/84/artifacts", "end_time": null, "entry_point_name": "",
            "experiment_id": "25", "run_name": "true", "source_type": 4, "tags": [], "user_id": "1e5"
        });
        assert_eq!(
            written(&run),
            "artifact_uri: file:///tmp/m/25/84/artifacts\nend_time: null\nentry_point_name: ''\nexperiment_id: '25'\n\
             run_name: 'true'\nsource_type: 4\ntags: []\nuser_id: 1e5\n"
        );
        let model = json!({
            "aliases": { "champion": "1" }, "description": "it's\ntwo lines", "list": ["champion"], "name": "wine: x #1",
            "schema": "{\"mlflow_colspec\": [{\"type\": \"long\", \"name\": \"a\", \"required\": true}, {\"type\": \"string\", \"name\": \"b\"}]}"
        });
        assert_eq!(
            written(&model),
            "aliases:\n  champion: '1'\ndescription: 'it''s\n\n  two lines'\nlist:\n- champion\nname: 'wine: x #1'\n\
             schema: '{\"mlflow_colspec\": [{\"type\": \"long\", \"name\": \"a\", \"required\": true}, {\"type\":\n  \
             \"string\", \"name\": \"b\"}]}'\n"
        );
        assert_eq!(written(&json!({ "a": "x\u{1b}[31m" })), "a: \"x\\e[31m\"\n");
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_again(
            text in "([ a-z0-9:'\"#\\n\\t\u{1b}é🦀\u{85}\u{2028}\\\\,{}-]|null|2024-01-01|  ){0,60}",
            key in "[a-z: #'.0-9]{1,12}",
        ) {
            let map = json!({ key: text, "inner": { "x": text } });
            let map = map.as_object().unwrap();
            let document = document(map);
            prop_assert_eq!(&yaml::read(&document).unwrap(), map, "{}", document);
        }
    }
}
