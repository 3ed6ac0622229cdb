//! Keys as text, and which action each stands for.

use std::collections::BTreeMap;
use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use rustc_hash::FxHashMap;

use super::action::{ACTIONS, Action, Scope};

const DEFAULTS: &str = include_str!("../../../assets/keymap.toml");

/// One key with its modifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Chord {
    code: KeyCode,
    control: bool,
}

impl Chord {
    pub fn of(event: KeyEvent) -> Self {
        // Shift is in the letter itself, and Shift-Tab is a key of its own.
        Self { code: event.code, control: event.modifiers.contains(KeyModifiers::CONTROL) }
    }

    /// Reads `ctrl-d`, `G`, `shift-tab`, `pagedown`.
    pub fn parse(text: &str) -> Option<Self> {
        let (control, name) = match text.strip_prefix("ctrl-") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let mut chars = name.chars();
        let code = match (name, chars.next(), chars.next()) {
            ("up", ..) => KeyCode::Up,
            ("down", ..) => KeyCode::Down,
            ("left", ..) => KeyCode::Left,
            ("right", ..) => KeyCode::Right,
            ("home", ..) => KeyCode::Home,
            ("end", ..) => KeyCode::End,
            ("pageup", ..) => KeyCode::PageUp,
            ("pagedown", ..) => KeyCode::PageDown,
            ("enter", ..) => KeyCode::Enter,
            ("esc", ..) => KeyCode::Esc,
            ("tab", ..) => KeyCode::Tab,
            ("shift-tab", ..) => KeyCode::BackTab,
            ("space", ..) => KeyCode::Char(' '),
            ("backspace", ..) => KeyCode::Backspace,
            (_, Some(c), None) => KeyCode::Char(c),
            _ => return None,
        };
        Some(Self { code, control })
    }
}

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.control {
            f.write_str("ctrl-")?;
        }
        match self.code {
            KeyCode::Char(' ') => f.write_str("space"),
            KeyCode::Char(c) => write!(f, "{c}"),
            KeyCode::BackTab => f.write_str("shift-tab"),
            code => write!(f, "{}", format!("{code}").to_lowercase().replace(' ', "")),
        }
    }
}

/// What a row of keys means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    Action(Action),
    /// Some action begins like that.
    Prefix,
    Nothing,
}

#[derive(Debug, Clone)]
pub struct Keymap {
    /// What keys mean in each scope.
    bindings: FxHashMap<(Scope, Vec<Chord>), Action>,
    /// Keys of each action as written, in the order of the file.
    written: Vec<(String, Action)>,
}

impl Keymap {
    /// The keys of `assets/keymap.toml`.
    pub fn defaults() -> Self {
        let mut keymap = Self { bindings: FxHashMap::default(), written: Vec::new() };
        // The file is part of the program; a test reads it strictly, so that here nothing can be wrong with it.
        for line in DEFAULTS.lines() {
            if let Some((keys, action)) = parse_line(line) {
                let chords: Vec<Chord> = keys.split(' ').filter_map(Chord::parse).collect();
                keymap.written.push((keys.to_owned(), action));
                keymap.bindings.insert((action.scope(), chords), action);
            }
        }
        keymap
    }

    /// The default keys with the user's own over them: from keys to the name of an action (of several, where they are
    /// meant in different places), or `none`.
    pub fn with(own: &BTreeMap<String, String>) -> Result<Self, String> {
        let mut keymap = Self::defaults();
        for (keys, name) in own {
            let mut chords = Vec::new();
            for key in keys.split_whitespace() {
                let chord = Chord::parse(key).ok_or_else(|| {
                    format!("{key:?} in {keys:?} is no key; there are letters and signs, up, down, left, right, home, end, \
                             pageup, pagedown, enter, esc, tab, space, backspace, with ctrl- in front, and shift-tab")
                })?;
                chords.push(chord);
            }
            if chords.is_empty() {
                return Err(format!("{keys:?} names no key"));
            }
            if name == "none" {
                keymap.written.retain(|(written, _)| written != keys);
                keymap.bindings.retain(|(_, known), _| *known != chords);
                continue;
            }
            for name in name.split_whitespace() {
                let action = find(name)?;
                // Where the action is meant, the key means nothing else any more.
                keymap.written.retain(|(written, other)| written != keys || !meet(*other, action));
                keymap.bindings.retain(|(_, known), other| *known != chords || !meet(*other, action));
                keymap.written.insert(0, (keys.clone(), action));
                keymap.bindings.insert((action.scope(), chords.clone()), action);
            }
        }
        for (keys, action) in own.iter().filter(|(_, action)| *action != "none") {
            let actions: Vec<Action> = action.split_whitespace().filter_map(|name| find(name).ok()).collect();
            let longer = keymap.written.iter().find(|(other, longer)| {
                other.starts_with(&format!("{keys} ")) && actions.iter().any(|action| meet(*action, *longer))
            });
            if let Some((longer, _)) = longer {
                return Err(format!(
                    "{keys:?} = {action:?} hides {longer:?}, which begins with it; give that another key, or \"none\""
                ));
            }
        }
        Ok(keymap)
    }

    /// What keys mean where these scopes are in force; the first that knows them has the word.
    pub fn lookup(&self, keys: &[Chord], scopes: &[Scope]) -> Lookup {
        let found = scopes.iter().find_map(|scope| self.bindings.get(&(*scope, keys.to_vec())));
        if let Some(action) = found {
            return Lookup::Action(*action);
        }
        let goes_on = |known: &[Chord]| known.len() > keys.len() && known.starts_with(keys);
        if self.bindings.keys().any(|(scope, known)| scopes.contains(scope) && goes_on(known)) {
            Lookup::Prefix
        } else {
            Lookup::Nothing
        }
    }

