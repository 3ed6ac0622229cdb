//! What is on the screen leaves it: into the clipboard or a file, as a table in three forms, or a chart as a picture.

pub mod effects;
pub mod form;

use crate::catalog::{Bound, Row};
use crate::chart::Line;
use crate::chart::svg::svg;
use crate::sheet::{Cell, Format, Sheet};
use crate::text;
use crate::tui::core::app::{App, Overlay, Screen};
use crate::tui::core::effect::Effect;
use crate::tui::core::layout::Focus;
use crate::tui::features::charts::histories::Which;
use crate::tui::features::charts::screen::ChartScreen;
use crate::tui::features::compare;
use crate::tui::features::details::Tab;
use crate::tui::widgets::picker::{Choice, Item, Picker};
use crate::tui::widgets::prompt::Prompt;
use crate::tui::widgets::{picker, prompt};
use form::Form;

/// Asks for the form.
pub fn open(app: &mut App) {
    let mut forms: Vec<Form> = Format::ALL.into_iter().map(Form::Table).collect();
    if chart(app).is_some() {
        forms.insert(0, Form::Svg);
    }
    let what = subject(app);
    let item = |form: Form, into_file: bool| Item {
        label: format!("{} as {}", if into_file { "save" } else { "copy" }, form.name()),
        note: if into_file { format!("{}.{}", file_name(&what), form.extension()) } else { String::new() },
        on: None,
        choice: Choice::Export(form, into_file),
    };
    let items = forms.iter().map(|form| item(*form, false)).chain(forms.iter().map(|form| item(*form, true)));
    let title = format!("Export {what}");
    app.overlay = Some(Overlay::Picker(Picker::new(picker::Purpose::Export, title, items.collect())));
}

/// A form was picked.
pub fn chosen(app: &mut App, form: Form, into_file: bool, effects: &mut Vec<Effect>) {
    let what = subject(app);
    if into_file {
        let path = format!("{}.{}", file_name(&what), form.extension());
        let purpose = prompt::Purpose::Save(form);
        let hint = "a file in the working folder, or a path; files that are there stay";
        app.overlay = Some(Overlay::Prompt(Prompt::new(purpose, "Save as", hint, &path)));
        return;
    }
    match written(app, form) {
        Some(content) => {
            app.status = Some(format!("copied {what} as {}", form.name()));
            let safe: Vec<_> = content.lines().map(text::stripped).collect();
            effects.push(Effect::Copy(safe.join("\n") + "\n"));
        }
        None => app.say("there is nothing to export here yet"),
    }
}

/// A path was typed.
pub fn save(app: &mut App, form: Form, path: &str, effects: &mut Vec<Effect>) {
    match written(app, form) {
        Some(content) => effects.push(Effect::Save { path: path.trim().to_owned(), content }),
        None => app.say("there is nothing to export here yet"),
    }
}

/// What is exported, in a word or two.
fn subject(app: &App) -> String {
    match app.screens.last() {
        Some(Screen::Chart(screen)) => screen.key().to_owned(),
        Some(Screen::Compare(_)) => "comparison".into(),
        None => match app.focus {
            Focus::Experiments => "experiments".into(),
            Focus::Runs => app.runs.name.clone(),
            Focus::Details if app.is_on_charts() => app.details.charts.key().unwrap_or("metrics").to_owned(),
            Focus::Details => {
                let run = app.details.run.as_ref().map_or("run", |run| run.info.run_name.as_str());
                format!("{run} {}", app.details.tab.title().to_lowercase())
            }
        },
    }
}

/// A name that is one on every file system.
fn file_name(what: &str) -> String {
    let safe: String = text::stripped(what)
        .chars()
        .map(|c| if c.is_alphanumeric() || matches!(c, '.' | '_') { c } else { '-' })
        .take(80)
        .collect();
    let safe = safe.trim_matches(['-', '.']);
    if safe.is_empty() { "export".into() } else { safe.into() }
}

fn written(app: &App, form: Form) -> Option<String> {
    match form {
        Form::Table(format) => Some(sheet(app)?.written(format)),
        Form::Svg => {
            let screen = chart(app)?;
            let options = app.details.charts.options_of(screen.key());
            let which: Vec<Which> = screen.wanted().collect();
            let known = which.iter().zip(&screen.drawn).filter_map(|(which, drawn)| {
                let known = app.histories.get(which)?;
                Some((Line { points: &known.points, ink: drawn.slot }, drawn.name.as_str()))
            });
            let lines: Vec<(Line<'_>, &str)> = known.collect();
            Some(svg(screen.key(), &lines, &options, screen.window))
        }
    }
}

/// The chart that is looked at: the one on the whole screen, or the chosen one of the dashboard.
fn chart(app: &App) -> Option<std::borrow::Cow<'_, ChartScreen>> {
    use std::borrow::Cow;
    match app.screens.last() {
        Some(Screen::Chart(screen)) => Some(Cow::Borrowed(screen)),
        None if app.is_on_charts() => {
            let charts = &app.details.charts;
            let key = charts.key()?.to_owned();
            Some(Cow::Owned(ChartScreen::new(vec![key], 0, charts.drawn.clone())))
        }
        _ => None,
    }
}

fn sheet(app: &App) -> Option<Sheet> {
    if let Some(screen) = chart(app) {
        return Some(screen.points(&app.histories));
    }
    match app.screens.last() {
        Some(Screen::Compare(screen)) => compare::update::sheet(screen, app.now),
        _ => match app.focus {
            Focus::Experiments => Some(experiments(app)),
            Focus::Runs => runs(app),
            Focus::Details => details(app),
        },
    }
}

fn experiments(app: &App) -> Sheet {
    let mut sheet = Sheet::new(["experiment_id", "name", "runs", "artifact_location"]);
    for listed in &app.experiments.list {
        let runs = listed.runs.map_or(Cell::Missing, |runs| Cell::Integer(runs as i64));
        let experiment = &listed.experiment;
        let text = |text: &str| Cell::from(text);
        sheet.push([
            text(experiment.experiment_id.as_str()),
            text(&experiment.name),
            runs,
            text(&experiment.artifact_location),
        ]);
    }
    sheet
}

/// The runs and columns of the table, in their order; and the run ids, which tell runs of one name apart.
fn runs(app: &App) -> Option<Sheet> {
    let runs = &app.runs;
    if !runs.loaded {
        return None;
    }
    let catalog = &runs.catalog;
    let specs: Vec<_> = runs.columns.iter().map(|shown| &shown.spec).collect();
    let bound: Vec<Bound> = specs.iter().map(|spec| Bound::new(catalog, spec)).collect();
    let mut sheet = Sheet::new(["run_id".to_owned()].into_iter().chain(specs.iter().map(|spec| spec.name())));
    let rows: Vec<Row> = (0..runs.length()).filter_map(|at| runs.projection.row(at)).collect();
    for row in rows {
        let id = Cell::from(catalog.run_id(row));
        sheet.push(
            [id].into_iter().chain(bound.iter().map(|bound| bound.value(catalog, row, app.now).into())),
        );
    }
    Some(sheet)
}

/// The lines of a tab.
fn details(app: &App) -> Option<Sheet> {
    app.details.run.as_ref()?;
    if app.details.tab == Tab::Charts {
        return None;
    }
    let mut sheet = Sheet::new(["key", "value"]);
    for line in app.details.window(0..app.details.length(), &app.runs.name, app.now) {
        sheet.push([Cell::from(line.key.trim()), Cell::Text(line.exact.unwrap_or(line.value))]);
    }
    Some(sheet)
}
