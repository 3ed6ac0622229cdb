//! A search in MLflow's language as one SQL statement for the ids.
//!
//! Conditions are `EXISTS` over the indexed `(key, run_uuid)`, and sort keys are sub-selects: MLflow's own outer
//! joins take time that grows with the square of the number of runs.

use super::{Dialect, Value};
use crate::mlflow::filter::{
    Attribute, Clause, Comparator, DatasetField, Direction, Field, Filter, Number, OrderBy, Test,
};
use crate::mlflow::{ExperimentId, Run, ViewType, tags};
use crate::store::RunSearch;

/// A value in the place of a placeholder, kept with the statement.
#[derive(Debug, Clone, PartialEq)]
pub enum SqlValue {
    Integer(i64),
    Real(f64),
    Text(String),
}

impl SqlValue {
    pub fn as_value(&self) -> Value<'_> {
        match self {
            Self::Integer(int) => (*int).into(),
            Self::Real(real) => (*real).into(),
            Self::Text(text) => text.into(),
        }
    }
}

/// SQL under construction with the values of its placeholders.
#[derive(Debug)]
pub struct Sql {
    pub text: String,
    pub values: Vec<SqlValue>,
    dialect: Dialect,
}

/// The ids of the runs that a search finds, or more of them where its filter is beyond SQL, from `offset` on: one more than are asked for, where there are so many.
pub fn ids_of(search: &RunSearch, offset: usize, dialect: Dialect) -> Sql {
    let mut sql = Sql { text: String::new(), values: Vec::new(), dialect };
    sql.text.push_str("SELECT runs.run_uuid FROM runs WHERE ");
    sql.experiments(&search.experiment_ids);
    sql.text.push_str(" AND runs.");
    sql.text.push_str(stage_condition(search.view));
    sql.filter(&search.filter);
    sql.order(&search.order_by);
    sql.text.push_str(" LIMIT ");
    sql.bind(SqlValue::Integer(search.max_results as i64 + 1));
    sql.text.push_str(" OFFSET ");
    sql.bind(SqlValue::Integer(offset as i64));
    sql
}

/// The lifecycle stages of a view as an SQL condition.
pub fn stage_condition(view: ViewType) -> &'static str {
    match view {
        ViewType::ActiveOnly => "lifecycle_stage = 'active'",
        ViewType::DeletedOnly => "lifecycle_stage = 'deleted'",
        ViewType::All => "lifecycle_stage IN ('active', 'deleted')",
    }
}

/// About the bytes that the values of a run take.
pub fn heaviness(run: &Run) -> usize {
    let pairs = run.params.iter().map(|param| (&param.key, &param.value));
    let pairs = pairs.chain(run.tags.iter().map(|tag| (&tag.key, &tag.value)));
    run.metrics.len() * 96 + pairs.map(|(key, value)| key.len() + value.len() + 64).sum::<usize>()
}

impl Sql {
    fn bind(&mut self, value: SqlValue) {
        self.values.push(value);
        self.text.push_str(&format!("?{}", self.values.len()));
    }

    fn bind_text(&mut self, text: &str) {
        self.bind(SqlValue::Text(text.to_owned()));
    }

    fn experiments(&mut self, ids: &[ExperimentId]) {
        if !ids.iter().any(|id| id.as_key().is_some()) {
            return self.text.push_str("0 = 1");
        }
        self.text.push_str("runs.experiment_id IN (");
        for (i, key) in ids.iter().filter_map(ExperimentId::as_key).enumerate() {
            if i > 0 {
                self.text.push_str(", ");
            }
            self.bind(SqlValue::Integer(key));
        }
        self.text.push(')');
    }

    fn filter(&mut self, filter: &Filter) {
        for clause in &filter.clauses {
            self.text.push_str(" AND ");
            self.clause(clause);
        }
        for any in &filter.alternatives {
            self.text.push_str(" AND (0 = 1");
            for filter in any {
                self.text.push_str(" OR (1 = 1");
                self.filter(filter);
                self.text.push(')');
            }
            self.text.push(')');
        }
    }

    /// What no database compares: that there is something to be compared. The rest is left to the reader.
    fn widely(&mut self, field: &Field) {
        match field {
            Field::Attribute(Attribute::RunName) => self.keyed("tags", tags::RUN_NAME, &Test::IsNotNull),
            Field::Attribute(_) => self.text.push_str("1 = 1"),
            Field::Metric(key) => self.keyed("latest_metrics", key, &Test::IsNotNull),
            Field::Param(key) => self.keyed("params", key, &Test::IsNotNull),
            Field::Tag(key) => self.keyed("tags", key, &Test::IsNotNull),
            Field::Dataset(field) => self.dataset(*field, &Test::IsNotNull),
        }
    }

