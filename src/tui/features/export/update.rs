//! What is on the screen leaves it by keys.

#![deny(clippy::wildcard_enum_match_arm)]

use super::actions::Action;
use super::effects::Effect;
use crate::catalog::{Bound, Value};
use crate::sheet::Format;
use crate::text;
use crate::tui::core::app::{App, Screen};
use crate::tui::core::effect::{Effects, Shell};
use crate::tui::core::form::Form;
use crate::tui::core::layout::Focus;
use crate::tui::core::requests::copy;
use crate::tui::core::shown;
use crate::tui::widgets::picker::{Item, Picked, Picker};
use crate::tui::widgets::prompt::{Prompt, PromptError};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stands in an address only in percent form.
const IN_ADDRESS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub fn perform(app: &mut App, action: Action, effects: &mut Effects) {
    match action {
        Action::Export => open(app),
        Action::Copy => match app.screens.last() {
            Some(Screen::Chart(_)) => shown::copy_values(app, effects),
            Some(Screen::Compare(_)) => shown::copy_cell(app, effects),
            Some(Screen::Sweep(_) | Screen::Log(_) | Screen::Models(_) | Screen::Datasets(_)) => {}
            None => copy_ids(app, effects),
        },
        Action::CopyCell if app.focus == Focus::Details => {
            let at = app.details.cursor.at;
            if let Some(line) = app.details.window(at..at + 1, &app.runs.name, app.now).pop() {
                let value = line.exact.unwrap_or(line.value);
                copy(app, &value, line.key.trim(), effects);
            }
        }
        Action::CopyCell => copy_cell(app, effects),
        Action::Browse => browse(app, effects),
    }
}

fn copy_ids(app: &mut App, effects: &mut Effects) {
    let ids: Vec<String> = app.runs.targets().into_iter().map(|id| id.0).collect();
    let what = if ids.len() == 1 { "the run's id".to_owned() } else { format!("{} run ids", ids.len()) };
    copy(app, &ids.join("\n"), &what, effects);
}

fn copy_cell(app: &mut App, effects: &mut Effects) {
    let Some((row, column)) = app.runs.row_under_cursor().zip(app.runs.chosen_column().cloned()) else {
        return;
    };
    let catalog = &app.runs.catalog;
    let value = match Bound::new(catalog, &column).value(catalog, row, app.now) {
        Value::Missing => return app.say(format!("the run has no {}", column.name())),
        Value::Number(value) | Value::Point(value, _) => text::exact(value),
        Value::Text(text) => text.to_owned(),
        Value::OwnedText(text) => text,
        Value::Time(ms) => text::timestamp(ms),
        Value::Duration(ms) => text::duration(ms),
        Value::Count(count) => count.to_string(),
        Value::Status(status) => status.as_str().to_owned(),
    };
    copy(app, &value, &column.name(), effects);
}

fn browse(app: &mut App, effects: &mut Effects) {
    let page = app.page.clone().unwrap_or_default();
    let experiment = app.runs.experiment.clone();
    if let Some((experiment, run)) = experiment.zip(app.runs.run_under_cursor()) {
        let part = |id: &str| utf8_percent_encode(id, IN_ADDRESS).to_string();
        let (experiment, run) = (part(experiment.as_str()), part(run.as_str()));
        let address = format!("{page}/experiments/{experiment}/runs/{run}");
        app.status = Some(address.clone());
        effects.push(Effect::Browse(address));
    }
}

/// No browser opened an address: where there is one, it can be pasted.
pub fn not_opened(app: &mut App, address: String, effects: &mut Effects) {
    app.say(format!("no browser opened; the address is copied: {address}"));
    effects.push(Shell::Copy(address));
}

/// Asks for the form.
fn open(app: &mut App) {
    let mut forms: Vec<Form> = Format::ALL.into_iter().map(Form::Table).collect();
    if shown::chart(app).is_some() {
        forms.insert(0, Form::Svg);
    }
    let what = shown::subject(app);
    let item = |form: Form, into_file: bool| Item {
        label: format!("{} as {}", if into_file { "save" } else { "copy" }, form.name()),
        note: if into_file { format!("{}.{}", file_name(&what), form.extension()) } else { String::new() },
        on: None,
        value: (form, into_file),
    };
    let items = forms.iter().map(|form| item(*form, false)).chain(forms.iter().map(|form| item(*form, true)));
    let title = format!("Export {what}");
    let items: Vec<_> = items.collect();
    Picker::new(title, items, |app, picked, effects| match picked {
        Picked::Chosen((form, into_file)) => chosen(app, form, into_file, effects),
        Picked::Toggled(..) | Picked::Removed(_) => {}
    })
    .open(app);
}

/// A form was picked.
fn chosen(app: &mut App, form: Form, into_file: bool, effects: &mut Effects) {
    let what = shown::subject(app);
    if into_file {
        let path = format!("{}.{}", file_name(&what), form.extension());
        let hint = "a file in the working folder, or a path; existing files are not overwritten";
        let read = |text: &str| {
            let path = text.trim();
            if path.is_empty() { Err(PromptError::from("enter a file name")) } else { Ok(path.to_owned()) }
        };
        return Prompt::new("Save as", hint, &path, read, move |app, path: String, effects| {
            save(app, form, &path, effects);
            Ok(())
        })
        .open(app);
    }
    match shown::written(app, form) {
        Some(content) => {
            app.status = Some(format!("copied {what} as {}", form.name()));
            let safe: Vec<_> = content.lines().map(text::stripped).collect();
            effects.push(Shell::Copy(safe.join("\n") + "\n"));
        }
        None => app.say("nothing to export here"),
    }
}

/// A path was typed.
fn save(app: &mut App, form: Form, path: &str, effects: &mut Effects) {
    match shown::written(app, form) {
        Some(content) => effects.push(Effect::Save { path: path.to_owned(), content }),
        None => app.say("nothing to export here"),
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
