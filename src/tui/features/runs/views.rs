//! Views with names: taken from what is shown, picked, and handed on as files.

use super::actions::Action;
use super::columns::{TableColumn, WIDTHS};
use super::effects::Effect;
use super::{Runs, filters};
use crate::catalog::ColumnSpec;
use crate::catalog::sort::SortKey;
use crate::catalog::view::Shape;
use crate::mlflow::filter::Expression;
use crate::state::views::{LONGEST, NamedView, SavedColumn, SavedView, ViewPlace, exported, find, for_place};
use crate::text;
use crate::tui::core::app::App;
use crate::tui::core::effect::Effects;
use crate::tui::core::memory::sort_text;
use crate::tui::core::requests::{save_file, view_changed};
use crate::tui::widgets::confirm::Confirm;
use crate::tui::widgets::picker::{Item, Picked, Picker};
use crate::tui::widgets::prompt::{Prompt, PromptError};

/// The views that there are, for all experiments of all stores.
#[derive(Debug, Default)]
pub struct NamedViews {
    pub list: Vec<NamedView>,
    /// The name of the open store.
    pub store: String,
    /// The one to begin with.
    pub wanted: Option<String>,
}

/// The view that was picked, and what was shown before.
#[derive(Debug, Clone, PartialEq)]
pub struct PickedView {
    pub name: String,
    view: SavedView,
    /// None where that was on an earlier visit.
    before: Option<SavedView>,
}

#[derive(Debug, Clone, PartialEq)]
enum Choice {
    View(NamedView),
    Before,
    Save,
    Export,
    Import,
}

impl Runs {
    /// What is shown, as a view.
    pub fn saved_view(&self) -> SavedView {
        let columns = if self.own_columns { self.all_columns() } else { Vec::new() };
        SavedView {
            columns: columns
                .iter()
                .map(|shown| SavedColumn { name: shown.spec.name(), width: shown.width })
                .collect(),
            sort: self.view.sort.iter().map(sort_text).collect(),
            filter: self.filter_text.clone(),
            tree: self.view.shape == Shape::Tree,
            group: match &self.view.shape {
                Shape::Groups(column) => Some(column.name()),
                Shape::Flat | Shape::Tree => None,
            },
            differing: self.differing,
            charts: None,
        }
    }

    /// Shows a view; what of it cannot be read is left out, and told.
    fn take_view(&mut self, saved: &SavedView) -> Result<(), String> {
        let mut wrong = Vec::new();
        let mut read = |what: &str, text: &str| wrong.push(format!("{what} {text:?}"));
        let mut columns = Vec::new();
        for column in &saved.columns {
            match ColumnSpec::parse(&column.name) {
                Ok(spec) => columns.push(TableColumn { spec, width: column.width }),
                Err(_) => read("the column", &column.name),
            }
        }
        let mut sort = Vec::new();
        for key in &saved.sort {
            match SortKey::parse(key) {
                Ok(key) => sort.push(key),
                Err(_) => read("the order", key),
            }
        }
        let shape = match &saved.group {
            Some(column) => ColumnSpec::parse(column).map(Shape::Groups),
            None if saved.tree => Ok(Shape::Tree),
            None => Ok(Shape::Flat),
        };
        let filter = Expression::parse(&saved.filter);
        if filter.is_err() {
            read("the filter", &saved.filter);
        }
        self.clear_filters();
        if let Ok(filter) = filter.as_ref()
            && !filter.is_empty()
        {
            self.set_filter(saved.filter.clone(), filter.clone());
        }
        self.view.sort = sort;
        self.view.shape = shape.unwrap_or_default();
        self.view.toggled.clear();
        self.view.all_toggled = false;
        self.differing = saved.differing;
        self.own_columns = !columns.is_empty();
        if self.own_columns {
            self.set_columns(columns);
        }
        self.follow_keys();
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join(", ")) }
    }

    /// Columns that the user chose. Without a name in front nothing else would make sense.
    pub fn set_columns(&mut self, columns: Vec<TableColumn>) {
        let is_name = |shown: &TableColumn| shown.spec == ColumnSpec::RunName;
        let name = columns.iter().find(|shown| is_name(shown)).cloned();
        self.columns = columns;
        self.constants.clear();
        self.columns.retain(|shown| !is_name(shown));
        self.columns.insert(0, name.unwrap_or_else(|| TableColumn::from(ColumnSpec::RunName)));
        for column in &mut self.columns {
            column.width = column.width.map(|width| width.clamp(WIDTHS.0, WIDTHS.1));
        }
    }

    /// The view that is shown, and whether it was changed since.
    pub fn picked_view(&self) -> Option<(&str, bool)> {
        self.picked_view.as_ref().map(|picked| (picked.name.as_str(), picked.view != self.saved_view()))
    }
}

