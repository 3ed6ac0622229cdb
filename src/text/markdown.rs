//! Texts in a table of Markdown.

use super::clean;

/// A cell that is read as this text and nothing else, by Markdown and by what pages make of its result: mentions of
/// people and issues, links, formulas, pictures by their names. What could be taken for any of that stands as code.
pub fn cell(text: &str) -> String {
    let text = clean(text);
    if !is_active(&text) {
        return text.into_owned();
    }
    // A row is parted into cells first; a backslash before the line would be half of the escape.
    let pieces: Vec<String> = text.split("\\|").map(code).collect();
    pieces.join("&#92;&#124;")
}

/// A sentence that is read as this text and nothing else, as [`cell`] is: words that could be taken for anything else stand as
/// code. Several spaces are one.
pub fn prose(text: &str) -> String {
    let text = clean(text);
    let words = text.split_whitespace().enumerate().map(|(at, word)| {
        let (core, end) = word.split_at(word.trim_end_matches([':', ',', '.', ';']).len());
        // The first word of a line may begin a list, a quotation or a heading.
        let is_number = core.starts_with(|c: char| c.is_ascii_digit());
        let begins = at == 0
            && (!core.starts_with(char::is_alphanumeric)
                || (is_number && (end.contains('.') || core.ends_with(')'))));
        if core.is_empty() {
            fenced(word)
        } else if begins || is_active(core) {
            fenced(core) + end
        } else {
            word.to_owned()
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// As code, in a cell.
fn code(text: &str) -> String {
    fenced(&text.replace('|', "\\|"))
}

/// As code, which ends with as many backticks as nowhere in it.
fn fenced(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    // A space at both ends is taken off.
    let has_ends = |end: char| text.starts_with(end) || text.ends_with(end);
    let is_padded =
        has_ends('`') || (text.starts_with(' ') && text.ends_with(' ') && !text.trim().is_empty());
    let space = if is_padded { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

/// A date, a time, or both.
fn is_time(text: &str) -> bool {
    text.split(' ')
        .all(|part| !part.is_empty() && part.split([':', '-']).all(|digits| (2..=4).contains(&digits.len())))
        && text.chars().all(|c| c.is_ascii_digit() || matches!(c, ':' | '-' | ' '))
        && !text.contains(":100")
}

fn is_active(text: &str) -> bool {
    if is_time(text) {
        return false;
    }
    let lower = text.to_ascii_lowercase();
    text.contains(['<', '&', '[', ']', '!', '`', '|', '*', '~', '#', '@', '\\', '$', ':'])
        || text.starts_with(' ')
        || text.ends_with(' ')
        || text.contains("  ")
        || lower.contains("www.")
        || lower.contains("gh-")
        || has_emphasis(text)
}

/// Underscores, but for those within words.
fn has_emphasis(text: &str) -> bool {
    let mut is_in_word = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '_' {
            if !is_in_word || !chars.peek().is_some_and(|next| *next == '_' || next.is_alphanumeric()) {
                return true;
            }
        } else {
            is_in_word = c.is_alphanumeric();
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a renderer makes of a table with that cell: the text in it, and the elements.
    fn rendered(cell: &str) -> (String, Vec<String>) {
        let mut options = comrak::Options::default();
        options.extension.table = true;
        options.extension.autolink = true;
        options.extension.strikethrough = true;
        options.extension.tasklist = true;
        options.extension.footnotes = true;
        options.extension.math_dollars = true;
        options.extension.math_code = true;
        options.render.r#unsafe = true;
        let page = comrak::markdown_to_html(&format!("| head |\n| --- |\n| {cell} |\n"), &options);
        let tree = roxmltree::Document::parse(&page).unwrap();
        let elements = tree.descendants().filter(roxmltree::Node::is_element);
        let row = tree.descendants().find(|node| node.has_tag_name("td")).unwrap();
        let text =
            row.descendants().filter(roxmltree::Node::is_text).filter_map(|node| node.text()).collect();
        (text, elements.map(|node| node.tag_name().name().to_owned()).collect())
    }

    fn check(text: &str) {
        let cell = cell(text);
        let (shown, elements) = rendered(&cell);
        assert_eq!(shown, *clean(text), "{cell}");
        let known = ["table", "thead", "tbody", "tr", "th", "td", "code"];
        assert!(elements.iter().all(|name| known.contains(&name.as_str())), "{elements:?} of {cell}");
        assert_eq!(elements.iter().filter(|name| *name == "td").count(), 1, "{cell}");
        let is_code = elements.iter().any(|name| name == "code");
        // What pages make of a result leaves code alone.
        assert!(is_code || is_time(&shown) || !shown.contains(['@', '#', ':', '$']), "{cell}");
    }

    #[test]
    fn a_cell_is_read_as_its_text() {
        assert_eq!(cell("val_rmse"), "val_rmse");
        assert_eq!(cell("2026-11-27 10:05:00"), "2026-11-27 10:05:00");
        assert_eq!(cell("a|b, \"c\""), "`a\\|b, \"c\"`");
        for text in [
            "<img src=x onerror=alert(1)>",
            "<!-- comment -->",
            "&lt;b&gt; &amp;",
            "![image](http://evil.example/x.png)",
            "[link](javascript:alert(1)) [ref]: http://x",
            "@everyone someone@evil.example",
            "http://evil.example www.evil.example ftp://x HTTPS://evil.example WWW.evil.example",
            "#12 owner/repo#3 GH-4 :tada: $x^2$ $`x`$",
            "*a* **b** _c_ __d__ ~~e~~ a_b_c _d e_ snake__case ends_ _starts \u{e9}_t\u{e9}",
            "`code` ``two`` `",
            "``` fence",
            "a\\|b \\\\|c \\| | \\",
            "|",
            "\\|",
            " leading",
            "trailing ",
            " both ",
            "two  spaces",
            "- [ ] task",
            "1. one",
            "# head",
            "[^1]",
            "---",
            "\u{1b}[31mred\u{202e}\nline",
            "日本語 \u{1f680}",
            "5 > 4, (a), {b}, 'c', 50 %",
        ] {
            check(text);
        }
    }

    fn check_prose(text: &str) {
        let line = prose(text);
        let mut options = comrak::Options::default();
        options.extension.table = true;
        options.extension.autolink = true;
        options.extension.strikethrough = true;
        options.extension.tasklist = true;
        options.extension.footnotes = true;
        options.extension.math_dollars = true;
        options.render.r#unsafe = true;
        let page = comrak::markdown_to_html(&format!("- {line}\n"), &options);
        let tree = roxmltree::Document::parse(&page).unwrap();
        let texts: String =
            tree.descendants().filter(roxmltree::Node::is_text).filter_map(|node| node.text()).collect();
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(words(&texts), words(&clean(text)), "{line}");
        let elements = tree.descendants().filter(roxmltree::Node::is_element);
        let names: Vec<_> = elements.map(|node| node.tag_name().name().to_owned()).collect();
        assert!(
            names.iter().all(|name| ["ul", "li", "code"].contains(&name.as_str())),
            "{names:?} of {line}"
        );
        assert_eq!(names.iter().filter(|name| *name == "li").count(), 1, "{line}");
    }

    #[test]
    fn prose_is_read_as_its_text() {
        let plain = "trial-7 has the lowest val_loss of 60 eligible runs: 0.01028.";
        assert_eq!(prose(plain), plain);
        assert_eq!(prose("*x* is @best, 5 (26 %) ahead."), "`*x*` is `@best`, 5 (26 %) ahead.");
        for text in [
            "1. one",
            "1) one",
            "- a",
            "+ a",
            "> a",
            "# a",
            "--- a",
            "=== a",
            "a _b c_ d",
            "[a b](c d) http://x.y. www.z",
            "<b>a</b> &amp; `c d` | e",
            ":tada: a:b: ...",
            "\u{1b}[31mred",
            "5 > 4",
            "[ ] task",
            "at 2026-11-27 10:05:00.",
        ] {
            check_prose(text);
        }
    }

    proptest! {
        #[test]
        fn any_prose_is_read_as_its_text(text in "[ab1 _*`~<>&\\[\\]()!|#@$:./\\\\\"'=+-]{1,16}") {
            prop_assume!(!text.trim().is_empty());
            check_prose(&text);
        }

        #[test]
        fn any_cell_is_read_as_its_text(text in "[ab1 _*`~<>&\\[\\]()!|#@$:./\\\\\"'-]{1,16}") {
            prop_assume!(!text.trim().is_empty());
            check(&text);
        }
    }
}
