//! What the words of a file are, line by line, so that they can be coloured: keys, strings, numbers, comments, levels of
//! logs. Nothing is parsed in full: what is wrong in a file is coloured somehow, and nothing of it is lost.

mod code;
mod log;
mod markdown;
mod structured;

use code::{C, CONFIGURATION, Code, JAVASCRIPT, PYTHON, R, SHELL, SQL, TOML};

/// What a part of a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Plain,
    /// What something is called: a key, an option, a decorator.
    Key,
    String,
    Number,
    /// A word of the language: `true`, `def`.
    Word,
    /// Comments, quotations, times in logs.
    Comment,
    Heading,
    Strong,
    Emphasis,
    Error,
    Warning,
    Info,
}

/// Where a part of a line ends, in bytes, and what it is.
pub type Part = (usize, Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    Plain,
    Json,
    Yaml,
    Markdown,
    Log,
    Code(&'static Code),
}

impl Language {
    /// The language of a file, by its name.
    pub fn of(path: &str) -> Self {
        let name = path.rsplit('/').next().unwrap_or(path).to_lowercase();
        match name.as_str() {
            "mlmodel" => return Self::Yaml,
            "dockerfile" | "makefile" => return Self::Code(&SHELL),
            "requirements.txt" | "constraints.txt" => return Self::Code(&CONFIGURATION),
            "stdout" | "stderr" => return Self::Log,
            _ => {}
        }
        // Logs that are turned over end with a number: `train.log.1`.
        let name = name.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('.');
        Self::named(name.rsplit('.').next().filter(|extension| extension.len() < name.len()).unwrap_or(""))
    }

    /// The language of an extension, or of what stands behind the fence of a block of code.
    pub(super) fn named(extension: &str) -> Self {
        match extension {
            "json" | "jsonl" | "ndjson" | "ipynb" | "geojson" => Self::Json,
            "yaml" | "yml" => Self::Yaml,
            "md" | "markdown" => Self::Markdown,
            "log" | "out" | "err" => Self::Log,
            "py" | "pyi" | "python" => Self::Code(&PYTHON),
            "sh" | "bash" | "zsh" | "shell" | "console" => Self::Code(&SHELL),
            "toml" => Self::Code(&TOML),
            "ini" | "cfg" | "conf" | "properties" => Self::Code(&CONFIGURATION),
            "js" | "ts" | "jsx" | "tsx" | "mjs" | "javascript" | "typescript" => Self::Code(&JAVASCRIPT),
            "c" | "h" | "cc" | "cpp" | "hpp" | "cu" | "java" | "rs" | "rust" | "go" | "kt" | "scala" => {
                Self::Code(&C)
            }
            "sql" => Self::Code(&SQL),
            "r" => Self::Code(&R),
            _ => Self::Plain,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "text",
            Self::Json => "JSON",
            Self::Yaml => "YAML",
            Self::Markdown => "Markdown",
            Self::Log => "log",
            Self::Code(code) => code.name,
        }
    }
}

/// Takes the lines of a file one after the other: what began in one may end in another.
#[derive(Debug)]
pub struct Highlighter {
    language: Language,
    /// What ends a string or comment of several lines, and which of both it is.
    until: Option<(&'static str, Kind)>,
    /// The indentation of the key whose text goes on below it, in YAML.
    block: Option<usize>,
    /// What ends the block of code that is open in Markdown, and what is in it.
    fenced: Option<(String, Box<Self>)>,
    is_first: bool,
}

impl Highlighter {
    pub fn new(language: Language) -> Self {
        Self { language, until: None, block: None, fenced: None, is_first: true }
    }

    /// The parts of the next line; what is behind the last one is plain.
    pub fn line(&mut self, line: &str) -> Vec<Part> {
        let mut parts = Parts { line, at: 0, taken: Vec::new() };
        match self.language {
            Language::Plain => {}
            Language::Json => structured::json(&mut parts),
            Language::Yaml => structured::yaml(&mut parts, &mut self.block),
            Language::Markdown => self.markdown(&mut parts),
            Language::Log => log::line(&mut parts),
            Language::Code(code) => code::line(code, &mut parts, &mut self.until),
        }
        self.is_first = false;
        parts.taken
    }
}

/// A line that is taken apart.
struct Parts<'a> {
    line: &'a str,
    /// Up to where it is.
    at: usize,
    taken: Vec<Part>,
}

impl<'a> Parts<'a> {
    fn rest(&self) -> &'a str {
        &self.line[self.at..]
    }

    /// What the next so many bytes are.
    fn take(&mut self, bytes: usize, kind: Kind) {
        if bytes == 0 {
            return;
        }
        self.at += bytes;
        match self.taken.last_mut() {
            Some((end, last)) if *last == kind => *end = self.at,
            _ => self.taken.push((self.at, kind)),
        }
    }

    fn take_rest(&mut self, kind: Kind) {
        self.take(self.rest().len(), kind);
    }
}

/// Bytes of a string with its quotes, up to the end of the line at most.
fn quoted(rest: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        if c == quote && !is_escaped {
            return at + c.len_utf8();
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    rest.len()
}

/// Bytes of a number, or of what begins like one.
fn number(rest: &str) -> usize {
    let mut before = ' ';
    let end = rest.char_indices().find(|(at, c)| {
        let is_sign = matches!(c, '+' | '-') && (*at == 0 || matches!(before, 'e' | 'E'));
        before = *c;
        !(is_sign || c.is_ascii_alphanumeric() || matches!(c, '.' | '_'))
    });
    end.map_or(rest.len(), |(at, _)| at)
}

/// Bytes of a word.
fn word(rest: &str) -> usize {
    rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
}

#[cfg(test)]
mod tests;