/// What is shown, with how charts are drawn.
fn shown_view(app: &App) -> SavedView {
    SavedView { charts: Some(Box::new(app.charts.saved())), ..app.runs.saved_view() }
}

/// Where the views of the open experiment are kept.
fn place(app: &App) -> Option<ViewPlace> {
    app.runs.experiment.as_ref().map(|experiment| ViewPlace::new(&app.views.store, experiment))
}

/// The view of that name was shown on the last visit.
pub fn come_back(app: &mut App, name: Option<&str>) {
    let Some((place, name)) = place(app).zip(name) else { return };
    let found = find(&app.views.list, name, &place).cloned();
    app.runs.picked_view = found.map(|NamedView { name, mut view, .. }| {
        if let Some(charts) = view.charts.take() {
            app.charts.take_saved(&charts);
        }
        PickedView { name, view, before: None }
    });
}

/// Shows the view that the command line names.
pub fn take_wanted(app: &mut App, effects: &mut Effects) {
    let Some(place) = place(app) else { return };
    let Some(name) = app.views.wanted.take() else { return };
    match find(&app.views.list, &name, &place).cloned() {
        Some(view) => open(app, &view, effects),
        None => {
            let known: Vec<&str> =
                for_place(&app.views.list, &place).iter().map(|view| view.name.as_str()).collect();
            let known = if known.is_empty() { "there is none yet".into() } else { known.join(", ") };
            app.say(format!("no view {name:?} of this experiment: {known}"));
        }
    }
}

fn open(app: &mut App, named: &NamedView, effects: &mut Effects) {
    let picked = app.runs.picked_view.take();
    let before = picked.map_or_else(|| Some(shown_view(app)), |picked| picked.before);
    let taken = app.runs.take_view(&named.view);
    if let Some(charts) = &named.view.charts {
        app.charts.take_saved(charts);
    }
    // As it now is: what could not be read is not a change of the user.
    let view = app.runs.saved_view();
    app.runs.picked_view = Some(PickedView { name: named.name.clone(), view, before });
    if let Err(wrong) = taken {
        app.say(format!("of the view {}, {wrong} cannot be read", named.name));
    }
    view_changed(app, effects);
}

/// The list of views.
pub fn pick(app: &mut App) {
    let Some(place) = place(app) else { return };
    let item =
        |label: &str, note: &str, value| Item { label: label.into(), note: note.into(), on: None, value };
    let views = for_place(&app.views.list, &place);
    let mut items: Vec<Item<Choice>> = views
        .iter()
        .map(|view| Item {
            label: view.name.clone(),
            note: in_words(&view.view),
            on: Some(view.of.is_none()),
            value: Choice::View((*view).clone()),
        })
        .collect();
    if app.runs.picked_view.as_ref().is_some_and(|picked| picked.before.is_some()) {
        items.push(item("as it was", "before a view was picked", Choice::Before));
    }
    items.push(item("save the view", "columns, order, filter and groups, as they are now", Choice::Save));
    if !views.is_empty() {
        items.push(item("export", "these views, into a file", Choice::Export));
    }
    items.push(item("import", "views of a file", Choice::Import));
    let title = if views.is_empty() { "Views" } else { "Views (on: for all experiments)" };
    Picker::new(title, items, chosen).removable(|choice| matches!(choice, Choice::View(_))).open(app);
}

