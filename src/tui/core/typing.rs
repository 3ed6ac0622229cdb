//! The keys of what stands over the panes: prompts, pickers, questions, the search.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::app::{App, Overlay};
use super::effect::{Effect, Write};
use super::layout::Focus;
use super::perform::{perform, step};
use super::requests::{view_changed, words_changed};
use crate::catalog::ColumnSpec;
use crate::mlflow::filter::parse;
use crate::mlflow::{Statistic, Tag, limits, tags};
use crate::tui::features::{best, compare, export};
use crate::tui::widgets::confirm::{Answer, Confirm};
use crate::tui::widgets::input::Room;
use crate::tui::widgets::picker::{Choice, Picked, Way};
use crate::tui::widgets::prompt::complete::completions;
use crate::tui::widgets::prompt::{Prompt, Typed};
use crate::tui::widgets::{confirm, input, picker, prompt};

/// A pasted text goes where text is typed; keys are not pasted.
pub fn paste(app: &mut App, text: &str, effects: &mut Vec<Effect>) {
    app.pace.touch(app.now);
    let (room, is_whole) = match &mut app.overlay {
        Some(Overlay::Search) => {
            let is_whole = input::insert(app.searched(), text, Room::Words);
            words_changed(app, effects);
            (Room::Words, is_whole)
        }
        Some(Overlay::Prompt(prompt)) => {
            let room = if prompt.has_lines() { Room::Text } else { Room::Line };
            let is_whole = input::insert(&mut prompt.input, text, room);
            prompt_changed(app);
            (room, is_whole)
        }
        Some(Overlay::Picker(picker)) => {
            let is_whole = input::insert(&mut picker.query, text, Room::Words);
            picker.search();
            (Room::Words, is_whole)
        }
        Some(Overlay::Plan(form)) => (Room::Line, input::insert(form.current(), text, Room::Line)),
        _ => return app.say("a pasted text goes where text is typed: / searches, f filters"),
    };
    if !is_whole {
        let longest = crate::text::count(room.longest());
        app.say(format!("the pasted text is cut: no more than {longest} letters go in here"));
    }
}

/// A key while the search is typed: a letter of it, or its end.
pub fn in_search(app: &mut App, event: KeyEvent, effects: &mut Vec<Effect>) {
    let control = event.modifiers.contains(KeyModifiers::CONTROL);
    match event.code {
        KeyCode::Enter => app.overlay = None,
        KeyCode::Char('c') if control => clear_search(app),
        KeyCode::Esc => clear_search(app),
        KeyCode::Down => step(app, Focus::Runs, 1),
        KeyCode::Up => step(app, Focus::Runs, -1),
        _ => drop(input::edit(app.searched(), event)),
    }
    words_changed(app, effects);
    compare::update::searched(app);
}

fn clear_search(app: &mut App) {
    app.searched().reset();
    app.overlay = None;
}

pub fn in_confirm(app: &mut App, event: KeyEvent, effects: &mut Vec<Effect>) {
    match confirm::key(event) {
        Answer::Yes => {
            if let Some(Overlay::Confirm(confirm)) = app.overlay.take() {
                app.runs.marks.clear();
                write(app, confirm.write, effects);
            }
        }
        Answer::No => app.overlay = None,
        Answer::None => app.status = Some("y does it, n does not".into()),
    }
}

fn write(app: &mut App, write: Write, effects: &mut Vec<Effect>) {
    app.status = Some("writing".into());
    effects.push(Effect::Write(write));
}

