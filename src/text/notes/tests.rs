use proptest::prelude::*;

use super::*;

fn plain(note: &str, room: usize) -> Vec<String> {
    let line = |line: Vec<Words>| line.into_iter().map(|(words, _)| words).collect();
    laid_out(note, room).into_iter().map(line).collect()
}

fn kinds(note: &str) -> Vec<Words> {
    laid_out(note, 80).into_iter().flatten().collect()
}

#[test]
fn a_note_is_laid_out_as_it_is_meant() {
    let note = "# What it is\nThe first **try** with `adam`, see\n[the page](http://x.y).\n\n- one that goes on and on\n  - two\n- [x] done\n\n> said before\n\n3. three\n4. four";
    assert_eq!(
        plain(note, 24),
        [
            "What it is",
            "",
            "The first try with adam,",
            "see",
            "the page (http://x.y).",
            "",
            "• one that goes on and",
            "  on",
            "  • two",
            "• [x] done",
            "",
            "> said before",
            "",
            "3. three",
            "4. four",
        ]
    );
}

#[test]
fn words_have_their_styles() {
    let word = |words: &str, kind| (words.to_owned(), kind);
    assert_eq!(
        kinds("a *b* **c** `d` ~~e~~"),
        [
            word("a ", Kind::Plain),
            word("b", Kind::Emphasis),
            word(" ", Kind::Plain),
            word("c", Kind::Strong),
            word(" ", Kind::Plain),
            word("d", Kind::String),
            word(" ", Kind::Plain),
            word("e", Kind::Comment),
        ]
    );
    // Marks within code are code.
    assert_eq!(kinds("```\n**a**\n- b\n```")[0], word("  **a**", Kind::Plain));
}

#[test]
fn tables_stand_in_columns_and_give_way() {
    let note = "| metric | value |\n|:--|--:|\n| rmse of a long name | 0.5 |\n| r2 | 10 |";
    assert_eq!(
        plain(note, 40),
        [
            "metric               value",
            "-------------------  -----",
            "rmse of a long name    0.5",
            "r2                      10",
        ]
    );
    assert_eq!(plain(note, 16)[2..5], ["rmse of a    0.5", "long name", "r2            10"]);
}

#[test]
fn line_breaks_stay_and_nothing_steers_the_terminal() {
    assert_eq!(plain("one\ntwo  \nthree", 20), ["one", "two", "three"]);
    assert!(plain("a\u{1b}[31mb", 20).concat().chars().all(|c| !c.is_control()));
    assert_eq!(plain("", 20), Vec::<String>::new());
    assert_eq!(plain("-", 20), ["•"]);
    assert_eq!(plain("[one\ntwo](http://a)", 30), ["one", "two (http://a)"]);
    assert_eq!(plain("([\n]()", 8), ["("]);
}

fn page(text: &str) -> Vec<String> {
    let line = |line: Vec<Words>| line.into_iter().map(|(words, _)| words).collect();
    laid_out_page(text, 40).into_iter().map(line).collect()
}

#[test]
fn settings_stand_at_the_beginning_of_a_page_alone() {
    assert_eq!(page("---\nlicense: mit\n---\n# Model"), ["  license: mit", "", "Model"]);
    assert_eq!(page("---\na: 1\n...\nword")[2..], ["word"]);
    let line = "-".repeat(40);
    assert_eq!(page("one\n\n---\ntwo\n\n---\nthree"), ["one", "", &line, "", "two", "", &line, "", "three"]);
    assert_eq!(page("---\n\none\n\n---\n"), [&line, "", "one", "", &line]);
    assert_eq!(page("---\nwithout an end"), [&line, "", "without an end"]);
}

#[test]
fn lines_of_html_stay_lines() {
    let note = "<p align=\"center\">\n  <b>Model</b>\n</p>\n\nafter";
    assert_eq!(plain(note, 40), ["<p align=\"center\">", "<b>Model</b>", "</p>", "", "after"]);
    assert_eq!(plain("- one\n  <div>\n  two\n  </div>", 40), ["• one", "  <div>", "  two", "  </div>"]);
}

#[test]
fn pictures_in_pictures_take_no_time() {
    let deep = 20_000;
    let note = format!("{}a{}", "![".repeat(deep), "](http://x)".repeat(deep));
    let begun = std::time::Instant::now();
    assert!(!plain(&note, 80).is_empty());
    assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{:?}", begun.elapsed());
    assert_eq!(plain("[http://x](http://x) [y](http://x)", 40), ["http://x y (http://x)"]);
}

proptest! {
    #[test]
    fn no_note_is_wider_than_its_room(note in "[ab 1\\-*_`~>#|\\[\\]()\n.:é日]{0,120}", room in 8_usize..60) {
        for line in plain(&note, room) {
            // Deep nesting may take more than there is.
            prop_assert!(width(&line) <= room.max(64), "{line:?} of {note:?}");
        }
    }

    #[test]
    fn no_word_of_plain_text_is_lost(note in "[ab é日]{1,80}", room in 8_usize..60) {
        let joined = |text: &str| text.split_whitespace().collect::<String>();
        prop_assert_eq!(joined(&plain(&note, room).concat()), joined(&note));
    }
}
