//! Words for a shell.

use super::is_hidden;

/// A word that bash and zsh read as it is, and that does nothing to the terminal that it is pasted into.
pub fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=,+@%".contains(c);
    // zsh looks for a program behind an equals sign.
    if !word.is_empty() && !word.starts_with('=') && word.chars().all(is_plain) {
        return word.to_owned();
    }
    if !word.chars().any(is_hidden) {
        return format!("'{}'", word.replace('\'', "'\\''"));
    }
    let mut quoted = String::from("$'");
    for c in word.chars() {
        match c {
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\\' | '\'' => quoted.extend(['\\', c]),
            // As bytes, which are the same in every locale. Some shells look for history in these quotes.
            c if is_hidden(c) || c == '!' => {
                quoted.extend(c.encode_utf8(&mut [0; 4]).bytes().map(|byte| format!("\\x{byte:02x}")));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('\'');
    quoted
}

/// The words of a line, as a shell reads them; it is no shell, so nothing is filled in.
///
/// # Errors
/// That a quote has no end.
pub fn words(line: &str) -> Result<Vec<String>, String> {
    shell_words::split(line).map_err(|_| "a quote is not closed".to_owned())
}

/// A line that [`words`] reads as these. Places for values, `{name}`, stand as they are.
pub fn line(words: &[String]) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || "_-./:=,+@%{}".contains(c);
    let word = |word: &String| {
        if !word.is_empty() && word.chars().all(is_bare) {
            word.clone()
        } else {
            shell_words::quote(word).into_owned()
        }
    };
    words.iter().map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_the_words_it_was_written_of() {
        let words_of = ["python", "it's a b.py", "--lr", "{lr}", "", "{args=}", "x;y"].map(str::to_owned);
        assert_eq!(words(&line(&words_of)).unwrap(), words_of);
        assert!(line(&words_of).contains(" --lr {lr} "));
        assert!(words("python 'x").is_err());
    }

    #[test]
    fn a_shell_reads_the_word_and_the_terminal_nothing() {
        let words = [
            "plain/path_1.csv",
            "it's; rm -rf ~ `x` $(y) \"z\"",
            "\u{1b}]52;c;AAAA\u{7}a'b\\c!\n\td",
            "\u{202e}\u{9b}31m1\u{200b}f",
            "=ls",
            "",
            "日本 \u{1f680}",
        ];
        for word in words {
            let quoted = quoted(word);
            assert!(!quoted.chars().any(is_hidden), "{quoted:?}");
            let printed = std::process::Command::new("bash")
                .args(["-c", &format!("printf %s {quoted}")])
                .output()
                .unwrap()
                .stdout;
            assert_eq!(String::from_utf8(printed).unwrap(), word, "{quoted}");
        }
        assert_eq!(quoted("a\u{1b}[0m"), "$'a\\x1b[0m'");
    }
}