    /// The keys of an action, as written.
    pub fn keys_of(&self, action: Action) -> Vec<&str> {
        self.written.iter().filter(|(_, known)| *known == action).map(|(keys, _)| keys.as_str()).collect()
    }
}

fn find(name: &str) -> Result<Action, String> {
    ACTIONS.iter().find(|info| info.name == name).map(|info| info.action).ok_or_else(|| unknown_action(name))
}

/// Whether there is a place where both actions are meant.
fn meet(a: Action, b: Action) -> bool {
    a.scope() == b.scope() || a.scope() == Scope::Everywhere || b.scope() == Scope::Everywhere
}

/// That there is no such action, and which one may be meant.
fn unknown_action(name: &str) -> String {
    let near = ACTIONS.iter().find(|info| info.name.contains(name) || name.contains(info.name));
    let near = near.map_or(String::new(), |info| format!("; did you mean {:?}?", info.name));
    format!("there is no action {name:?}{near} The README lists all names, and \"none\" takes a key away")
}

/// A line `"keys" = "action"`.
fn parse_line(line: &str) -> Option<(&str, Action)> {
    let (keys, name) = line.split_once(" = ")?;
    let keys = keys.trim().strip_prefix('"')?.strip_suffix('"')?;
    let name = name.trim().strip_prefix('"')?.strip_suffix('"')?;
    let action = ACTIONS.iter().find(|info| info.name == name)?.action;
    Some((keys, action))
}

/// Keys as text, for tests and macros: `g g j enter`.
pub fn parse_keys(text: &str) -> Option<Vec<KeyEvent>> {
    text.split_whitespace()
        .map(|word| {
            let Chord { code, control } = Chord::parse(word)?;
            let modifiers = if control { KeyModifiers::CONTROL } else { KeyModifiers::NONE };
            Some(KeyEvent::new(code, modifiers))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PANES: &[Scope] = &[Scope::Panes, Scope::Everywhere];

    #[test]
    fn a_key_means_one_thing_in_a_place() {
        let keymap = Keymap::defaults();
        assert_eq!(keymap.bindings.len(), keymap.written.len(), "two actions of a scope share a key");
        let chord = |text: &str| vec![Chord::parse(text).unwrap()];
        let charts = [Scope::Chart, Scope::Charts, Scope::Everywhere];
        assert_eq!(keymap.lookup(&chord("x"), PANES), Lookup::Action(Action::Fold));
        assert_eq!(keymap.lookup(&chord("x"), &charts), Lookup::Action(Action::XAxis));
        for keys in keymap.bindings.keys().filter(|(scope, _)| *scope == Scope::Everywhere) {
            let shadowed =
                keymap.bindings.iter().find(|((scope, other), _)| *scope != keys.0 && *other == keys.1);
            assert!(shadowed.is_none(), "{shadowed:?} hides a key that works everywhere");
        }
    }

    #[test]
    fn the_keymap_file_is_sound_and_names_every_action() {
        let table: toml::Table = DEFAULTS.parse().unwrap();
        let keymap = Keymap::defaults();
        let lines: Vec<(&String, &toml::Value)> = table
            .iter()
            .flat_map(|(keys, value)| match value {
                toml::Value::Table(part) => part.iter().collect(),
                value => vec![(keys, value)],
            })
            .collect();
        assert_eq!(lines.len(), keymap.written.len(), "a line does not name an action");
        for (keys, name) in lines {
            for key in keys.split(' ') {
                assert_eq!(Chord::parse(key).expect(key).to_string(), key, "in {keys}");
            }
            assert!(ACTIONS.iter().any(|info| Some(info.name) == name.as_str()), "{name}");
        }
        for info in &ACTIONS {
            assert!(!keymap.keys_of(info.action).is_empty(), "{} has no key", info.name);
        }
    }

    #[test]
    fn the_user_changes_keys_and_is_told_what_is_wrong() {
        let with = |pairs: &[(&str, &str)]| {
            Keymap::with(&pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect())
        };
        let chords = |text: &str| parse_keys(text).unwrap().into_iter().map(Chord::of).collect::<Vec<_>>();
        let keymap = with(&[("ctrl-r", "refresh"), ("s", "none"), ("g s", "sort")]).unwrap();
        assert_eq!(keymap.lookup(&chords("ctrl-r"), PANES), Lookup::Action(Action::Refresh));
        assert_eq!(keymap.lookup(&chords("s"), PANES), Lookup::Nothing);
        assert_eq!(keymap.keys_of(Action::Sort), ["g s"]);
        assert_eq!(keymap.keys_of(Action::Refresh), ["ctrl-r", "r"], "one's own keys are shown first");
        assert!(with(&[("x", "fild")]).unwrap_err().contains("no action"));
        assert!(with(&[("x", "pane")]).unwrap_err().contains("did you mean"));
        assert!(with(&[("hyper-x", "fold")]).unwrap_err().contains("no key"));
        assert!(with(&[("g", "fold")]).unwrap_err().contains("hides"));
    }

    #[test]
    fn several_keys_make_one_action() {
        let keymap = Keymap::defaults();
        let chords = |text: &str| parse_keys(text).unwrap().into_iter().map(Chord::of).collect::<Vec<_>>();
        assert_eq!(keymap.lookup(&chords("g"), PANES), Lookup::Prefix);
        assert_eq!(keymap.lookup(&chords("g g"), PANES), Lookup::Action(Action::Top));
        assert_eq!(keymap.lookup(&chords("g x"), PANES), Lookup::Nothing);
        assert_eq!(keymap.lookup(&chords("ctrl-d"), PANES), Lookup::Action(Action::PageDown));
    }
}
