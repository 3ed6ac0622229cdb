//! Links between the documents.

use std::path::Path;

use super::{documents, text};

/// The text without blocks of code.
fn prose(text: &str) -> String {
    text.split("```").step_by(2).collect()
}

/// What links of a document lead to.
fn links(text: &str) -> Vec<String> {
    let prose = prose(text);
    let ends = prose.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    ends.map(|(target, _)| target.to_owned()).collect()
}

/// The names by which GitHub links to the headings of a document.
fn anchors(text: &str) -> Vec<String> {
    let headings = prose(text);
    let headings = headings.lines().filter(|line| line.starts_with('#'));
    let name = |heading: &str| -> String {
        let words = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = words.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(name).collect()
}

#[test]
fn each_link_of_the_documents_leads_somewhere() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for document in documents() {
        let content = text(&document);
        for link in links(&content).iter().filter(|link| !link.contains("://")) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let place = if path.is_empty() {
                top.join(&document)
            } else {
                top.join(document.parent().unwrap()).join(path)
            };
            assert!(place.exists(), "{}: {link} leads nowhere", document.display());
            if !anchor.is_empty() {
                let there = anchors(&std::fs::read_to_string(&place).unwrap());
                assert!(
                    there.iter().any(|known| known == anchor),
                    "{}: {link}: {there:?}",
                    document.display()
                );
            }
            count += 1;
        }
    }
    assert!(count > 50, "{count} links were followed");
}

#[test]
fn a_heading_has_the_name_that_links_give_it() {
    assert_eq!(
        anchors("# A\n\n## The gate\n\n```sh\n# no heading\n```\n## 2x *b*_c\n"),
        ["a", "the-gate", "2x-b_c"]
    );
    assert_eq!(links("[a](b.md#c) ![d](e.svg)\n```\n[no](x)\n```\n"), ["b.md#c", "e.svg"]);
}
