//! What is on the screen leaves it: into the clipboard or a file, as a table in three forms, or a chart as a picture.

pub mod effects;

use crate::sheet::Format;
use crate::text;
use crate::tui::core::app::{App, Overlay};
use crate::tui::core::effect::Effect;
use crate::tui::core::form::Form;
use crate::tui::core::shown;
use crate::tui::widgets::picker::{Choice, Item, Picker};
use crate::tui::widgets::prompt::Prompt;
use crate::tui::widgets::{picker, prompt};

/// Asks for the form.
pub fn open(app: &mut App) {
    let mut forms: Vec<Form> = Format::ALL.into_iter().map(Form::Table).collect();
    if shown::chart(app).is_some() {
        forms.insert(0, Form::Svg);
    }
    let what = shown::subject(app);
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
    let what = shown::subject(app);
    if into_file {
        let path = format!("{}.{}", file_name(&what), form.extension());
        let purpose = prompt::Purpose::Save(form);
        let hint = "a file in the working folder, or a path; files that are there stay";
        app.overlay = Some(Overlay::Prompt(Prompt::new(purpose, "Save as", hint, &path)));
        return;
    }
    match shown::written(app, form) {
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
    match shown::written(app, form) {
        Some(content) => effects.push(Effect::Save { path: path.trim().to_owned(), content }),
        None => app.say("there is nothing to export here yet"),
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
