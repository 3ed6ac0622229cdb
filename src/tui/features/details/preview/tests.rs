use super::*;
use crate::text::highlight::Kind;

fn of(path: &str, content: &[u8]) -> Preview {
    Preview::of(path, content.to_vec())
}

fn kind(path: &str, content: &[u8]) -> String {
    match of(path, content) {
        Preview::Text { kind, .. } | Preview::Table { kind, .. } | Preview::Image { kind, .. } => kind,
        Preview::Nothing(why) => why,
    }
}

fn lines(path: &str, content: &str) -> Vec<String> {
    match of(path, content.as_bytes()) {
        Preview::Text { lines, .. } => lines.into_iter().map(|line| line.words).collect(),
        other => vec![format!("{other:?}")],
    }
}

#[test]
fn what_hides_in_a_file_is_shown_but_for_its_colours() {
    assert_eq!(
        lines("a.log", "\u{1b}[31mred\u{1b}[0m a\u{202e}b\u{200b}c\u{1} and so on"),
        ["red a<202e>b<200b>c^A and so on"]
    );
    assert_eq!(lines("a.py", "\u{feff}if a\u{2066}: x\n"), ["if a<2066>: x"]);
    assert_eq!(lines("a.txt", "\u{1b}[31mred\u{1b}[0m\tx"), ["red    x"]);
    let Preview::Table { table, .. } = of("a.csv", "\u{feff}a,b\n1,\u{1b}[2J\n".as_bytes()) else {
        panic!("a table")
    };
    assert_eq!((table.columns[0].title.as_str(), table.rows[0][1].as_str()), ("a", "^[[2J"));
}

