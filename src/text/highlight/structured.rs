//! JSON and YAML.

use super::{Kind, Parts, number, quoted, word};

pub(super) fn json(parts: &mut Parts<'_>) {
    while let Some(c) = parts.rest().chars().next() {
        let rest = parts.rest();
        if c == '"' || c == '\'' {
            let length = quoted(rest, c);
            let is_key = rest[length..].trim_start().starts_with(':');
            parts.take(length, if is_key { Kind::Key } else { Kind::String });
        } else if c.is_ascii_digit()
            || (c == '-' && rest[1..].starts_with(|next: char| next.is_ascii_digit()))
        {
            parts.take(number(rest), Kind::Number);
        } else if c.is_alphabetic() {
            let length = word(rest);
            parts.take(length, scalar(&rest[..length]));
        } else {
            parts.take(c.len_utf8(), Kind::Plain);
        }
    }
}

/// What a word is that stands for itself.
fn scalar(words: &str) -> Kind {
    match words {
        "true" | "false" | "null" | "True" | "False" | "None" | "yes" | "no" | "on" | "off" | "~" | "NaN"
        | "Infinity" => Kind::Word,
        _ if words.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'))
            && words.parse::<f64>().is_ok() =>
        {
            Kind::Number
        }
        _ => Kind::String,
    }
}

/// `block` is the indentation of the key whose text goes on below it.
pub(super) fn yaml(parts: &mut Parts<'_>, block: &mut Option<usize>) {
    let line = parts.line;
    let indent = line.len() - line.trim_start().len();
    if let Some(above) = *block {
        if line.trim().is_empty() || indent > above {
            return parts.take_rest(Kind::String);
        }
        *block = None;
    }
    parts.take(indent, Kind::Plain);
    if matches!(line.trim_end(), "---" | "...") {
        return parts.take_rest(Kind::Comment);
    }
    while parts.rest().starts_with("- ") {
        let behind = parts.rest()[1..].trim_start();
        parts.take(parts.rest().len() - behind.len(), Kind::Plain);
    }
    let rest = parts.rest();
    if rest.starts_with('#') {
        return parts.take_rest(Kind::Comment);
    }
    let from =
        if rest.starts_with(['"', '\'']) { quoted(rest, rest.chars().next().unwrap_or('"')) } else { 0 };
    let is_flow = rest.starts_with(['{', '[']);
    let ends_key = |at: &usize| rest[at + 1..].is_empty() || rest[at + 1..].starts_with(' ');
    let colon = rest[from..].match_indices(':').map(|(at, _)| at + from).find(ends_key);
    // What is quoted is a key only if the colon stands behind it.
    if let Some(at) = colon.filter(|at| !is_flow && (from == 0 || *at == from)) {
        // A comment may hold a colon as well.
        if !rest[..at].contains(" #") {
            parts.take(at, Kind::Key);
            parts.take(1, Kind::Plain);
        }
    }
    let value = parts.rest();
    parts.take(value.len() - value.trim_start().len(), Kind::Plain);
    yaml_value(parts);
    if value.trim_start().starts_with(['|', '>']) {
        *block = Some(indent);
    }
}

fn yaml_value(parts: &mut Parts<'_>) {
    let rest = parts.rest();
    let Some(first) = rest.chars().next() else { return };
    if first == '#' {
        return parts.take_rest(Kind::Comment);
    }
    if matches!(first, '{' | '[') {
        return json(parts);
    }
    let end =
        if matches!(first, '"' | '\'') { quoted(rest, first) } else { rest.find(" #").unwrap_or(rest.len()) };
    let kind = match first {
        '|' | '>' | '&' | '*' | '!' => Kind::Word,
        '"' | '\'' => Kind::String,
        _ => scalar(rest[..end].trim_end()),
    };
    parts.take(end, kind);
    let behind = parts.rest();
    parts.take_rest(if behind.trim_start().starts_with('#') { Kind::Comment } else { Kind::Plain });
}
