//! Programs and their settings: comments, strings, numbers and the words of the language.

use super::{Kind, Parts, number, quoted, word};

/// How a language is written.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    pub name: &'static str,
    /// What a comment begins with.
    comment: &'static str,
    /// What strings and comments of several lines begin and end with.
    long: &'static [(&'static str, &'static str, Kind)],
    quotes: &'static str,
    words: &'static [&'static str],
    /// Made of `[sections]` and of `key = value`.
    has_sections: bool,
}

const TRIPLE: &[(&str, &str, Kind)] = &[("\"\"\"", "\"\"\"", Kind::String), ("'''", "'''", Kind::String)];

pub static PYTHON: Code = Code {
    name: "Python",
    comment: "#",
    long: TRIPLE,
    quotes: "\"'",
    words: &[
        "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue",
        "def", "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in",
        "is", "lambda", "match", "nonlocal", "not", "or", "pass", "raise", "return", "self", "try", "while",
        "with", "yield",
    ],
    has_sections: false,
};

pub static SHELL: Code = Code {
    name: "shell",
    comment: "#",
    long: &[],
    quotes: "\"'",
    words: &[
        "case", "do", "done", "elif", "else", "esac", "exit", "export", "fi", "for", "function", "if", "in",
        "local", "return", "set", "source", "then", "until", "while", "FROM", "RUN", "COPY", "ENV",
        "WORKDIR", "CMD",
    ],
    has_sections: false,
};

const SETTINGS: Code = Code {
    name: "settings",
    comment: "#",
    long: TRIPLE,
    quotes: "\"'",
    words: &["true", "false"],
    has_sections: true,
};

pub static CONFIGURATION: Code = SETTINGS;
pub static TOML: Code = Code { name: "TOML", ..SETTINGS };

const BLOCK: &[(&str, &str, Kind)] = &[("/*", "*/", Kind::Comment)];

pub static JAVASCRIPT: Code = Code {
    name: "code",
    comment: "//",
    long: &[("/*", "*/", Kind::Comment), ("`", "`", Kind::String)],
    quotes: "\"'",
    words: &[
        "async",
        "await",
        "break",
        "case",
        "catch",
        "class",
        "const",
        "continue",
        "default",
        "else",
        "export",
        "extends",
        "false",
        "finally",
        "for",
        "from",
        "function",
        "if",
        "import",
        "in",
        "interface",
        "let",
        "new",
        "null",
        "of",
        "return",
        "switch",
        "this",
        "throw",
        "true",
        "try",
        "type",
        "typeof",
        "undefined",
        "var",
        "while",
        "yield",
    ],
    has_sections: false,
};

/// And what is written much like it. A single quote may be the mark of a lifetime.
pub static C: Code = Code {
    name: "code",
    comment: "//",
    long: BLOCK,
    quotes: "\"",
    words: &[
        "auto",
        "bool",
        "break",
        "case",
        "char",
        "class",
        "const",
        "continue",
        "default",
        "do",
        "double",
        "else",
        "enum",
        "extern",
        "false",
        "float",
        "fn",
        "for",
        "func",
        "go",
        "if",
        "impl",
        "import",
        "int",
        "let",
        "long",
        "match",
        "mod",
        "mut",
        "namespace",
        "new",
        "nil",
        "null",
        "package",
        "private",
        "pub",
        "public",
        "range",
        "return",
        "self",
        "static",
        "struct",
        "switch",
        "template",
        "this",
        "throw",
        "trait",
        "true",
        "try",
        "type",
        "typedef",
        "unsigned",
        "use",
        "using",
        "var",
        "void",
        "where",
        "while",
    ],
    has_sections: false,
};

pub static SQL: Code = Code {
    name: "SQL",
    comment: "--",
    long: BLOCK,
    quotes: "'\"",
    words: &[
        "and",
        "as",
        "asc",
        "between",
        "by",
        "case",
        "create",
        "delete",
        "desc",
        "distinct",
        "drop",
        "else",
        "end",
        "from",
        "group",
        "having",
        "in",
        "index",
        "inner",
        "insert",
        "into",
        "is",
        "join",
        "left",
        "like",
        "limit",
        "not",
        "null",
        "on",
        "or",
        "order",
        "outer",
        "over",
        "partition",
        "right",
        "select",
        "set",
        "table",
        "then",
        "union",
        "update",
        "values",
        "when",
        "where",
        "with",
    ],
    has_sections: false,
};

pub static R: Code = Code {
    name: "R",
    comment: "#",
    long: &[],
    quotes: "\"'",
    words: &[
        "FALSE", "NA", "NULL", "TRUE", "break", "else", "for", "function", "if", "in", "library", "next",
        "repeat", "return", "while",
    ],
    has_sections: false,
};

pub(super) fn line(code: &Code, parts: &mut Parts<'_>, until: &mut Option<(&'static str, Kind)>) {
    if until.is_none() && code.has_sections {
        settings(parts);
    }
    // Before a comment of the shell and of settings there is a space: `a#b` and `$#` are none.
    let is_spaced = code.has_sections || code.name == SHELL.name;
    let mut before = ' ';
    while let Some(c) = parts.rest().chars().next() {
        let rest = parts.rest();
        if let Some((end, kind)) = *until {
            match rest.find(end) {
                Some(at) => {
                    parts.take(at + end.len(), kind);
                    *until = None;
                }
                None => parts.take_rest(kind),
            }
        } else if rest.starts_with(code.comment) && (!is_spaced || before.is_whitespace()) {
            parts.take_rest(Kind::Comment);
        } else if let Some((begin, end, kind)) = code.long.iter().find(|(begin, ..)| rest.starts_with(begin))
        {
            parts.take(begin.len(), *kind);
            *until = Some((end, *kind));
        } else if code.quotes.contains(c) {
            parts.take(quoted(rest, c), Kind::String);
        } else if c.is_ascii_digit() {
            parts.take(number(rest), Kind::Number);
        } else if c.is_alphabetic() || c == '_' {
            let length = word(rest);
            let is_word = code.words.iter().any(|known| is_same(code, known, &rest[..length]));
            parts.take(length, if is_word { Kind::Word } else { Kind::Plain });
        } else if matches!(c, '@' | '$')
            && rest[1..].starts_with(|next: char| next.is_alphabetic() || next == '{')
        {
            let length = if rest[1..].starts_with('{') {
                rest.find('}').map_or(2, |at| at + 1)
            } else {
                1 + word(&rest[1..])
            };
            parts.take(length, Kind::Key);
        } else {
            parts.take(c.len_utf8(), Kind::Plain);
        }
        before = c;
    }
}

fn is_same(code: &Code, known: &str, word: &str) -> bool {
    if code.name == SQL.name { known.eq_ignore_ascii_case(word) } else { known == word }
}

/// `[section]`, or the key of `key = value`.
fn settings(parts: &mut Parts<'_>) {
    let line = parts.line;
    let words = line.trim_start();
    let indent = line.len() - words.len();
    if words.starts_with('[') && line.trim_end().ends_with(']') && !words.contains(',') {
        return parts.take_rest(Kind::Heading);
    }
    if words.starts_with(['#', '"', '\'']) {
        return;
    }
    if let Some(at) = line.find('=').filter(|at| !line[*at..].starts_with("==")) {
        let key = line[..at].trim_end();
        // `~=`, `>=` and their like belong to the versions of requirements.
        if key.len() > indent && !key.ends_with(['~', '>', '<', '!']) && !key.contains(['#', '[', '{', '(']) {
            parts.take(indent, Kind::Plain);
            parts.take(key.len() - indent, Kind::Key);
        }
    }
}
