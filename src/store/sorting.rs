//! The order of the runs of a search, for places that have no order of their own.

use std::cmp::Ordering;

use crate::mlflow::Run;
use crate::mlflow::filter::{Attribute, Direction, Field, OrderBy};

/// What a run is sorted by.
#[derive(Debug, Clone, PartialEq)]
enum Key {
    Number(f64),
    Text(String),
    Time(i64),
}

fn key(field: &Field, run: &Run) -> Option<Key> {
    let text = |text: &str| Some(Key::Text(text.to_owned()));
    match field {
        Field::Metric(key) => {
            run.metrics.iter().find(|known| known.key == *key).map(|known| Key::Number(known.value))
        }
        Field::Param(key) => {
            run.params.iter().find(|known| known.key == *key).map(|known| Key::Text(known.value.clone()))
        }
        Field::Tag(key) => run.tag(key).and_then(text),
        Field::Attribute(attribute) => match attribute {
            Attribute::RunId => text(run.info.run_id.as_str()),
            Attribute::RunName => text(&run.info.run_name),
            Attribute::Status => text(run.info.status.as_str()),
            Attribute::UserId => text(&run.info.user_id),
            Attribute::ArtifactUri => text(&run.info.artifact_uri),
            Attribute::StartTime => run.info.start_time.map(Key::Time),
            Attribute::EndTime => run.info.end_time.map(Key::Time),
        },
        Field::Dataset(_) => None,
    }
}

/// Missing values last, NaN just before them, ties by start time, newest first, and id.
pub fn order(keys: &[OrderBy], a: &Run, b: &Run) -> Ordering {
    let place = |key: &Option<Key>| match key {
        None => 2,
        Some(Key::Number(value)) if value.is_nan() => 1,
        Some(_) => 0,
    };
    for by in keys {
        let (x, y) = (key(&by.field, a), key(&by.field, b));
        let order = match (&x, &y) {
            (Some(Key::Number(x)), Some(Key::Number(y))) if !x.is_nan() && !y.is_nan() => x.total_cmp(y),
            (Some(Key::Text(x)), Some(Key::Text(y))) => x.cmp(y),
            (Some(Key::Time(x)), Some(Key::Time(y))) => x.cmp(y),
            _ => Ordering::Equal,
        };
        let order = if by.direction == Direction::Descending { order.reverse() } else { order };
        let order = place(&x).cmp(&place(&y)).then(order);
        if order != Ordering::Equal {
            return order;
        }
    }
    let start = |run: &Run| run.info.start_time;
    start(b).cmp(&start(a)).then_with(|| a.info.run_id.as_str().cmp(b.info.run_id.as_str()))
}
