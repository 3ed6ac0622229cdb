//! Tables as aligned text, CSV or JSON.

use std::io::{self, IsTerminal, Write};

use serde_json::Value as Json;

use crate::catalog::Value;
use crate::sheet::json_number;
use crate::text;

/// How to print.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub struct OutputFlags {
    /// Print JSON
    #[arg(long, conflicts_with = "csv")]
    pub json: bool,
    /// Print CSV with a header
    #[arg(long)]
    pub csv: bool,
}

/// Columns with a title and a name, and cells.
pub struct TextTable<'a> {
    pub titles: Vec<String>,
    pub names: Vec<String>,
    pub rows: Vec<Vec<Value<'a>>>,
}

impl TextTable<'_> {
    /// Prints the table; `now` (milliseconds) is what ages are counted from.
    pub fn print(&self, format: OutputFlags, now: i64, out: &mut impl Write) -> io::Result<()> {
        if format.json {
            let rows: Vec<Json> = self.rows.iter().map(|row| self.json_row(row)).collect();
            return print_json(&Json::Array(rows), out);
        }
        if format.csv { self.print_csv(out) } else { self.print_text(now, out) }
    }

    fn json_row(&self, row: &[Value<'_>]) -> Json {
        Json::Object(self.names.iter().cloned().zip(row.iter().map(json)).collect())
    }

    fn print_csv(&self, out: &mut impl Write) -> io::Result<()> {
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record(&self.names).map_err(cause)?;
        for row in &self.rows {
            writer.write_record(row.iter().map(plain)).map_err(cause)?;
        }
        writer.flush()
    }

    /// Columns side by side, numbers to the right; on a terminal no wider than it is.
    fn print_text(&self, now: i64, out: &mut impl Write) -> io::Result<()> {
        let titles = self.titles.iter().map(|title| text::clean(title).into_owned()).collect();
        let cells = self.rows.iter().map(|row| row.iter().map(|value| shown(value, now)).collect());
        let rows: Vec<Vec<String>> = std::iter::once(titles).chain(cells).collect();
        let is_number = |column: usize| {
            self.rows.iter().any(|row| {
                matches!(
                    row[column],
                    Value::Number(_) | Value::Point(..) | Value::Duration(_) | Value::Count(_)
                )
            })
        };
        let right: Vec<bool> = (0..self.titles.len()).map(is_number).collect();
        let limit = if io::stdout().is_terminal() {
            crossterm::terminal::size().map_or(usize::MAX, |(columns, _)| columns as usize)
        } else {
            usize::MAX
        };
        let lines = text::aligned(&rows, |at| right[at]);
        lines.iter().try_for_each(|line| writeln!(out, "{}", text::cut(line, limit, "…")))
    }
}

/// What went wrong while CSV was written: whether somebody still reads is asked later.
fn cause(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(cause) => cause,
        other => io::Error::other(format!("{other:?}")),
    }
}

pub fn print_json(value: &Json, out: &mut impl Write) -> io::Result<()> {
    text::json::write_pretty(value, &mut *out)?;
    writeln!(out)
}

fn json(value: &Value<'_>) -> Json {
    match value {
        Value::Missing => Json::Null,
        Value::Number(number) | Value::Point(number, _) => json_number(*number),
        Value::Text(text) => Json::from(*text),
        Value::OwnedText(text) => Json::from(text.as_str()),
        Value::Time(ms) | Value::Duration(ms) => Json::from(*ms),
        Value::Count(count) => Json::from(*count),
        Value::Status(status) => Json::from(status.as_str()),
    }
}

/// A cell of a CSV file: exact, times in milliseconds.
fn plain(value: &Value<'_>) -> String {
    match value {
        Value::Missing => String::new(),
        Value::Number(number) | Value::Point(number, _) => text::exact(*number),
        Value::Text(text) => (*text).to_owned(),
        Value::OwnedText(text) => text.clone(),
        Value::Time(ms) | Value::Duration(ms) => ms.to_string(),
        Value::Count(count) => count.to_string(),
        Value::Status(status) => status.to_string(),
    }
}

/// A cell for people.
fn shown(value: &Value<'_>, now: i64) -> String {
    match value {
        Value::Missing => "-".into(),
        Value::Number(number) | Value::Point(number, _) => text::number(*number),
        Value::Text(text) => text::clean(text).into_owned(),
        Value::OwnedText(text) => text::clean(text).into_owned(),
        Value::Time(ms) => text::span(now.saturating_sub(*ms)),
        Value::Duration(ms) => text::duration(*ms),
        Value::Count(count) => count.to_string(),
        Value::Status(status) => status.label().to_owned(),
    }
}
