//! A report as Markdown.

use super::{Block, Report};
use crate::text::markdown::prose;

pub fn write(report: &Report) -> String {
    let mut out = format!("# {}\n", prose(&report.title));
    lines(&mut out, &report.about);
    for section in &report.sections {
        let has_words = section.blocks.iter().any(|block| !matches!(block, Block::Chart { .. }));
        if !has_words {
            continue;
        }
        out += &format!("\n## {}\n", prose(&section.title));
        for block in &section.blocks {
            match block {
                Block::Lines(all) => lines(&mut out, all),
                Block::Table(sheet) => {
                    out.push('\n');
                    out += &sheet.markdown();
                }
                Block::Chart { .. } => {}
            }
        }
    }
    out
}

fn lines(out: &mut String, all: &[String]) {
    if !all.is_empty() {
        out.push('\n');
    }
    for line in all {
        *out += &format!("- {}\n", prose(line));
    }
}
