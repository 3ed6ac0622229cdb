//! A table on its way out of the program: as CSV, JSON or Markdown. Numbers leave it exactly as they are.

use serde_json::{Map, Value as Json};

use crate::text;

/// Columns of the terminal that a cell takes at most where people read it.
const WIDEST: usize = 60;
/// The first columns, which tell what a row is of.
const NAMES: usize = 2;

#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Missing,
    Number(f64),
    Integer(i64),
    Text(String),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl Cell {
    fn plain(&self) -> String {
        match self {
            Self::Missing => String::new(),
            Self::Number(number) => text::exact(*number),
            Self::Integer(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }

    pub fn json(&self) -> Json {
        match self {
            Self::Missing => Json::Null,
            Self::Number(number) => json_number(*number),
            Self::Integer(number) => Json::from(*number),
            Self::Text(text) => Json::from(text.as_str()),
        }
    }
}

/// A number in JSON; what JSON has no number for is the text that MLflow uses.
pub fn json_number(value: f64) -> Json {
    if value.is_nan() {
        Json::from("NaN")
    } else if value.is_infinite() {
        Json::from(if value > 0.0 { "Infinity" } else { "-Infinity" })
    } else {
        Json::from(value)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Csv,
    Json,
    Markdown,
}

impl Format {
    pub const ALL: [Self; 3] = [Self::Csv, Self::Json, Self::Markdown];

    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "CSV",
            Self::Json => "JSON",
            Self::Markdown => "Markdown",
        }
    }

    /// Of a file.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Markdown => "md",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sheet {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Cell>>,
}

impl Sheet {
    pub fn new<T: Into<String>>(columns: impl IntoIterator<Item = T>) -> Self {
        Self { columns: columns.into_iter().map(Into::into).collect(), rows: Vec::new() }
    }

    pub fn push(&mut self, row: impl IntoIterator<Item = Cell>) {
        self.rows.push(row.into_iter().collect());
    }

    pub fn written(&self, format: Format) -> String {
        match format {
            Format::Csv => self.csv(),
            Format::Json => self.json(),
            Format::Markdown => self.markdown(),
        }
    }

    /// With a header line.
    pub fn csv(&self) -> String {
        let mut writer = csv::Writer::from_writer(Vec::new());
        // Nothing can fail that writes into memory, and all rows are of one length.
        let _ = writer.write_record(&self.columns);
        for row in &self.rows {
            let _ = writer.write_record(row.iter().map(Cell::plain));
        }
        writer.into_inner().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// A list of objects.
    pub fn to_json(&self) -> Json {
        let object = |row: &Vec<Cell>| {
            Json::Object(self.columns.iter().cloned().zip(row.iter().map(Cell::json)).collect::<Map<_, _>>())
        };
        Json::Array(self.rows.iter().map(object).collect())
    }

    pub fn json(&self) -> String {
        let written = text::json::pretty(&self.to_json()).unwrap_or_default();
        String::from_utf8(written).unwrap_or_default() + "\n"
    }

    /// Aligned, for people. On a terminal long values are cut, but not what is in the first two columns: it names them.
    pub fn text(&self, on_terminal: bool) -> String {
        let shown = |(at, cell): (usize, &Cell)| match cell {
            Cell::Missing => "-".to_owned(),
            Cell::Number(number) => text::number(*number),
            cell if on_terminal && at >= NAMES => text::cut(&text::clean(&cell.plain()), WIDEST, "…"),
            cell => text::clean(&cell.plain()).into_owned(),
        };
        let mut head: Vec<String> =
            self.columns.iter().map(|column| text::clean(column).into_owned()).collect();
        if on_terminal && head.len() > NAMES {
            let cut = text::distinct(&head[NAMES..], WIDEST, "…");
            head.splice(NAMES.., cut);
        }
        let rows = self.rows.iter().map(|row| row.iter().enumerate().map(shown).collect());
        let rows: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
        let numbers: Vec<bool> = (0..self.columns.len()).map(|at| self.is_number(at)).collect();
        let lines = text::aligned(&rows, |at| numbers.get(at).is_some_and(|is_number| *is_number));
        lines.join("\n") + "\n"
    }

    /// Whether a column holds numbers.
    pub fn is_number(&self, at: usize) -> bool {
        self.rows.iter().any(|row| matches!(row.get(at), Some(Cell::Number(_) | Cell::Integer(_))))
    }

    /// A table as GitHub reads it, aligned for people who read it as it is.
    pub fn markdown(&self) -> String {
        let cell = text::markdown::cell;
        let head: Vec<String> = self.columns.iter().map(|column| cell(column)).collect();
        let rows: Vec<Vec<String>> =
            self.rows.iter().map(|row| row.iter().map(|value| cell(&value.plain())).collect()).collect();
        let is_number = |at: usize| self.is_number(at);
        let widths: Vec<usize> = (0..head.len())
            .map(|at| {
                let cells = rows.iter().filter_map(|row| row.get(at));
                cells.chain([&head[at]]).map(|cell| text::width(cell)).max().unwrap_or(0).max(3)
            })
            .collect();
        let line = |row: &[String]| {
            let cells = row.iter().enumerate().map(|(at, cell)| {
                if is_number(at) {
                    text::fit_right(cell, widths[at], "")
                } else {
                    text::fit(cell, widths[at], "")
                }
            });
            format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
        };
        let rule = (0..head.len()).map(|at| {
            let dashes = "-".repeat(widths[at] - usize::from(is_number(at)));
            if is_number(at) { format!("{dashes}:") } else { dashes }
        });
        let rule = format!("| {} |\n", rule.collect::<Vec<_>>().join(" | "));
        line(&head) + &rule + &rows.iter().map(|row| line(row)).collect::<String>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_do_not_widen_what_people_read() {
        let mut sheet = Sheet::new(["kind", "name", "run"]);
        let name = "encoder.".repeat(12);
        sheet.push([Cell::from("tag"), Cell::from(&*name), Cell::Text("why ".repeat(300))]);
        assert!(sheet.text(true).lines().all(|line| text::width(line) <= 170), "{}", sheet.text(true));
        assert!(sheet.text(true).contains(&name), "names stay apart");
        assert!(sheet.text(false).len() > 1_200 && sheet.csv().len() > 1_200);
    }

    #[test]
    fn a_table_leaves_in_three_forms() {
        let mut sheet = Sheet::new(["run", "rmse"]);
        sheet.push([Cell::from("a|b, \"c\""), Cell::Number(0.1)]);
        sheet.push([Cell::from("\u{1b}[31mred"), Cell::Number(f64::NAN)]);
        sheet.push([Cell::from("x"), Cell::Missing]);
        assert_eq!(sheet.csv(), "run,rmse\n\"a|b, \"\"c\"\"\",0.1\n\u{1b}[31mred,NaN\nx,\n");
        assert_eq!(
            sheet.markdown(),
            "| run         | rmse |\n| ----------- | ---: |\n| `a\\|b, \"c\"` |  0.1 |\n| `^[[31mred` |  NaN |\n| x           |      |\n"
        );
        let json: Json = serde_json::from_str(&sheet.json()).unwrap();
        assert_eq!(json[1]["rmse"], "NaN");
        assert_eq!(json[2]["rmse"], Json::Null);
    }
}