    fn clause(&mut self, clause: &Clause) {
        if clause.is_beyond_sql() {
            return self.widely(&clause.field);
        }
        match &clause.field {
            // A run's name is what its tag says: older runs have it nowhere else.
            Field::Attribute(Attribute::RunName) => self.keyed("tags", tags::RUN_NAME, &clause.test),
            Field::Attribute(attribute) => {
                let column = self.folded(&format!("runs.{}", attribute_column(*attribute)), &clause.test);
                self.text.push_str(&column);
                self.test(&clause.test);
            }
            // A metric is compared as a number of its own kind: MLflow rounds a whole number to one.
            Field::Metric(key) => match &clause.test {
                Test::Number(comparator, number) => {
                    let test = Test::Number(*comparator, Number::Float(number.as_f64()));
                    self.keyed("latest_metrics", key, &test);
                }
                test => self.keyed("latest_metrics", key, test),
            },
            Field::Param(key) => self.keyed("params", key, &clause.test),
            Field::Tag(key) => self.keyed("tags", key, &clause.test),
            Field::Dataset(field) => self.dataset(*field, &clause.test),
        }
    }

    fn keyed(&mut self, table: &str, key: &str, test: &Test) {
        if *test == Test::IsNull {
            self.text.push_str("NOT ");
        }
        self.text.push_str(&format!(
            "EXISTS (SELECT 1 FROM {table} v WHERE v.run_uuid = runs.run_uuid AND v.key = "
        ));
        self.bind_text(key);
        match test {
            Test::IsNull | Test::IsNotNull => {}
            // NaN is stored as 0 with a mark: it differs from every number and is nothing else.
            Test::Number(Comparator::NotEqual, _) => {
                self.text.push_str(" AND (v.is_nan OR v.value");
                self.test(test);
                self.text.push(')');
            }
            Test::Number(..) => {
                self.text.push_str(" AND NOT v.is_nan AND v.value");
                self.test(test);
            }
            _ => {
                let value = self.folded(&(self.dialect.bounded)("v.value"), test);
                self.text.push_str(&format!(" AND {value}"));
                self.test(test);
            }
        }
        self.text.push(')');
    }

    fn dataset(&mut self, field: DatasetField, test: &Test) {
        self.text.push_str(
            "EXISTS (SELECT 1 FROM inputs i JOIN datasets d ON d.dataset_uuid = i.source_id \
             LEFT JOIN input_tags t ON t.input_uuid = i.input_uuid AND t.name = ",
        );
        self.bind_text(tags::DATA_CONTEXT);
        let column = match field {
            DatasetField::Name => "d.name",
            DatasetField::Digest => "d.digest",
            DatasetField::Context => "t.value",
        };
        let column = self.folded(column, test);
        self.text.push_str(&format!(" WHERE i.destination_id = runs.run_uuid AND {column}"));
        self.test(test);
        self.text.push(')');
    }

    /// The column in lower case where the comparison folds case, and letter by letter where it compares texts otherwise.
    fn folded(&self, column: &str, test: &Test) -> String {
        match test {
            Test::Text(Comparator::ILike, _) => format!("lower({column})"),
            Test::Text(..) | Test::In(_) | Test::NotIn(_) => (self.dialect.exactly)(column),
            Test::Number(..) | Test::IsNull | Test::IsNotNull | Test::Matches(_) | Test::MatchesNot(_) => {
                column.to_owned()
            }
        }
    }

    /// The comparison itself, behind the column.
    fn test(&mut self, test: &Test) {
        match test {
            Test::Number(comparator, number) => {
                self.text.push_str(&format!(" {} ", comparator.as_str()));
                self.bind(match number {
                    Number::Int(int) => SqlValue::Integer(*int),
                    Number::Float(float) => SqlValue::Real(*float),
                });
            }
            Test::Text(Comparator::ILike, text) => {
                self.text.push_str(" LIKE lower(");
                self.bind_text(text);
                self.text.push(')');
                self.text.push_str(self.dialect.no_escape);
            }
            Test::Text(comparator, text) => {
                self.text.push_str(&format!(" {} ", comparator.as_str()));
                self.bind_text(text);
                if *comparator == Comparator::Like {
                    self.text.push_str(self.dialect.no_escape);
                }
            }
            Test::In(list) => self.list(" IN (", list),
            Test::NotIn(list) => self.list(" NOT IN (", list),
            Test::IsNull => self.text.push_str(" IS NULL"),
            // A regular expression has none: it is beyond SQL.
            Test::IsNotNull | Test::Matches(_) | Test::MatchesNot(_) => self.text.push_str(" IS NOT NULL"),
        }
    }

    fn list(&mut self, operator: &str, list: &[String]) {
        self.text.push_str(operator);
        for (i, text) in list.iter().enumerate() {
            if i > 0 {
                self.text.push_str(", ");
            }
            self.bind_text(text);
        }
        self.text.push(')');
    }

