//! What runs are grouped by.

#![deny(clippy::wildcard_enum_match_arm)]

use super::update::reshape;
use crate::catalog::view::Shape;
use crate::catalog::{ColumnSpec, Row};
use crate::mlflow::filter::DatasetField;
use crate::mlflow::tags;
use crate::text;
use crate::tui::core::app::App;
use crate::tui::core::requests::view_changed;
use crate::tui::widgets::picker::{Item, Picked, Picker};

/// The columns whose values can be shared: the chosen one first.
pub fn pick(app: &mut App) {
    let runs = &app.runs;
    let grouped = match &runs.view.shape {
        Shape::Groups(column) => Some(column.clone()),
        Shape::Flat | Shape::Tree => None,
    };
    let texts = &runs.catalog.texts;
    let item = |column: ColumnSpec, count: usize| Item {
        label: column.name(),
        note: if grouped.as_ref() == Some(&column) { "now".into() } else { text::runs(count) },
        on: None,
        value: Shape::Groups(column),
    };
    let own = |(key, _): &(&str, usize)| !tags::is_system(key);
    let params =
        runs.catalog.params.keys(texts).map(|(key, count)| item(ColumnSpec::Param(key.to_owned()), count));
    let tags = runs.catalog.tags.keys(texts).filter(own);
    let tags = tags.map(|(key, count)| item(ColumnSpec::Tag(key.to_owned()), count));
    let catalog = &runs.catalog;
    let has_user = |row: &Row| !catalog.texts.get(catalog.run(*row).user).is_empty();
    let users = catalog.rows().filter(has_user).count();
    let attributes = [(ColumnSpec::Status, catalog.count), (ColumnSpec::User, users)];
    let attributes =
        attributes.into_iter().filter(|(_, count)| *count > 0).map(|(column, count)| item(column, count));
    // Which runs have one is known once somebody asks.
    let data_set = Item { note: String::new(), ..item(ColumnSpec::Dataset(DatasetField::Name), 0) };
    let attributes = attributes.chain([data_set]);
    let mut items: Vec<_> = params.chain(attributes).chain(tags).collect();
    let chosen = runs.chosen_column().filter(|_| runs.can_group()).cloned().map(Shape::Groups);
    if let Some(at) = items.iter().position(|item| Some(&item.value) == chosen.as_ref()) {
        items[..=at].rotate_right(1);
    }
    if grouped.is_some() {
        let none = Item { label: "no groups".into(), note: String::new(), on: None, value: Shape::Flat };
        items.insert(0, none);
    }
    Picker::new("Group runs by", items, |app, picked, effects| match picked {
        Picked::Chosen(shape) => {
            reshape(&mut app.runs, shape);
            view_changed(app, effects);
        }
        Picked::Toggled(..) | Picked::Removed(_) => {}
    })
    .open(app);
}
