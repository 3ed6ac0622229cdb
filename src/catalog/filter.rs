//! MLflow's filters on a catalogue.

use super::{Catalog, Column, ColumnSpec, NO_TIME, Row, Sym};
use crate::mlflow::filter::{Attribute, Clause, Field, Filter, Test};
use crate::mlflow::tags;
use crate::text::Spelling;

/// A set of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowSet(Vec<bool>);

impl FromIterator<bool> for RowSet {
    fn from_iter<I: IntoIterator<Item = bool>>(rows: I) -> Self {
        Self(rows.into_iter().collect())
    }
}

impl RowSet {
    /// The rows whose place holds true.
    pub fn new(rows: Vec<bool>) -> Self {
        Self(rows)
    }

    pub fn contains(&self, row: Row) -> bool {
        self.0.get(row as usize).copied().unwrap_or(false)
    }
}

/// The filter asks for data sets, which a catalogue does not hold: the store has to be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NeedsStore;

/// The rows that pass, present or not.
pub fn matching(catalog: &Catalog, filter: &Filter) -> Result<RowSet, NeedsStore> {
    let mut pass = vec![true; catalog.runs.len()];
    narrow(catalog, filter, &mut pass)?;
    Ok(RowSet(pass))
}

/// Leaves only the rows that pass: those that do not already are not looked at.
fn narrow(catalog: &Catalog, filter: &Filter, pass: &mut Vec<bool>) -> Result<(), NeedsStore> {
    for clause in &filter.clauses {
        apply(catalog, clause, pass)?;
    }
    for any in &filter.alternatives {
        let mut some = vec![false; pass.len()];
        for filter in any {
            // What one of them lets through need not be looked at again.
            let mut rest: Vec<bool> = pass.iter().zip(&some).map(|(pass, some)| *pass && !some).collect();
            narrow(catalog, filter, &mut rest)?;
            some.iter_mut().zip(rest).for_each(|(some, passes)| *some |= passes);
        }
        *pass = some;
    }
    Ok(())
}

fn apply(catalog: &Catalog, clause: &Clause, pass: &mut [bool]) -> Result<(), NeedsStore> {
    let test = &clause.test;
    let mut by_run = |passes: &dyn Fn(Row) -> bool| {
        for (row, pass) in pass.iter_mut().enumerate() {
            *pass = *pass && passes(row as Row);
        }
    };
    match &clause.field {
        Field::Dataset(_) => return Err(NeedsStore),
        Field::Metric(key) => {
            let column = catalog.metrics.column(&catalog.texts, key);
            by_run(&|row| test.matches_number(column.and_then(|column| column.get(row))));
        }
        Field::Param(key) => {
            let column = catalog.params.column(&catalog.texts, key);
            by_run(&|row| matches_sym(catalog, test, column.map(AsRef::as_ref), row));
        }
        Field::Tag(key) => {
            let column = catalog.tags.column(&catalog.texts, key);
            by_run(&|row| matches_sym(catalog, test, column.map(AsRef::as_ref), row));
        }
        // MLflow looks for the name in its tag.
        Field::Attribute(Attribute::RunName) => {
            let column = catalog.tags.column(&catalog.texts, tags::RUN_NAME);
            by_run(&|row| matches_sym(catalog, test, column.map(AsRef::as_ref), row));
        }
        Field::Attribute(attribute) => by_run(&|row| {
            let run = catalog.run(row);
            let time = |time: i64| (time != NO_TIME).then_some(time);
            match attribute {
                Attribute::StartTime => test.matches_time(time(run.start_time)),
                Attribute::EndTime => test.matches_time(time(run.end_time)),
                Attribute::Status => test.matches_text(Some(run.status.as_str())),
                Attribute::UserId => test.matches_text(Some(catalog.texts.get(run.user))),
                Attribute::RunId => test.matches_text(Some(catalog.texts.get(run.run_id))),
                Attribute::ArtifactUri => test.matches_text(Some(&catalog.artifact_uri(row))),
                Attribute::RunName => false,
            }
        }),
    }
    Ok(())
}

fn matches_sym(catalog: &Catalog, test: &Test, column: Option<&Column<Sym>>, row: Row) -> bool {
    test.matches_text(column.and_then(|column| column.get(row)).map(|sym| catalog.texts.get(sym)))
}

/// That no run has what a filter asks for, and what may be meant.
pub fn unknown_key(catalog: &Catalog, filter: &Filter) -> Option<String> {
    let field = unknown_field(catalog, filter)?;
    let (Field::Metric(key) | Field::Param(key) | Field::Tag(key)) = &field else { return None };
    let near = near(catalog, key).map_or(String::new(), |(_, near)| format!("; did you mean {near}?"));
    Some(format!("no run has {field}{near}"))
}

/// The first key that a filter asks for and no run has.
pub fn unknown_field(catalog: &Catalog, filter: &Filter) -> Option<Field> {
    let is_unknown = |field: &&Field| {
        let spec = ColumnSpec::from((*field).clone());
        !matches!(spec, ColumnSpec::Dataset(_)) && spec.runs_with(catalog) == Some(0)
    };
    filter.fields().into_iter().find(is_unknown).cloned()
}

/// All keys that runs have.
pub fn known_fields(catalog: &Catalog) -> impl Iterator<Item = Field> {
    let texts = &catalog.texts;
    let metrics = catalog.metrics.keys(texts).map(|(known, _)| Field::Metric(known.to_owned()));
    let params = catalog.params.keys(texts).map(|(known, _)| Field::Param(known.to_owned()));
    let tags = catalog.tags.keys(texts).map(|(known, _)| Field::Tag(known.to_owned()));
    metrics.chain(params).chain(tags)
}

/// The key that is spelt nearly like another, and by how many letters.
pub fn near(catalog: &Catalog, key: &str) -> Option<(usize, Field)> {
    let spelling = Spelling::new(key);
    let near = known_fields(catalog).filter_map(|known| {
        let (Field::Metric(name) | Field::Param(name) | Field::Tag(name)) = &known else { return None };
        // The same name as something else is nearer than another name.
        Some((spelling.distance(name)?, known))
    });
    near.min_by_key(|(distance, _)| *distance)
}
