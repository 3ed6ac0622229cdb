use proptest::prelude::*;

use super::*;

/// Each line with its parts, what is plain left out: `Key:name`.
fn parts(path: &str, text: &str) -> Vec<Vec<String>> {
    let mut highlighter = Highlighter::new(Language::of(path));
    let lines = text.lines().map(|line| {
        let mut from = 0;
        let parts = highlighter.line(line).into_iter().map(|(end, kind)| {
            let part = &line[from..end];
            from = end;
            (kind, part)
        });
        let parts = parts.collect::<Vec<_>>().into_iter().filter(|(kind, _)| *kind != Kind::Plain);
        parts.map(|(kind, part)| format!("{kind:?}:{part}")).collect()
    });
    lines.collect()
}

fn line(path: &str, text: &str) -> Vec<String> {
    parts(path, text).concat()
}

#[test]
fn a_name_says_what_a_file_is_written_in() {
    for (path, name) in [
        ("model/MLmodel", "YAML"),
        ("a/train.log.1", "log"),
        ("train.PY", "Python"),
        ("stdout", "log"),
        ("requirements.txt", "settings"),
        ("notes.txt", "text"),
        ("py", "text"),
        ("a.json/x", "text"),
    ] {
        assert_eq!(Language::of(path).name(), name, "{path}");
    }
}

#[test]
fn json_has_keys_strings_numbers_and_words() {
    assert_eq!(
        line("a.json", r#"  "a\"b": ["x:", -1.5e-3, true], "c" : null"#),
        [r#"Key:"a\"b""#, r#"String:"x:""#, "Number:-1.5e-3", "Word:true", "Key:\"c\"", "Word:null"]
    );
}

#[test]
fn yaml_has_keys_and_texts_that_go_on_below_them() {
    let text = "# c: d\nlr: 1e-3 # small\n- name: \"a: b\"\n  url: http://x:8080\ntext: |\n  key: no\n\n  more\nok: yes\n\
        \"q: r\": [1, two]\n- plain\nloader_module: mlflow.sklearn";
    assert_eq!(
        parts("a.yaml", text),
        [
            vec!["Comment:# c: d"],
            vec!["Key:lr", "Number:1e-3", "Comment: # small"],
            vec!["Key:name", "String:\"a: b\""],
            vec!["Key:url", "String:http://x:8080"],
            vec!["Key:text", "Word:|"],
            vec!["String:  key: no"],
            vec![],
            vec!["String:  more"],
            vec!["Key:ok", "Word:yes"],
            vec!["Key:\"q: r\"", "Number:1", "String:two"],
            vec!["String:plain"],
            vec!["Key:loader_module", "String:mlflow.sklearn"],
        ]
        .map(|parts| parts.into_iter().map(str::to_owned).collect::<Vec<_>>())
    );
}

#[test]
fn markdown_has_headings_code_and_the_settings_above_it() {
    let text =
        "---\nlicense: mit\n---\n# T\n- a `b` **c** [d](e)\n> q\n```python\nimport x # y\n```\n#hash 1. x";
    assert_eq!(
        parts("README.md", text),
        [
            vec!["Comment:---"],
            vec!["Key:license", "String:mit"],
            vec!["Comment:---"],
            vec!["Heading:# T"],
            vec!["Key:-", "String:`b`", "Strong:**c**", "Key:[d]", "Comment:(e)"],
            vec!["Comment:> q"],
            vec!["Comment:```python"],
            vec!["Word:import", "Comment:# y"],
            vec!["Comment:```"],
            vec![],
        ]
        .map(|parts| parts.into_iter().map(str::to_owned).collect::<Vec<_>>())
    );
}

#[test]
fn code_has_comments_strings_of_several_lines_and_words() {
    assert_eq!(
        parts("a.py", "def f(x='a#b'): # c\n    \"\"\"Begins\nif 1:\nends\"\"\" or 0x1F\n@dec"),
        [
            vec!["Word:def", "String:'a#b'", "Comment:# c"],
            vec!["String:\"\"\"Begins"],
            vec!["String:if 1:"],
            vec!["String:ends\"\"\"", "Word:or", "Number:0x1F"],
            vec!["Key:@dec"],
        ]
        .map(|parts| parts.into_iter().map(str::to_owned).collect::<Vec<_>>())
    );
    assert_eq!(line("a.sh", "echo $# ${A} $b a#b # c"), ["Key:${A}", "Key:$b", "Comment:# c"]);
    assert_eq!(line("a.toml", "[a.b]"), ["Heading:[a.b]"]);
    assert_eq!(line("a.toml", "x = [1, \"y\"] # z"), ["Key:x", "Number:1", "String:\"y\"", "Comment:# z"]);
    assert_eq!(line("requirements.txt", "mlflow==3.17.2"), ["Number:3.17.2"]);
    assert_eq!(line("a.sql", "SELECT x -- y"), ["Word:SELECT", "Comment:-- y"]);
}

#[test]
fn logs_have_times_and_levels() {
    for (text, expected) in [
        ("2026-11-23 12:00:01,123 INFO mlflow: ERROR", vec!["Comment:2026-11-23 12:00:01,123", "Info:INFO"]),
        ("2026-11-23T12:00:03Z - WARNING - x", vec!["Comment:2026-11-23T12:00:03Z", "Warning:WARNING"]),
        ("[12:00:05] [error] x", vec!["Comment:[12:00:05]", "Error:error"]),
        ("level=debug x", vec!["Comment:debug"]),
        ("ValueError: bad", vec!["Error:ValueError"]),
        ("a.py:3: UserWarning: x", vec!["Warning:UserWarning"]),
        ("Traceback (most recent call last):", vec!["Error:Traceback (most recent call last):"]),
        ("no error here, 12 of 30", vec![]),
        ("epoch 1: loss 0.5", vec![]),
    ] {
        assert_eq!(line("train.log", text), expected, "{text}");
    }
}

proptest! {
    #[test]
    fn any_line_is_taken_apart_in_whole_letters(
        text in "([\"'`#:=\\[\\](){}|>*~$@\\\\/ -]|[a-z0-9é日\u{1b}]|ERROR|---|```|12:30:01|\n){0,60}",
    ) {
        for name in ["a.json", "a.yaml", "a.md", "a.log", "a.py", "a.sh", "a.toml", "a.js", "a.c", "a.sql", "a.txt"] {
            let mut highlighter = Highlighter::new(Language::of(name));
            for line in text.lines() {
                let mut before = 0;
                for (end, _) in highlighter.line(line) {
                    prop_assert!(end > before && line.is_char_boundary(end) && end <= line.len());
                    before = end;
                }
            }
        }
    }
}

#[test]
fn markdown_in_markdown_goes_no_deeper() {
    let fences: Vec<String> = (0..30_000).map(|at| format!("{} md\n", "`".repeat(3 + at % 7))).collect();
    assert_eq!(parts("a.md", &fences.concat()).len(), 30_000);
    let within = parts("a.md", "```md\n# no heading\n~~~\n```\n# heading");
    assert_eq!(within[1..3], [Vec::<String>::new(), Vec::new()]);
    assert_eq!(within[4], ["Heading:# heading"]);
}
