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

#[cfg(test)]
mod tests {
    use super::*;

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