pub fn in_picker(app: &mut App, event: KeyEvent, effects: &mut Vec<Effect>) {
    let height = picker::height(app.size.1);
    let Some(Overlay::Picker(picker)) = &mut app.overlay else { return };
    match picker.key(event, height) {
        Picked::Closed => app.overlay = None,
        Picked::Toggled(Choice::Column(spec), on) => show_column(app, &spec, on, effects),
        Picked::Toggled(Choice::Way(Way::Metric(metric)), on) => {
            best::update::toggled(app, &metric, on, effects);
        }
        Picked::Chosen(choice) => chosen(app, choice, effects),
        Picked::Removed(Choice::Tag { key, .. }) => {
            if let picker::Purpose::Tags(ids) = picker.purpose.clone() {
                let lines = vec![key.clone()];
                let question = format!(
                    "Remove this tag from {}?",
                    if ids.len() == 1 { "the run".into() } else { format!("{} runs", ids.len()) }
                );
                app.overlay =
                    Some(Overlay::Confirm(Confirm { question, lines, write: Write::DeleteTag { ids, key } }));
            }
        }
        Picked::Nothing | Picked::Toggled(..) | Picked::Removed(_) => {}
    }
}

fn show_column(app: &mut App, spec: &ColumnSpec, on: bool, effects: &mut Vec<Effect>) {
    app.runs.show_column(spec, on);
    view_changed(app, effects);
}

fn chosen(app: &mut App, choice: Choice, effects: &mut Vec<Effect>) {
    let Some(Overlay::Picker(picker)) = app.overlay.take() else { return };
    match choice {
        Choice::Action(action) => perform(app, action, effects),
        Choice::Export(form, into_file) => export::chosen(app, form, into_file, effects),
        Choice::Axis(action, spec) => compare::update::chosen(app, action, spec),
        Choice::Statistic(statistic) => {
            app.runs.choose_statistic(statistic);
            view_changed(app, effects);
        }
        Choice::StatisticAtStep => {
            if let Some(ColumnSpec::Metric(key, old)) = app.runs.chosen_column() {
                let step = match old {
                    Statistic::At(step) => step.to_string(),
                    _ => String::new(),
                };
                let title = format!("Step of {key}");
                let prompt = Prompt::new(prompt::Purpose::Step(key.clone()), title, "a whole number", &step);
                app.overlay = Some(Overlay::Prompt(prompt));
            }
        }
        // Enter shows a column that is not shown yet, and goes to it; the picker's job is done.
        Choice::Column(spec) => {
            let known = app.runs.columns.iter().position(|shown| shown.spec == spec);
            match known {
                Some(at) => app.runs.choose_column(at),
                None => show_column(app, &spec, true, effects),
            }
        }
        Choice::GoTo(id) => best::update::go_to(app, &id),
        Choice::Way(way) => best::update::chosen(app, way, effects),
        Choice::Marking(choice) => best::marking::picked(app, choice, effects),
        Choice::Profile(name) => effects.push(Effect::SwitchProfile(name)),
        Choice::NewTag => {
            if let picker::Purpose::Tags(ids) = picker.purpose {
                let purpose = prompt::Purpose::Tag { ids, key: None };
                app.overlay = Some(Overlay::Prompt(Prompt::new(purpose, "New tag", "key=value", "")));
            }
        }
        Choice::Tag { key, value } => {
            if let picker::Purpose::Tags(ids) = picker.purpose {
                let title = format!("Tag {key}");
                let purpose = prompt::Purpose::Tag { ids, key: Some(key) };
                app.overlay = Some(Overlay::Prompt(Prompt::new(purpose, title, "its new value", &value)));
            }
        }
    }
}

pub fn in_prompt(app: &mut App, event: KeyEvent, effects: &mut Vec<Effect>) {
    let Some(Overlay::Prompt(prompt)) = &mut app.overlay else { return };
    match prompt.key(event) {
        Typed::Nothing => {}
        Typed::Changed => prompt_changed(app),
        Typed::Closed => app.overlay = None,
        Typed::Entered => entered(app, effects),
    }
}

/// What is wrong with the text so far, and what could come next.
pub fn prompt_changed(app: &mut App) {
    let Some(Overlay::Prompt(prompt)) = &mut app.overlay else { return };
    prompt.error = None;
    if !matches!(prompt.purpose, prompt::Purpose::Expression | prompt::Purpose::Constraint) {
        return;
    }
    let cursor = input::cursor(&prompt.input);
    let text = prompt.input.value();
    if let Err(error) = parse(text) {
        prompt.error = Some((error.message, error.span));
    }
    let (word, offered) = completions(&app.runs.catalog, text, cursor);
    prompt.word = word;
    prompt.chosen = 0;
    prompt.completions = offered;
}

