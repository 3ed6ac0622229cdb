//! A report as a page.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::{Block, Report};
use crate::sheet::{Cell, Sheet};
use crate::text;

const STYLE: &str = "\
:root{color-scheme:light dark;--line:#8884;--dim:#777}\
body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem}\
h1{margin-bottom:.2rem}h2{margin-top:2.2rem;border-bottom:1px solid var(--line)}\
ul{padding-left:1.2rem}header ul{list-style:none;padding:0;color:var(--dim)}\
.wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}\
th,td{padding:.25rem .8rem;text-align:left;border-bottom:1px solid var(--line);white-space:nowrap}\
.n{text-align:right}tbody tr:hover{background:#8882}\
img{max-width:100%;border-radius:6px;margin:.6rem 0}";

pub fn write(report: &Report) -> String {
    let title = escaped(&report.title);
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>{title}</h1>\n"
    );
    lines(&mut out, &report.about);
    out += "</header>\n";
    for section in &report.sections {
        out += &format!("<section>\n<h2>{}</h2>\n", escaped(&section.title));
        for block in &section.blocks {
            match block {
                Block::Lines(all) => lines(&mut out, all),
                Block::Table(sheet) => table(&mut out, sheet),
                // As a file of its own within the page, so that no name in one picture is another's.
                Block::Chart { title, svg } => {
                    out += &format!(
                        "<img alt=\"{}\" src=\"data:image/svg+xml;base64,{}\"/>\n",
                        escaped(title),
                        BASE64.encode(svg)
                    );
                }
            }
        }
        out += "</section>\n";
    }
    out + "</body>\n</html>\n"
}

fn lines(out: &mut String, all: &[String]) {
    if all.is_empty() {
        return;
    }
    *out += "<ul>\n";
    for line in all {
        *out += &format!("<li>{}</li>\n", escaped(line));
    }
    *out += "</ul>\n";
}

fn table(out: &mut String, sheet: &Sheet) {
    let is_number = |at: usize| sheet.is_number(at);
    let class = |at: usize| if is_number(at) { " class=\"n\"" } else { "" };
    *out += "<div class=\"wide\"><table>\n<thead><tr>";
    for (at, column) in sheet.columns.iter().enumerate() {
        *out += &format!("<th{}>{}</th>", class(at), escaped(column));
    }
    *out += "</tr></thead>\n<tbody>\n";
    for row in &sheet.rows {
        *out += "<tr>";
        for (at, cell) in row.iter().enumerate() {
            let words = match cell {
                Cell::Missing => "–".to_owned(),
                Cell::Number(number) => text::exact(*number),
                Cell::Integer(number) => number.to_string(),
                Cell::Text(text) => escaped(text),
            };
            *out += &format!("<td{}>{words}</td>", class(at));
        }
        *out += "</tr>\n";
    }
    *out += "</tbody>\n</table></div>\n";
}

/// Text that is read as itself.
fn escaped(words: &str) -> String {
    text::clean(words).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
