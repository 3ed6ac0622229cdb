//! The texts of a list such as `('a', 'b')`, which MLflow reads as Python does (`ast.literal_eval`): with escapes like
//! `\n` and `\x41`, raw and triple-quoted texts, and texts side by side that are one.

/// How deep parentheses may stand in each other.
const DEEPEST: usize = 20;

/// What is wrong, and at which byte.
pub type LiteralError = (String, usize);

/// The texts between the parentheses that `source` begins and ends with.
pub fn texts(source: &str) -> Result<Vec<String>, LiteralError> {
    let mut reader = PythonReader { source, at: 1 };
    let texts: Vec<String> = match reader.group(0)? {
        PythonItem::Text(text) => vec![text],
        PythonItem::Tuple(items) => {
            let text = |item| match item {
                PythonItem::Text(text) => Ok(text),
                PythonItem::Tuple(_) => Err(("nested lists are not supported".to_owned(), 0)),
            };
            items.into_iter().map(text).collect::<Result<_, _>>()?
        }
    };
    if texts.is_empty() { Err((TAKES.to_owned(), source.len() - 1)) } else { Ok(texts) }
}

/// The text as an element of a list, for every MLflow: in single quotes, without any quote or backslash of its own.
pub fn literal(text: &str) -> String {
    let mut literal = String::from("'");
    for c in text.chars() {
        match c {
            '\'' | '"' | '\\' | '\0'..='\x1f' => literal.push_str(&format!("\\x{:02x}", c as u32)),
            c => literal.push(c),
        }
    }
    literal.push('\'');
    literal
}

const TAKES: &str = "expected at least one quoted text";

enum PythonItem {
    Text(String),
    Tuple(Vec<PythonItem>),
}

struct PythonReader<'a> {
    source: &'a str,
    at: usize,
}