fn chosen(app: &mut App, picked: Picked<Choice>, effects: &mut Effects) {
    match picked {
        Picked::Chosen(Choice::View(view)) => open(app, &view, effects),
        Picked::Chosen(Choice::Before) => {
            if let Some(before) = app.runs.picked_view.take().and_then(|picked| picked.before) {
                // It was read before.
                let _ = app.runs.take_view(&before);
                if let Some(charts) = &before.charts {
                    app.charts.take_saved(charts);
                }
                view_changed(app, effects);
            }
        }
        Picked::Chosen(Choice::Save) => save(app),
        Picked::Chosen(Choice::Export) => export(app),
        Picked::Chosen(Choice::Import) => import(app),
        Picked::Toggled(Choice::View(view), for_all) => move_to(app, &view, for_all, effects),
        Picked::Removed(Choice::View(view)) => {
            // It may have been moved since the list was opened.
            let now = place(app).and_then(|place| find(&app.views.list, &view.name, &place).cloned());
            let is_there = app.views.list.iter().any(|known| known.name == view.name && known.of == view.of);
            remove(app, if is_there { view } else { now.unwrap_or(view) });
        }
        Picked::Toggled(..) | Picked::Removed(_) => {}
    }
}

/// What a view shows, in a few words.
fn in_words(view: &SavedView) -> String {
    let mut words = Vec::new();
    if !view.filter.is_empty() {
        words.push(view.filter.clone());
    }
    if let Some(key) = view.sort.first() {
        words.push(format!("by {key}"));
    }
    if let Some(group) = &view.group {
        words.push(format!("grouped by {group}"));
    }
    if view.tree {
        words.push("as a tree".into());
    }
    if view.differing {
        words.push("what differs".into());
    }
    if !view.columns.is_empty() {
        words.push(text::counted(view.columns.len(), "column"));
    }
    if words.is_empty() { "all runs, newest first".into() } else { words.join(", ") }
}

/// Asks for a name.
pub fn save(app: &mut App) {
    let name = app.runs.picked_view.as_ref().map_or(String::new(), |picked| picked.name.clone());
    let hint = "a name; W picks the view again, and can make it one for all experiments";
    let keys = app.keymap.keys_of(Action::Views.into());
    let hint = hint.replacen('W', keys.first().copied().unwrap_or("W"), 1);
    Prompt::new("Save the view", hint, &name, named, |app, name, effects| {
        let Some(place) = place(app) else { return Ok(()) };
        let of = find(&app.views.list, &name, &place).and_then(|known| known.of.clone());
        let is_known = find(&app.views.list, &name, &place).is_some();
        let of = if is_known { of } else { Some(place) };
        let new = NamedView { name: name.clone(), of, view: shown_view(app) };
        if !is_known {
            keep(app, new, effects);
            return Ok(());
        }
        let now = in_words(&new.view);
        Confirm::new(format!("Replace the view {name}?"), vec![now], move |app, effects| {
            keep(app, new, effects);
        })
        .open(app);
        Ok(())
    })
    .open(app);
}

fn named(text: &str) -> Result<String, PromptError> {
    let name = text.trim();
    match name.chars().count() {
        0 => Err("enter a name".into()),
        length if length > LONGEST => Err(format!("a name has {LONGEST} characters at most").into()),
        _ => Ok(name.to_owned()),
    }
}

/// A view is there from now on, and shown.
fn keep(app: &mut App, new: NamedView, effects: &mut Effects) {
    let view = app.runs.saved_view();
    let before = app.runs.picked_view.take();
    let before = before.map_or_else(|| Some(shown_view(app)), |picked| picked.before);
    app.runs.picked_view = Some(PickedView { name: new.name.clone(), view, before });
    app.runs.changed = true;
    let words = app.runs.view.words.trim();
    let without = if words.is_empty() { String::new() } else { format!(", without the search /{words}") };
    app.status = Some(text::clean(&format!("saved the view {}{without}", new.name)).into_owned());
    change(app, Vec::new(), vec![new], effects);
}

fn change(app: &mut App, gone: Vec<NamedView>, new: Vec<NamedView>, effects: &mut Effects) {
    let is = |known: &NamedView, other: &NamedView| known.name == other.name && known.of == other.of;
    app.views.list.retain(|known| !gone.iter().chain(&new).any(|other| is(known, other)));
    app.views.list.extend(new.iter().cloned());
    effects.push(Effect::KeepViews { gone, new });
}

