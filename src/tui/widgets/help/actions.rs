//! What keys do in the help; other keys are typed, and narrow it.

#![deny(clippy::wildcard_enum_match_arm)]

use super::{Help, height, lines};
use crate::tui::core::action::{ActionRow, DIALOGS, Possible, always, given, rows_of};
use crate::tui::core::app::App;
use crate::tui::core::layer::Scope;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    Down,
    Up,
    PageDown,
    PageUp,
    Top,
    Bottom,
    Leave,
    Search,
    Keep,
    Close,
}

rows_of!(row: Help, DIALOGS, &[Scope::Help]);

pub const ROWS: &[ActionRow] = &[
    row(Action::Down, "help-down", &["down", "ctrl-n", "ctrl-j"], "", "help: scroll down", always),
    row(Action::Up, "help-up", &["up", "ctrl-p", "ctrl-k"], "", "help: scroll up", always),
    row(Action::PageDown, "help-page-down", &["pagedown", "ctrl-d"], "", "help: a page down", always),
    row(Action::PageUp, "help-page-up", &["pageup"], "", "help: a page up", always),
    row(Action::Top, "help-top", &["home"], "", "help: to the beginning", always),
    row(Action::Bottom, "help-bottom", &["end"], "", "help: to the end", always),
    row(Action::Leave, "help-leave", &["q"], "", "help: close, where nothing is typed", is_untyped),
    row(Action::Search, "help-search", &["/"], "", "help: what is typed is searched", is_untyped),
    row(Action::Keep, "help-keep", &["enter"], "", "help: close, where nothing is typed", always),
    row(
        Action::Close,
        "help-close",
        &["esc", "?", "ctrl-c"],
        "close",
        "help: clear what is typed, or close",
        always,
    ),
];

fn is_untyped(app: &App) -> Possible {
    given(app.help.as_ref().is_some_and(|help| help.words.value().is_empty()), "it is typed")
}

pub fn perform(app: &mut App, action: Action) {
    let page = (super::seen(app) / 2).max(1) as isize;
    let by = match action {
        Action::Down => 1,
        Action::Up => -1,
        Action::PageDown => page,
        Action::PageUp => -page,
        Action::Top => isize::MIN / 2,
        Action::Bottom => isize::MAX / 2,
        Action::Close if app.help.as_ref().is_some_and(|help| !help.words.value().is_empty()) => {
            app.help = Some(Help::default());
            return;
        }
        Action::Search => return,
        Action::Keep if is_untyped(app).is_err() => return,
        Action::Leave | Action::Keep | Action::Close => {
            app.help = None;
            return;
        }
    };
    let Some(help) = &app.help else { return };
    let last = lines(app, help.words.value()).len().saturating_sub(height(app));
    if let Some(help) = &mut app.help {
        help.scroll = help.scroll.saturating_add_signed(by).min(last);
    }
}