impl PythonReader<'_> {
    fn rest(&self) -> &str {
        &self.source[self.at..]
    }

    fn wrong<T>(&self, what: impl Into<String>) -> Result<T, LiteralError> {
        Err((what.into(), self.at))
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\x0c', '\n', '\r']).len();
    }

    /// What stands behind an opening parenthesis, up to the one that closes it: one thing, or with a comma a list.
    fn group(&mut self, depth: usize) -> Result<PythonItem, LiteralError> {
        let mut items = Vec::new();
        let mut is_list = true;
        loop {
            self.skip_space();
            if self.rest().starts_with(')') {
                self.at += 1;
                break;
            }
            if !is_list && !items.is_empty() {
                return self.wrong("expected a comma or a closing parenthesis");
            }
            items.push(self.item(depth)?);
            self.skip_space();
            is_list = self.rest().starts_with(',');
            self.at += usize::from(is_list);
        }
        match items.pop() {
            Some(only) if items.is_empty() && !is_list => Ok(only),
            last => {
                items.extend(last);
                Ok(PythonItem::Tuple(items))
            }
        }
    }

    fn item(&mut self, depth: usize) -> Result<PythonItem, LiteralError> {
        if self.rest().starts_with('(') {
            if depth == DEEPEST {
                return self.wrong("too many nested parentheses");
            }
            self.at += 1;
            return self.group(depth + 1);
        }
        let mut text = String::new();
        let mut found = false;
        while self.is_text() {
            text.push_str(&self.text()?);
            found = true;
            self.skip_space();
        }
        if found { Ok(PythonItem::Text(text)) } else { self.wrong(TAKES) }
    }

    fn is_text(&self) -> bool {
        self.rest().trim_start_matches(['r', 'R', 'u', 'U']).starts_with(['\'', '"'])
    }

    fn text(&mut self) -> Result<String, LiteralError> {
        let prefix = self.rest().find(['\'', '"']).unwrap_or(0);
        if prefix > 1 {
            return self.wrong(TAKES);
        }
        let is_raw = self.rest().starts_with(['r', 'R']);
        self.at += prefix;
        let start = self.at;
        let quote = &self.rest()[..1];
        let triple = quote.repeat(3);
        let end = if self.rest().starts_with(&triple) { triple } else { quote.to_owned() };
        self.at += end.len();
        let mut text = String::new();
        loop {
            if self.rest().starts_with(&end) {
                self.at += end.len();
                return Ok(text);
            }
            let Some(c) = self.rest().chars().next() else {
                return Err((format!("unclosed {end}"), start));
            };
            match c {
                '\\' if is_raw => {
                    // A quote behind a backslash does not end a raw text; both stay.
                    let pair = self.rest().chars().take(2);
                    let pair: String = pair.collect();
                    self.at += pair.len();
                    text.push_str(&pair);
                }
                '\\' => text.extend(self.escaped()?),
                '\0' => return self.wrong("NUL is not allowed in a text; write \\x00"),
                '\n' | '\r' if end.len() == 1 => {
                    return self.wrong("line breaks are not allowed in a list; write \\n");
                }
                c => {
                    self.at += c.len_utf8();
                    text.push(c);
                }
            }
        }
    }

    /// What a backslash and the characters behind it mean. An unknown escape is the backslash itself.
    fn escaped(&mut self) -> Result<Option<char>, LiteralError> {
        let mut behind = self.rest()[1..].chars();
        let Some(c) = behind.next() else { return self.wrong("unexpected backslash at the end") };
        let plain = match c {
            '\n' => {
                self.at += 2;
                return Ok(None);
            }
            '\\' | '\'' | '"' => c,
            'a' => '\x07',
            'b' => '\x08',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\x0b',
            '0'..='7' => {
                let digits =
                    self.rest()[1..].bytes().take(3).take_while(|b| matches!(b, b'0'..=b'7')).count();
                return self.code(1, digits, 8).map(Some);
            }
            'x' => return self.code(2, 2, 16).map(Some),
            'u' => return self.code(2, 4, 16).map(Some),
            'U' => return self.code(2, 8, 16).map(Some),
            'N' => {
                return self
                    .wrong("named characters are not supported; write \\x, \\u or \\U and the number");
            }
            _ => {
                self.at += 1;
                return Ok(Some('\\'));
            }
        };
        self.at += 2;
        Ok(Some(plain))
    }

    /// The character of a number of so many digits.
    fn code(&mut self, from: usize, digits: usize, radix: u32) -> Result<char, LiteralError> {
        let number = self.rest().get(from..from + digits);
        let number = number.filter(|number| number.chars().all(|c| c.is_digit(radix)));
        let code = number.and_then(|number| u32::from_str_radix(number, radix).ok());
        let Some(c) = code.and_then(char::from_u32) else {
            return self.wrong("expected a character number after the backslash");
        };
        self.at += from + digits;
        Ok(c)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_as_python_reads_it() {
        for (source, expected) in [
            (r"('a', 'b',)", vec!["a", "b"]),
            (r"('it\'s \x41\u00e4\101\n\d')", vec!["it's Aä\u{41}\n\\d"]),
            (r#"("a" 'b', r'\n', u"c")"#, vec!["ab", r"\n", "c"]),
            (r"('it''s')", vec!["its"]),
            (r"('''a'b''')", vec!["a'b"]),
            (r"((('a')))", vec!["a"]),
            (r"(('a', 'b'))", vec!["a", "b"]),
            (r"('a\\', 'b')", vec![r"a\", "b"]),
            (r"('')", vec![""]),
            (r"(r'\'')", vec![r"\'"]),
        ] {
            let expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
            assert_eq!(texts(source), Ok(expected), "{source}");
        }
        for source in [
            "()",
            "('a' 1)",
            "(b'a')",
            r"('a\')",
            r"('\x4')",
            "('a\nb')",
            "(('a', 'b'),)",
            "('a' + 'b')",
            r"('\ud800')",
            "(,)",
            "('a',,)",
            "(f'a')",
            "(ru'a')",
        ] {
            assert!(texts(source).is_err(), "{source}");
        }
        assert!(texts(&format!("{}'a'{}", "(".repeat(5000), ")".repeat(5000))).is_err());
    }

    #[test]
    fn every_text_has_a_literal() {
        let text = "it's \"x\"\\\n\0ä\t\u{2028}";
        assert_eq!(texts(&format!("({})", literal(text))), Ok(vec![text.to_owned()]));
        assert!(!literal(text)[1..].trim_end_matches('\'').contains(['\'', '"']));
    }
}
