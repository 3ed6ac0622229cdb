//! Files are saved by keys, and how far that is is told.

#![deny(clippy::wildcard_enum_match_arm)]

use super::actions::Action;
use super::effects::Effect;
use super::programs::{Opener, Program};
use super::{Aim, Ended, Msg, Request, Saving};
use crate::files::Address;
use crate::tui::core::app::{App, Overlay, Screen};
use crate::tui::core::effect::{Effects, Shell};
use crate::tui::core::layout::Focus;
use crate::tui::core::requests::copy_address;
use crate::tui::widgets::confirm::Confirm;
use crate::tui::widgets::input::{self, Room};
use crate::tui::widgets::picker::{Item, Picked, Picker};
use crate::tui::widgets::prompt::{Prompt, PromptError};
use crate::tui::widgets::report::Report;

pub fn perform(app: &mut App, action: Action, effects: &mut Effects) {
    match action {
        Action::Save => ask(app),
        Action::Open => choose_opener(app),
        Action::Cancel => {
            if let Some(saving) = app.saving.take() {
                effects.push(Effect::Cancel);
                app.say(format!(
                    "cancelled; what came of {} is kept, and saved to the same path again it goes on",
                    saving.what
                ));
            }
        }
        Action::CopyAddress => {
            if let Some(address) = address(app) {
                copy_address(app, &address, effects);
            }
        }
    }
}

/// The address of what is under the cursor, if it is one.
pub fn address(app: &App) -> Option<String> {
    under_cursor(app).filter(|address| address.parse::<Address>().is_ok())
}

fn under_cursor(app: &App) -> Option<String> {
    match app.screens.last() {
        None if app.focus == Focus::Details => app.details.address_under_cursor(),
        Some(Screen::Models(screen)) => screen.address(),
        Some(_) | None => None,
    }
}

/// What is done with a file that was chosen.
#[derive(Debug, Clone, Copy)]
enum Use {
    Read,
    Open(Opener),
    Save,
    Copy,
}

/// Asks what is to be done with a file.
pub fn offer(app: &mut App, address: String) {
    offer_uses(app, address, true);
}

fn offer_uses(app: &mut App, address: String, is_text: bool) {
    let name = address.parse::<Address>().map_or_else(|_| String::new(), |address| address.name());
    let item = |label: &str, note: String, value| Item { label: label.into(), note, on: None, value };
    let opening = Opener::ALL.map(|opener| item(opener.as_str(), command_of(opener), Use::Open(opener)));
    let reading = is_text.then(|| item("read it here", String::new(), Use::Read));
    let items = reading.into_iter().chain(opening).chain([
        item("save to a path", String::new(), Use::Save),
        item("copy its address", address.clone(), Use::Copy),
    ]);
    Picker::new(name, items.collect::<Vec<_>>(), move |app, picked, effects| {
        let Picked::Chosen(chosen) = picked else { return };
        if app.saving.is_some() && !matches!(chosen, Use::Copy) {
            return app.say("something is being saved already; g x cancels it");
        }
        let address = address.clone();
        match chosen {
            Use::Read => begin(app, Request { address, aim: Aim::Read }, effects),
            Use::Open(opener) => begin(app, Request { address, aim: Aim::Open(opener) }, effects),
            Use::Save => ask_path(app, address),
            Use::Copy => copy_address(app, &address, effects),
        }
    })
    .open(app);
}

/// Reads a file, to be seen here.
pub fn read(app: &mut App, address: String, effects: &mut Effects) {
    if app.saving.is_some() {
        return app.say("something is being saved already; g x cancels it");
    }
    begin(app, Request { address, aim: Aim::Read }, effects);
}

fn command_of(opener: Opener) -> String {
    match opener.command(|name| std::env::var(name).ok()) {
        Ok(Some(words)) => words.join(" "),
        Ok(None) => "a copy".into(),
        Err(words) => words,
    }
}

/// Asks for a path.
fn ask(app: &mut App) {
    if let Some(address) = address(app) {
        ask_path(app, address);
    }
}

fn ask_path(app: &mut App, address: String) {
    let name = address.parse::<Address>().map_or_else(|_| String::new(), |address| address.name());
    let hint = "a path here, or ~/ for the home folder; nothing is replaced unasked";
    let read = |text: &str| {
        let path = text.trim();
        if path.is_empty() { Err(PromptError::from("enter a path")) } else { Ok(path.to_owned()) }
    };
    Prompt::new(format!("Save {address} as"), hint, &name, read, move |app, target: String, effects| {
        begin(app, Request { address: address.clone(), aim: Aim::Save { target, replaces: false } }, effects);
        Ok(())
    })
    .open(app);
}

