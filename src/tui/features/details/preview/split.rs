//! Tables as JSON, as `mlflow.log_table` and pandas write them: `{"columns": […], "data": [[…], …]}`.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::table::{COLUMNS, Table, kept_rows};

/// The table that a text is, if it is one.
pub fn table(words: &str) -> Option<Table> {
    let mut reader = serde_json::Deserializer::from_str(words);
    let table = reader.deserialize_map(Whole).ok()?;
    reader.end().ok()?;
    Some(table)
}

/// A value in a cell: what is nested stays JSON, and numbers keep their digits.
fn cell(value: &RawValue) -> String {
    let written = value.get();
    match serde_json::from_str::<Cow<'_, str>>(written) {
        Ok(text) if written.starts_with('"') => text.into_owned(),
        _ => written.to_owned(),
    }
}

struct Whole;

impl<'de> Visitor<'de> for Whole {
    type Value = Table;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("columns and data")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Table, A::Error> {
        let (mut columns, mut data) = (None::<Vec<&RawValue>>, None);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "columns" => columns = Some(map.next_value()?),
                "data" => data = Some(map.next_value_seed(Rows)?),
                "index" => drop(map.next_value::<IgnoredAny>()?),
                _ => return Err(A::Error::custom("something else")),
            }
        }
        let columns = columns.ok_or_else(|| A::Error::missing_field("columns"))?;
        let (rows, all_rows) = data.ok_or_else(|| A::Error::missing_field("data"))?;
        let titles = columns.iter().take(COLUMNS).map(|value| cell(value)).collect();
        Ok(Table::new(titles, rows, all_rows, columns.len()))
    }
}

/// The rows that are kept, and the number of all.
struct Rows;

impl<'de> DeserializeSeed<'de> for Rows {
    type Value = (Vec<Vec<String>>, usize);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Rows {
    type Value = (Vec<Vec<String>>, usize);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let (mut rows, mut most) = (Vec::<Vec<String>>::new(), 1);
        while rows.len() < most {
            let Some(row) = seq.next_element::<Vec<&RawValue>>()? else {
                let count = rows.len();
                return Ok((rows, count));
            };
            rows.push(row.iter().take(COLUMNS).map(|value| cell(value)).collect());
            most = kept_rows(row.len());
        }
        let mut count = rows.len();
        while seq.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok((rows, count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_log_table_writes_is_a_table() {
        let table = table(
            r#"{"columns":["inputs","n","x"],"data":[["What?",1.0,{"type":"image","filepath":"a.png"}],[null,12345678901234567890123,[1,"\u001b"]]]}"#,
        );
        let table = table.unwrap();
        let titles: Vec<&str> = table.columns.iter().map(|column| column.title.as_str()).collect();
        assert_eq!(titles, ["inputs", "n", "x"]);
        assert_eq!(table.rows[0], ["What?", "1.0", r#"{"type":"image","filepath":"a.png"}"#]);
        assert_eq!(table.rows[1], ["null", "12345678901234567890123", r#"[1,"\u001b"]"#]);
        assert!(table.columns[1].is_number && table.all_rows == 2);
    }

    #[test]
    fn other_json_is_no_table() {
        for words in [
            "[]",
            "{}",
            r#"{"columns":["a"]}"#,
            r#"{"columns":["a"],"data":[1]}"#,
            r#"{"columns":["a"],"data":[[1]],"more":1}"#,
            r#"{"columns":["a"],"data":[[1]"#,
            r#"{"columns":["a"],"data":[[1]]} x"#,
        ] {
            assert_eq!(table(words), None, "{words}");
        }
        let many = format!(r#"{{"data":[{}[0]],"index":[1],"columns":["a"]}}"#, "[1],".repeat(59_999));
        let many = table(&many).unwrap();
        assert_eq!((many.rows.len(), many.all_rows), (50_000, 60_000));
        assert!(table(r#"{"columns":[],"data":[]}"#).is_some_and(|table| table.columns.is_empty()));
    }
}