fn entered(app: &mut App, effects: &mut Vec<Effect>) {
    let Some(Overlay::Prompt(prompt)) = &mut app.overlay else { return };
    let text = prompt.input.value().to_owned();
    let mut refuse = |message: String| {
        prompt.completions.clear();
        prompt.error = Some((message, 0..0));
    };
    let to_write = match prompt.purpose.clone() {
        prompt::Purpose::Expression => {
            // The prompt stays open on an error, with the caret under it.
            let expression = text.trim();
            match parse(expression) {
                Err(error) => {
                    prompt.completions.clear();
                    prompt.input = input::Input::new(expression.to_owned());
                    prompt.error = Some((error.message, error.span));
                    return;
                }
                Ok(filter) => {
                    app.overlay = None;
                    app.runs.view.filter = filter;
                    expression.clone_into(&mut app.runs.filter_text);
                    return view_changed(app, effects);
                }
            }
        }
        purpose @ (prompt::Purpose::Value | prompt::Purpose::Constraint | prompt::Purpose::Weights) => {
            let text = text.trim();
            if let Err(error) = parse(text)
                && purpose == prompt::Purpose::Constraint
                && !text.is_empty()
            {
                prompt.completions.clear();
                prompt.input = input::Input::new(text.to_owned());
                prompt.error = Some((error.message, error.span));
                return;
            }
            return match best::update::typed(app, &purpose, text, effects) {
                Ok(()) => app.overlay = None,
                Err(message) => {
                    if let Some(Overlay::Prompt(prompt)) = &mut app.overlay {
                        prompt.completions.clear();
                        prompt.error = Some((message, 0..0));
                    }
                }
            };
        }
        prompt::Purpose::Interval => match text.trim().parse::<f64>() {
            Ok(seconds) if seconds.is_finite() && (0.1..=86_400.0).contains(&seconds) => {
                app.pace.seconds = seconds;
                app.overlay = None;
                return;
            }
            _ => return refuse("a number of seconds is needed, 0.1 or more".into()),
        },
        prompt::Purpose::Step(_) => match text.trim().parse::<i64>() {
            Ok(step) => {
                app.overlay = None;
                app.runs.choose_statistic(Statistic::At(step));
                return view_changed(app, effects);
            }
            Err(_) => return refuse("a step is a whole number".into()),
        },
        prompt::Purpose::Save(_) if text.trim().is_empty() => {
            return refuse("a file needs a name".into());
        }
        prompt::Purpose::Save(form) => {
            app.overlay = None;
            return export::save(app, form, &text, effects);
        }
        prompt::Purpose::RenameRun(_) | prompt::Purpose::RenameExperiment(_) if text.trim().is_empty() => {
            return refuse("a name is needed".into());
        }
        prompt::Purpose::RenameRun(id) => Write::RenameRun { id, name: text },
        prompt::Purpose::RenameExperiment(id) => Write::RenameExperiment { id, name: text },
        prompt::Purpose::Note(id) if text.is_empty() => {
            Write::DeleteTag { ids: vec![id], key: tags::NOTE.into() }
        }
        prompt::Purpose::Note(id) => {
            let tag = Tag::new(tags::NOTE, text);
            if let Err(kind) = limits::check_tag(&tag) {
                return refuse(kind.to_string());
            }
            Write::SetTag { ids: vec![id], tag }
        }
        prompt::Purpose::Tag { ids, key } => {
            let tag = match (key, text.split_once('=')) {
                (Some(key), _) => Tag::new(key, text),
                (None, Some((key, value))) if !key.trim().is_empty() => Tag::new(key.trim(), value.trim()),
                (None, _) => return refuse("a tag is written key=value".into()),
            };
            if let Err(kind) = limits::check_tag(&tag) {
                return refuse(kind.to_string());
            }
            Write::SetTag { ids, tag }
        }
    };
    app.overlay = None;
    write(app, to_write, effects);
}