/// Makes a view one for all experiments, or for this one.
fn move_to(app: &mut App, view: &NamedView, for_all: bool, effects: &mut Effects) {
    let here = place(app);
    let (from, of) = if for_all { (here, None) } else { (None, here) };
    // The picker shows what it was opened with, and other experiments have views of that name.
    let known = app.views.list.iter().find(|known| known.name == view.name && known.of == from).cloned();
    if known.is_some() && app.views.list.iter().any(|known| known.name == view.name && known.of == of) {
        let whose = if for_all { "for all experiments" } else { "of this experiment" };
        return app.say(format!("there is a view {} {whose} already; remove one of them", view.name));
    }
    if let Some(known) = known {
        let new = NamedView { of, ..known.clone() };
        change(app, vec![known], vec![new], effects);
    }
}

fn remove(app: &mut App, view: NamedView) {
    let lines = vec![in_words(&view.view)];
    Confirm::new(format!("Delete the view {}?", view.name), lines, move |app, effects| {
        if app.runs.picked_view.as_ref().is_some_and(|picked| picked.name == view.name) {
            app.runs.picked_view = None;
        }
        app.status = Some(format!("deleted the view {}", text::clean(&view.name)));
        change(app, vec![view], Vec::new(), effects);
    })
    .open(app);
}

fn path_of(text: &str) -> Result<String, PromptError> {
    let path = text.trim();
    if path.is_empty() { Err("enter a file name".into()) } else { Ok(path.to_owned()) }
}

fn export(app: &mut App) {
    let hint = "a file in the working folder, or a path; existing files are not overwritten";
    Prompt::new("Export views", hint, "views.json", path_of, |app, path: String, effects| {
        if let Some(place) = place(app) {
            let text = exported(&for_place(&app.views.list, &place)).map_err(|error| error.to_string())?;
            save_file(path, text, effects);
        }
        Ok(())
    })
    .open(app);
}

fn import(app: &mut App) {
    let hint = "a file that was exported; views of the same name stay as they are";
    Prompt::new("Import views", hint, "views.json", path_of, |app, path: String, effects| {
        if let Some(place) = place(app) {
            effects.push(Effect::ImportViews { path, place });
        }
        Ok(())
    })
    .open(app);
}

/// Views of a file were read.
pub fn imported(app: &mut App, read: Result<Vec<NamedView>, String>, effects: &mut Effects) {
    let views = match read {
        Ok(views) => views,
        Err(error) => return app.say(format!("nothing was imported: {error}")),
    };
    let is_known =
        |view: &NamedView| app.views.list.iter().any(|known| known.name == view.name && known.of == view.of);
    let (known, mut new): (Vec<_>, Vec<_>) = views.into_iter().partition(is_known);
    let mut seen: Vec<(String, Option<ViewPlace>)> = Vec::new();
    new.retain(|view| {
        let key = (view.name.clone(), view.of.clone());
        let is_first = !seen.contains(&key);
        seen.push(key);
        is_first
    });
    let names =
        |views: &[NamedView]| views.iter().map(|view| view.name.as_str()).collect::<Vec<_>>().join(", ");
    let mut words = match new.len() {
        0 => "no view is new".to_owned(),
        _ => format!("imported {}", names(&new)),
    };
    if !known.is_empty() {
        words.push_str(&format!("; {} stayed as before: rename or remove first", names(&known)));
    }
    app.say(text::clean(&words).into_owned());
    if !new.is_empty() {
        change(app, Vec::new(), new, effects);
    }
}

/// Goes back to all runs: filter, words and view are gone, and the filter can be brought back.
pub fn reset(app: &mut App) {
    let runs = &mut app.runs;
    let was_filtered = runs.view.is_filtered();
    runs.clear_filters();
    runs.view = crate::catalog::view::View::default();
    runs.picked_view = None;
    runs.own_columns = false;
    runs.differing = false;
    runs.follow_keys();
    if was_filtered {
        filters::tell(app, "the filter");
    }
}