/// Asks what a file is to be opened with.
fn choose_opener(app: &mut App) {
    let Some(address) = address(app) else { return };
    let name = address.parse::<Address>().map_or_else(|_| String::new(), |address| address.name());
    let items = Opener::ALL.map(|opener| Item {
        label: opener.as_str().into(),
        note: command_of(opener),
        on: None,
        value: opener,
    });
    Picker::new(format!("Open {name} with"), items, move |app, picked, effects| match picked {
        Picked::Chosen(opener) => {
            begin(app, Request { address: address.clone(), aim: Aim::Open(opener) }, effects);
        }
        Picked::Toggled(..) | Picked::Removed(_) => {}
    })
    .open(app);
}

fn begin(app: &mut App, request: Request, effects: &mut Effects) {
    app.saves += 1;
    let number = app.saves;
    let doing = match request.aim {
        Aim::Save { .. } => "saving",
        Aim::Open(_) | Aim::Read => "fetching",
    };
    app.status = Some(format!("{doing} {}; g x cancels", request.address));
    app.saving = Some(Saving { number, what: request.address.clone() });
    effects.push(Effect::Save { number, request });
}

pub fn answered(app: &mut App, msg: Msg, effects: &mut Effects) {
    let is_awaited =
        |app: &App, number: u64| app.saving.as_ref().is_some_and(|saving| saving.number == number);
    match msg {
        Msg::Progress { number, words } => {
            if is_awaited(app, number) {
                app.status = Some(words);
            }
        }
        Msg::Ended { number, request, ended } => {
            if !is_awaited(app, number) {
                if let Ended::Ready(program) = ended {
                    effects.push(Effect::Forget(program));
                }
                return;
            }
            app.saving = None;
            match ended {
                Ended::Saved(words) | Ended::Failed(words) => app.say(words),
                Ended::Ready(program) => {
                    app.status = None;
                    effects.push(Shell::Run(program));
                }
                Ended::Text { text, is_markdown } => {
                    app.status = None;
                    let name = request.address.rsplit('/').next().unwrap_or_default().to_owned();
                    let report = if is_markdown {
                        Report::of_markdown(name.clone(), &text)
                    } else {
                        Report::new(name.clone(), text.lines().map(str::to_owned).collect())
                    };
                    // Whoever is asked something, or writes, goes on with that.
                    if app.overlay.is_none() {
                        app.overlay = Some(Overlay::Report(report));
                    } else {
                        app.say(format!("{} is read; ask for it once more", crate::text::clean(&name)));
                    }
                }
                Ended::Binary => {
                    app.status = None;
                    app.say("this is no text");
                    // Whoever is asked something, or writes, goes on with that.
                    if app.overlay.is_none() {
                        offer_uses(app, request.address, false);
                    }
                }
                Ended::Exists(words) => {
                    app.status = Some(words.clone());
                    Confirm::new("Replace files of the same names?", vec![words], move |app, effects| {
                        begin(app, request.replacing(), effects);
                    })
                    .open_over(app);
                }
            }
        }
        // Whoever has gone on meanwhile does not want it any more.
        Msg::TextReady(Ok(program)) if !is_typed_in(app, &program) => effects.push(Effect::Forget(program)),
        Msg::TextReady(Ok(program)) => effects.push(Shell::Run(program)),
        Msg::TextReady(Err(words)) | Msg::TextEdited(Err(words)) => app.say(words),
        Msg::TextEdited(Ok((program, text))) => take_text(app, program, &text, effects),
        Msg::Closed { program, result, at_once } if program.of_text.is_some() => match result {
            Ok(()) => effects.push(Effect::ReadText { program, at_once }),
            Err(words) => {
                app.say(format!("{words}; the text is as before"));
                effects.push(Effect::Forget(program));
            }
        },
        Msg::Closed { program, result: Ok(()), at_once: true } if program.is_editor => {
            // One with a window of its own goes on with the copy.
            app.say(format!("{} works on a copy: {}", program.name(), program.file.display()));
        }
        Msg::Closed { program, result, at_once: _ } => {
            if let Err(words) = result {
                app.say(words);
            }
            effects.push(Effect::Forget(program));
        }
    }
}

/// Whether the prompt is still open that a text is of.
fn is_typed_in(app: &App, program: &Program) -> bool {
    matches!(&app.overlay, Some(Overlay::Prompt(prompt)) if Some(prompt.line().number) == program.of_text)
}

/// A text was edited: it stands where it was typed before, and is applied from there. Only then the file goes.
fn take_text(app: &mut App, program: Program, text: &str, effects: &mut Effects) {
    let is_open = is_typed_in(app, &program);
    let line = match &mut app.overlay {
        Some(Overlay::Prompt(prompt)) if is_open => prompt.line_mut(),
        Some(_) | None => return app.say(format!("the text is in {}", program.file.display())),
    };
    line.input.reset();
    if input::insert(&mut line.input, text, Room::Text) {
        effects.push(Effect::DropText(program));
    } else {
        let longest = crate::text::count(Room::Text.longest());
        let place = program.file.display();
        app.say(format!("the text is cut to {longest} characters; all of it is in {place}"));
    }
}
