//! What keys do in a list to pick from; other keys are typed, and narrow it.

#![deny(clippy::wildcard_enum_match_arm)]

use super::{Arrangement, height};
use crate::tui::core::action::{ActionRow, DIALOGS, Possible, always, given, rows_of};
use crate::tui::core::app::{App, Overlay};
use crate::tui::core::effect::Effects;
use crate::tui::core::layer::Scope;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    Pick,
    Toggle,
    Remove,
    Others,
    Down,
    Up,
    PageDown,
    PageUp,
    Arrange(Arrangement),
    Close,
}

rows_of!(row: Picker, DIALOGS, &[Scope::Picker]);

pub const ROWS: &[ActionRow] = &[
    row(Action::Pick, "pick", &["enter"], "pick", "list: pick the entry", has_entry),
    row(Action::Toggle, "pick-toggle", &["space", "tab"], "on or off", "list: toggle the entry", can_toggle),
    row(Action::Remove, "pick-remove", &["ctrl-x"], "remove", "list: remove the entry", can_remove),
    row(
        Action::Others,
        "pick-others",
        &["ctrl-o"],
        "open, save, copy",
        "list of files: open the file with a program, save it, or copy its address",
        has_others,
    ),
    row(Action::Down, "pick-down", &["down", "ctrl-n", "ctrl-j"], "", "list: move down", always),
    row(Action::Up, "pick-up", &["up", "ctrl-p", "ctrl-k"], "", "list: move up", always),
    row(Action::PageDown, "pick-page-down", &["pagedown"], "", "list: a page down", always),
    row(Action::PageUp, "pick-page-up", &["pageup"], "", "list: a page up", always),
    row(
        Action::Arrange(Arrangement::All),
        "pick-all",
        &["alt-a"],
        "all",
        "list: all that match are on",
        can_arrange,
    ),
    row(
        Action::Arrange(Arrangement::None),
        "pick-none",
        &["alt-n"],
        "none",
        "list: none that match is on",
        can_arrange,
    ),
    row(
        Action::Arrange(Arrangement::Only),
        "pick-only",
        &["alt-o"],
        "only this",
        "list: only this entry is on",
        can_arrange,
    ),
    row(
        Action::Arrange(Arrangement::Up),
        "pick-move-up",
        &["alt-up"],
        "move",
        "list: move the entry up",
        can_move,
    ),
    row(
        Action::Arrange(Arrangement::Down),
        "pick-move-down",
        &["alt-down"],
        "",
        "list: move the entry down",
        can_move,
    ),
    row(Action::Close, "pick-close", &["esc", "ctrl-c"], "close", "list: close", always),
];

fn has_entry(app: &App) -> Possible {
    given(in_list(app, |list| list.under_cursor().is_some() || list.makes.is_some()), "nothing matches")
}

fn can_toggle(app: &App) -> Possible {
    given(
        in_list(app, |list| list.under_cursor().is_some_and(|entry| entry.on.is_some())),
        "this entry cannot be toggled",
    )
}

fn can_remove(app: &App) -> Possible {
    given(in_list(app, super::PickerList::can_remove), "this entry cannot be removed")
}

fn has_others(app: &App) -> Possible {
    given(
        in_list(app, |list| list.has_others && list.under_cursor().is_some()),
        "nothing else can be done with an entry here",
    )
}

fn can_arrange(app: &App) -> Possible {
    given(
        in_list(app, |list| list.can_arrange && list.under_cursor().is_some()),
        "entries of this list are set one by one",
    )
}

fn can_move(app: &App) -> Possible {
    can_arrange(app)?;
    given(in_list(app, |list| list.query.value().is_empty()), "entries are moved where nothing is typed")
}

fn in_list(app: &App, holds: impl Fn(&super::PickerList) -> bool) -> bool {
    matches!(&app.overlay, Some(Overlay::Picker(picker)) if holds(picker.list()))
}

pub fn perform(app: &mut App, action: Action, effects: &mut Effects) {
    let height = height(app.size.1);
    let Some(Overlay::Picker(mut picker)) = app.overlay.take() else { return };
    let list = picker.list_mut();
    match action {
        Action::Close => return,
        Action::Down => list.step(1, height),
        Action::Up => list.step(-1, height),
        Action::PageDown => list.step(height as isize, height),
        Action::PageUp => list.step(-(height as isize), height),
        Action::Pick => match picker.refusal() {
            Some(why) => app.say(why),
            None => return picker.give(app, super::PickerEvent::Chosen, effects),
        },
        Action::Remove => return picker.give(app, super::PickerEvent::Removed, effects),
        Action::Others => return picker.offer(app),
        Action::Arrange(how) => picker.arrange(app, how, effects),
        Action::Toggle => {
            list.toggle();
            picker.give(app, super::PickerEvent::Toggled, effects);
            picker.list_mut().step(1, height);
        }
    }
    if app.overlay.is_none() {
        app.overlay = Some(Overlay::Picker(picker));
    }
}