#[test]
fn json_gets_its_lines_and_keeps_its_numbers() {
    let shown = lines("a.json", r#"{"b":1.10,"a":[1,{"x":"y,{\"z"}],"e":{},"n":[]}"#);
    assert_eq!(
        shown,
        [
            "{",
            "  \"b\": 1.10,",
            "  \"a\": [",
            "    1,",
            "    {",
            "      \"x\": \"y,{\\\"z\"",
            "    }",
            "  ],",
            "  \"e\": {},",
            "  \"n\": []",
            "}"
        ]
    );
    let Preview::Text { lines, .. } = of("a.json", b"{\"a\":1}") else { panic!("a text") };
    assert_eq!(lines[1].parts, [(2, Kind::Plain), (5, Kind::Key), (7, Kind::Plain), (8, Kind::Number)]);
    let deep = "[".repeat(LINES + 1);
    let Preview::Text { lines, cut, .. } = of("a.json", deep.as_bytes()) else { panic!("a text") };
    assert!(cut && lines.len() == LINES && lines.iter().all(|line| line.words.len() <= CELLS));
}

#[test]
fn what_is_not_utf_8_is_shown_and_said_and_what_is_no_text_is_not_shown() {
    let latin = of("a.txt", b"caf\xe9\nzwei");
    let Preview::Text { kind: of_latin, lines, .. } = latin else { panic!("a text") };
    assert_eq!((of_latin.as_str(), lines[0].words.as_str()), ("text, not UTF-8", "caf\u{fffd}"));
    assert_eq!(kind("a.csv", b"name\ncaf\xe9"), "CSV, not UTF-8");
    assert_eq!(kind("a.log", b"\xff\xfeI\0N\0"), "log, UTF-16");
    assert_eq!(kind("model.pkl", &[0x80, 4, 0xff]), "3 B binary");
    assert_eq!(kind("a.txt", b"text and\0 more"), "14 B binary");
    assert_eq!(kind("a.log", b"\x1b[1mbold\x1b[0m 10%\r20%\x08"), "log");
    assert_eq!(kind("a.txt", b""), "the file is empty");
    assert!(kind("a.webp", b"RIFF").contains("are not shown"));
    assert!(kind("a.png", b"no image").contains("cannot be decoded"));
}

#[test]
fn tables_are_tables_whatever_they_are_written_in() {
    assert_eq!(kind("a.csv", b"a,b\n1,2"), "CSV");
    assert_eq!(kind("a.TSV", b"a\tb\n"), "TSV");
    assert_eq!(kind("a.csv", b"\n"), "text");
    assert_eq!(kind("t.json", br#"{"columns":["a"],"data":[[1]]}"#), "JSON table");
    assert_eq!(kind("t.json", br#"{"columns":["a"],"rows":[[1]]}"#), "JSON");
    assert!(kind("a.parquet", b"PAR1").starts_with("not a readable Parquet file: "));
}

#[test]
fn a_text_and_a_table_end_at_their_right_border() {
    let wide = of("a.txt", format!("{}\nx", "w".repeat(100)).as_bytes());
    assert_eq!((wide.furthest(80), wide.furthest(200)), (20, 0));
    assert_eq!(of("a.csv", b"aaaa,bbbb,cccc\n").furthest(10), 1);
    assert_eq!(Preview::Nothing(String::new()).furthest(10), 0);
}

#[test]
fn images_are_scaled_down() {
    let mut content = std::io::Cursor::new(Vec::new());
    let picture =
        image::RgbImage::from_fn(800, 400, |x, _| image::Rgb([if x < 400 { 255 } else { 0 }, 0, 0]));
    picture.write_to(&mut content, image::ImageFormat::Png).unwrap();
    let Preview::Image { size, pixels, .. } = of("a.png", content.get_ref()) else { panic!("an image") };
    assert_eq!(size, (800, 400));
    assert_eq!((pixels[0].len(), pixels.len()), (400, 200));
    assert_eq!((pixels[0][0], pixels[0][399]), ([255, 0, 0], [0, 0, 0]));
}

#[test]
fn a_quote_that_is_never_closed_swallows_no_lines() {
    let Preview::Table { table, .. } = of("a.tsv", b"a\tb\n1\t\"half\n2\tx\n3\ty\n") else { panic!() };
    assert_eq!((table.all_rows, table.rows[0][1].as_str()), (3, "\"half"));
}

#[test]
fn the_end_of_a_text_begins_with_a_whole_line() {
    let end = |path: &str, content: &[u8]| Preview::of_end(path, content.to_vec());
    let Preview::Text { kind, lines, .. } = end("train.log", b"alf\ntwo\nthree") else { panic!() };
    assert!(kind.starts_with("the last 13 B: "), "{kind}");
    assert_eq!(lines.iter().map(|line| line.words.as_str()).collect::<Vec<_>>(), ["two", "three"]);
    let many = (0..LINES + 10).map(|at| at.to_string()).collect::<Vec<_>>().join("\n") + "\n";
    let Preview::Text { lines, .. } = end("train.log", many.as_bytes()) else { panic!() };
    assert_eq!(lines.last().map(|line| line.words.as_str()), Some((LINES + 9).to_string().as_str()));
}

#[test]
fn of_a_file_that_is_too_large_the_beginning_is_shown_and_said() {
    let beginning = |path: &str, content: &[u8]| Preview::of_beginning(path, content.to_vec(), "runs:/r/x");
    let Preview::Text { kind, lines, cut, .. } = beginning("train.log", b"one\ntwo\nthr") else { panic!() };
    assert!(kind.starts_with("the first 11 B: "), "{kind}");
    assert_eq!((lines.len(), cut), (2, true), "no half a line");
    let Preview::Table { kind, table } = beginning("a.csv", b"a,b\n1,2\n3") else { panic!() };
    assert!(kind.starts_with("the first 9 B: CSV") && table.rows.len() == 1, "{kind}");
    for (path, content) in [("a.png", &b"x"[..]), ("a.parquet", b"x"), ("a.bin", b"\0\x01\xff\xfe")] {
        let Preview::Nothing(why) = beginning(path, content) else { panic!("{path}") };
        assert!(why.contains("mltui download runs:/r/x"), "{why}");
    }
}