    /// Missing values last, NaN just before them, ties by start time, newest first, and id.
    fn order(&mut self, keys: &[OrderBy]) {
        self.text.push_str(" ORDER BY ");
        for key in keys {
            let direction = if key.direction == Direction::Descending { "DESC" } else { "ASC" };
            match &key.field {
                Field::Attribute(attribute) => {
                    let column = attribute_column(*attribute);
                    let is_time = matches!(attribute, Attribute::StartTime | Attribute::EndTime);
                    let by = if is_time { "" } else { self.dialect.by_bytes };
                    self.text.push_str(&format!("runs.{column} IS NULL, runs.{column}{by} {direction}, "));
                }
                Field::Metric(key) => {
                    self.text.push_str("coalesce(");
                    self.sub_select("CASE WHEN is_nan THEN 1 ELSE 0 END", "latest_metrics", key);
                    self.text.push_str(", 2), ");
                    self.sub_select("value", "latest_metrics", key);
                    self.text.push_str(&format!(" {direction}, "));
                }
                Field::Param(key) => self.text_key("params", key, direction),
                Field::Tag(key) => self.text_key("tags", key, direction),
                // The parser lets no such order through.
                Field::Dataset(_) => {}
            }
        }
        let has_start = keys.iter().any(|key| key.field == Field::Attribute(Attribute::StartTime));
        if !has_start {
            self.text.push_str("runs.start_time IS NULL, runs.start_time DESC, ");
        }
        self.text.push_str("runs.run_uuid");
        self.text.push_str(self.dialect.by_bytes);
    }

    fn text_key(&mut self, table: &str, key: &str, direction: &str) {
        self.text.push_str("coalesce(");
        self.sub_select("CASE WHEN value IS NULL THEN 1 ELSE 0 END", table, key);
        self.text.push_str(", 1), ");
        self.sub_select(&(self.dialect.bounded)("value"), table, key);
        self.text.push_str(&format!("{} {direction}, ", self.dialect.by_bytes));
    }

    /// The expression on the run's row of that key; nothing where it has none.
    fn sub_select(&mut self, expression: &str, table: &str, key: &str) {
        self.text.push_str(&format!(
            "(SELECT {expression} FROM {table} WHERE run_uuid = runs.run_uuid AND key = "
        ));
        self.bind_text(key);
        self.text.push(')');
    }
}

/// The column of `runs` that holds an attribute.
fn attribute_column(attribute: Attribute) -> &'static str {
    match attribute {
        Attribute::RunId => "run_uuid",
        Attribute::RunName => "name",
        other => other.as_str(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mlflow::filter::parse;

    #[test]
    fn a_search_is_written_as_the_dialect_wants_it() {
        let dialect = Dialect {
            bounded: |column| format!("left({column}, 9)"),
            among: |list| format!("({list})"),
            insert_new: |_, _| String::new(),
            upsert: |_, _, _, _| String::new(),
            newest: "",
            exactly: str::to_owned,
            for_update: "",
            folds_case: false,
            by_bytes: " COLLATE \"C\"",
            no_escape: " ESCAPE ''",
            runs_at_once: 1,
            sorts_groups: false,
            latest_experiment: "",
            experiment_ids: (0, 0),
            skip_experiment_ids: None,
            defer_references: None,
        };
        let search = RunSearch {
            experiment_ids: vec!["3".into()],
            filter: parse("params.lr = '0.1' AND metrics.loss < 2").unwrap(),
            max_results: 10,
            ..RunSearch::default()
        };
        let sql = ids_of(&search, 20, dialect);
        assert_eq!(
            sql.text,
            "SELECT runs.run_uuid FROM runs WHERE runs.experiment_id IN (?1) AND runs.lifecycle_stage = 'active' \
             AND EXISTS (SELECT 1 FROM params v WHERE v.run_uuid = runs.run_uuid AND v.key = ?2 \
             AND left(v.value, 9) = ?3) \
             AND EXISTS (SELECT 1 FROM latest_metrics v WHERE v.run_uuid = runs.run_uuid AND v.key = ?4 \
             AND NOT v.is_nan AND v.value < ?5) \
             ORDER BY runs.start_time IS NULL, runs.start_time DESC, runs.run_uuid COLLATE \"C\" LIMIT ?6 OFFSET ?7"
        );
        let text = |text: &str| SqlValue::Text(text.into());
        let (lr, loss) = (text("lr"), text("loss"));
        let numbers =
            [SqlValue::Integer(3), SqlValue::Real(2.0), SqlValue::Integer(11), SqlValue::Integer(20)];
        let [experiment, two, limit, offset] = numbers;
        assert_eq!(sql.values, [experiment, lr, text("0.1"), loss, two, limit, offset]);
    }
}
