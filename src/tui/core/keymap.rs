//! Keys as text, and which action each stands for.

use std::collections::BTreeMap;
use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use rustc_hash::FxHashMap;

use super::action::{Action, ActionRow, possible_in, rows};
use super::app::App;
use super::layer::{Layer, Scope};

/// One key with its modifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Chord {
    code: KeyCode,
    control: bool,
    alt: bool,
}

impl Chord {
    pub fn of(event: KeyEvent) -> Self {
        // Shift is in the letter itself, and Shift-Tab is a key of its own.
        let has = |modifier| event.modifiers.contains(modifier);
        Self { code: event.code, control: has(KeyModifiers::CONTROL), alt: has(KeyModifiers::ALT) }
    }

    /// The same without alt, which terminals also say for a key that comes right behind esc.
    fn without_alt(self) -> Self {
        Self { alt: false, ..self }
    }

    /// Whether it is typed where text is.
    fn is_letter(self) -> bool {
        matches!(self.code, KeyCode::Char(_)) && !self.control && !self.alt
    }

    /// Reads `ctrl-d`, `alt-up`, `G`, `shift-tab`, `pagedown`.
    pub fn parse(text: &str) -> Option<Self> {
        let (control, alt, name) = match (text.strip_prefix("ctrl-"), text.strip_prefix("alt-")) {
            (Some(rest), _) => (true, false, rest),
            (None, Some(rest)) => (false, true, rest),
            (None, None) => (false, false, text),
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
        Some(Self { code, control, alt })
    }
}

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.control {
            f.write_str("ctrl-")?;
        }
        if self.alt {
            f.write_str("alt-")?;
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
    /// What keys mean in each scope: the first action that is possible has the word.
    bindings: FxHashMap<Scope, FxHashMap<Vec<Chord>, Vec<Action>>>,
    /// The user's own first, then those of the rows.
    written: Vec<Binding>,
}

/// Keys of an action, as written and as they come.
#[derive(Debug, Clone)]
struct Binding {
    keys: String,
    chords: Vec<Chord>,
    action: Action,
}

impl Keymap {
    /// The keys of the rows.
    pub fn defaults() -> Self {
        let mut keymap = Self { bindings: FxHashMap::default(), written: Vec::new() };
        for row in rows() {
            for keys in row.keys {
                // They are part of the program; a test reads them strictly, so that here nothing can be wrong with them.
                let chords: Vec<Chord> = keys.split(' ').filter_map(Chord::parse).collect();
                keymap.bind(row, &chords);
                keymap.written.push(Binding { keys: (*keys).to_owned(), chords, action: row.action });
            }
        }
        keymap
    }

    fn bind(&mut self, row: &ActionRow, chords: &[Chord]) {
        for scope in row.scopes {
            let in_scope = self.bindings.entry(*scope).or_default();
            in_scope.entry(chords.to_vec()).or_default().push(row.action);
        }
    }

    /// The default keys with the user's own over them: from keys to the name of an action (of several, where they are
    /// meant in different places), or `none`.
    ///
    /// # Errors
    /// What is wrong with a key or a name, in words.
    pub fn with(own: &BTreeMap<String, String>) -> Result<Self, String> {
        let mut keymap = Self::defaults();
        for (keys, names) in own {
            let chords = chords_of(keys)?;
            if names == "none" {
                keymap.written.retain(|written| written.chords != chords);
                for in_scope in keymap.bindings.values_mut() {
                    in_scope.remove(&chords);
                }
                continue;
            }
            for name in names.split_whitespace() {
                let row = find(name)?;
                if row.scopes.iter().any(|scope| scope.is_typing())
                    && (chords.len() > 1 || chords[0].is_letter())
                {
                    return Err(format!(
                        "{keys:?} = {name:?}: letters are typed there; use a key such as enter, or one with ctrl- or alt-"
                    ));
                }
                // Where the action is meant, the key means nothing else any more.
                keymap.written.retain(|known| known.chords != chords || !meet(known.action, row));
                for in_scope in keymap.bindings.values_mut() {
                    if let Some(actions) = in_scope.get_mut(&chords) {
                        actions.retain(|other| !meet(*other, row));
                    }
                    in_scope.retain(|_, actions| !actions.is_empty());
                }
                keymap.bind(row, &chords);
                let chords = chords.clone();
                keymap.written.insert(0, Binding { keys: keys.clone(), chords, action: row.action });
            }
        }
        for (keys, names) in own.iter().filter(|(_, names)| *names != "none") {
            let own: Vec<_> = names.split_whitespace().filter_map(|name| find(name).ok()).collect();
            let chords = chords_of(keys)?;
            let longer = keymap.written.iter().find(|longer| {
                goes_on(&longer.chords, &chords) && own.iter().any(|row| meet(longer.action, row))
            });
            if let Some(Binding { keys: longer, .. }) = longer {
                return Err(format!(
                    "{keys:?} = {names:?} hides {longer:?}, which begins with it; give that another key, or \"none\""
                ));
            }
        }
        Ok(keymap)
    }

    /// What keys mean where these scopes are in force: the first scope that knows them has the word, and in it the first
    /// action that is possible.
    pub fn lookup(&self, keys: &[Chord], scopes: &[Scope], possible: impl Fn(Action) -> bool) -> Lookup {
        let mut in_force = scopes.iter().filter_map(|scope| self.bindings.get(scope));
        if let Some(actions) = in_force.clone().find_map(|in_scope| in_scope.get(keys)) {
            let first = actions.iter().find(|action| possible(**action)).or(actions.first());
            return first.map_or(Lookup::Nothing, |action| Lookup::Action(*action));
        }
        if in_force.any(|in_scope| in_scope.keys().any(|known| goes_on(known, keys))) {
            Lookup::Prefix
        } else {
            Lookup::Nothing
        }
    }

    /// The keys of an action, as written.
    pub fn keys_of(&self, action: Action) -> Vec<&str> {
        self.bindings_of(action).map(|binding| binding.keys.as_str()).collect()
    }

    fn bindings_of(&self, action: Action) -> impl Iterator<Item = &Binding> {
        self.written.iter().filter(move |binding| binding.action == action)
    }
}

impl App {
    /// What keys mean now.
    pub fn meaning(&self, keys: &[Chord]) -> Lookup {
        self.meaning_in(self.layer(), keys)
    }

    /// What keys mean in a layer that something else may stand over.
    pub fn meaning_in(&self, layer: Layer, keys: &[Chord]) -> Lookup {
        let is_possible =
            |action: Action| action.row().is_some_and(|row| possible_in(self, layer, row).is_ok());
        let meaning = self.keymap.lookup(keys, layer.scopes(), is_possible);
        if let Lookup::Action(action @ Action::Details(of_details)) = meaning
            && !of_details.is_of_pane(self)
            && !is_possible(action)
        {
            // The reason that is told is that of the action that one may have meant.
            return self.keymap.lookup(keys, layer.scopes(), |action| !matches!(action, Action::Details(_)));
        }
        if meaning == Lookup::Nothing && !layer.is_typing() && keys.iter().any(|key| key.alt) {
            let keys: Vec<Chord> = keys.iter().map(|key| key.without_alt()).collect();
            return self.keymap.lookup(&keys, layer.scopes(), is_possible);
        }
        meaning
    }

    /// The rows of what can be done in a layer, with the keys that mean it there. One key is given once.
    pub fn offered(&self, layer: Layer) -> impl Iterator<Item = (&'static ActionRow, Vec<&str>)> {
        let rows = rows().filter(move |row| possible_in(self, layer, row).is_ok());
        rows.filter_map(move |row| {
            let means = |keys: &&Binding| self.meaning_in(layer, &keys.chords) == Lookup::Action(row.action);
            let bindings = self.keymap.bindings_of(row.action).filter(means);
            let keys: Vec<&str> = bindings.map(|binding| binding.keys.as_str()).collect();
            (!keys.is_empty()).then_some((row, keys))
        })
    }
}

/// Whether keys begin with others, and more come.
fn goes_on(keys: &[Chord], beginning: &[Chord]) -> bool {
    keys.len() > beginning.len() && keys.starts_with(beginning)
}

/// Reads `g g` or `ctrl-d`.
fn chords_of(keys: &str) -> Result<Vec<Chord>, String> {
    let mut chords = Vec::new();
    for key in keys.split_whitespace() {
        let chord = Chord::parse(key).ok_or_else(|| {
            format!("unknown key {key:?} in {keys:?}; keys are letters and signs, up, down, left, right, home, end, \
                     pageup, pagedown, enter, esc, tab, space, backspace, with ctrl- or alt- in front, and shift-tab")
        })?;
        chords.push(chord);
    }
    if chords.is_empty() { Err(format!("unknown key {keys:?}")) } else { Ok(chords) }
}

/// Names that actions had in version 0.1.
const EARLIER_NAMES: [(&str, &str); 3] =
    [("mark", "select"), ("mark-range", "select-range"), ("clear-marks", "select-none")];

fn find(name: &str) -> Result<&'static ActionRow, String> {
    let name = EARLIER_NAMES.iter().find(|(earlier, _)| *earlier == name).map_or(name, |(_, now)| now);
    rows().find(|row| row.name == name).ok_or_else(|| unknown_action(name))
}

/// Whether there is a place where both actions are meant.
fn meet(other: Action, row: &ActionRow) -> bool {
    let others = other.row().map_or(&[][..], |other| other.scopes);
    row.scopes.iter().any(|a| others.iter().any(|b| a.meets(*b)))
}

/// That there is no such action, and which one may be meant.
fn unknown_action(name: &str) -> String {
    let near = rows().find(|row| row.name.contains(name) || name.contains(row.name));
    let near = near.map_or(String::new(), |row| format!("; did you mean {:?}?", row.name));
    format!(
        "unknown action {name:?}{near} docs/keys.md and the palette list all names; \"none\" unbinds a key"
    )
}

/// Keys as text, for tests and macros: `g g j enter`.
pub fn parse_keys(text: &str) -> Option<Vec<KeyEvent>> {
    text.split_whitespace()
        .map(|word| {
            let Chord { code, control, alt } = Chord::parse(word)?;
            let with = |is_on, modifier| if is_on { modifier } else { KeyModifiers::NONE };
            let modifiers = with(control, KeyModifiers::CONTROL) | with(alt, KeyModifiers::ALT);
            Some(KeyEvent::new(code, modifiers))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::core::go::Action as Go;
    use crate::tui::core::layer::LAYERS;
    use crate::tui::features::charts::actions::Action as Charts;
    use crate::tui::features::runs::actions::Action as Runs;
    use crate::tui::features::session::actions::Action as Session;

    fn chords(text: &str) -> Vec<Chord> {
        parse_keys(text).unwrap().into_iter().map(Chord::of).collect()
    }

    /// What keys mean where everything is possible.
    fn lookup(keymap: &Keymap, keys: &str, layer: Layer) -> Lookup {
        keymap.lookup(&chords(keys), layer.scopes(), |_| true)
    }

    fn means(action: impl Into<Action>) -> Lookup {
        Lookup::Action(action.into())
    }

    #[test]
    fn a_key_means_one_thing_in_a_place() {
        let keymap = Keymap::defaults();
        for (scope, in_scope) in &keymap.bindings {
            for (keys, actions) in in_scope {
                // Two may share a key only if they exclude each other, as to complete a line and to go to the next one.
                let is_arrow = [chords("up"), chords("down")].contains(keys);
                let excludes = (*scope == Scope::Plan && *keys == chords("tab"))
                    // A search that stands, and a page that is looked into, have the keys of the pane that they stand in.
                    || (*scope == Scope::Panes && [chords("n"), chords("v")].contains(keys))
                    || (*scope == Scope::Prompt && is_arrow);
                let is_known = actions.len() == 1 || excludes;
                assert!(is_known, "{actions:?} share {keys:?}");
            }
        }
        assert_eq!(lookup(&keymap, "x", Layer::Panes), means(Runs::Fold));
        assert_eq!(lookup(&keymap, "x", Layer::Dashboard), means(Charts::XAxis));
    }

    #[test]
    fn no_key_begins_with_what_is_a_key_already() {
        let keymap = Keymap::defaults();
        for layer in LAYERS {
            let in_force = layer.scopes().iter().filter_map(|scope| keymap.bindings.get(scope));
            for keys in in_force.flat_map(FxHashMap::keys).filter(|keys| keys.len() > 1) {
                let text = keys[..1].iter().map(ToString::to_string).collect::<String>();
                assert_eq!(lookup(&keymap, &text, layer), Lookup::Prefix, "{text} in {layer:?}");
            }
        }
    }

    #[test]
    fn rows_are_sound() {
        let mut names = std::collections::HashSet::new();
        for row in rows() {
            assert!(names.insert(row.name), "two actions are called {}", row.name);
            assert!(!row.keys.is_empty() && !row.scopes.is_empty(), "{}", row.name);
            assert_eq!(row.action.row().map(|row| row.name), Some(row.name), "two rows for one action");
            for key in row.keys.iter().flat_map(|keys| keys.split(' ')) {
                assert_eq!(Chord::parse(key).expect(key).to_string(), key, "of {}", row.name);
            }
            let types = row.scopes.iter().any(|scope| scope.is_typing());
            let is_letter = |keys: &&str| keys.split(' ').count() > 1 || chords(keys)[0].is_letter();
            // A space turns an entry on where that is possible, and is typed elsewhere.
            let letters: Vec<_> = row.keys.iter().copied().filter(is_letter).collect();
            // So do the keys that close the help, where nothing is typed or nothing is called so.
            let is_known = letters.is_empty() || letters == ["space"] || row.scopes == [Scope::Help];
            assert!(!types || is_known, "{} takes letters away", row.name);
        }
    }

    #[test]
    fn the_user_changes_keys_and_is_told_what_is_wrong() {
        let with = |pairs: &[(&str, &str)]| {
            Keymap::with(&pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect())
        };
        let keymap = with(&[("ctrl-r", "refresh"), ("s", "none"), ("g s", "sort")]).unwrap();
        assert_eq!(lookup(&keymap, "ctrl-r", Layer::Panes), means(Session::Refresh));
        assert_eq!(lookup(&keymap, "s", Layer::Panes), Lookup::Nothing);
        assert_eq!(keymap.keys_of(Runs::Sort.into()), ["g s"]);
        assert_eq!(
            keymap.keys_of(Session::Refresh.into()),
            ["ctrl-r", "r"],
            "one's own keys are shown first"
        );
        assert!(with(&[("x", "fild")]).unwrap_err().contains("unknown action"));
        assert!(with(&[("x", "pane")]).unwrap_err().contains("did you mean"));
        assert!(with(&[("hyper-x", "fold")]).unwrap_err().contains("unknown key"));
        assert!(with(&[("g", "fold")]).unwrap_err().contains("hides"));
        assert_eq!(with(&[("M", "mark")]).unwrap().keys_of(Runs::Select.into()), ["M", "space"]);
        // Lists, prompts and questions too, as far as nothing is typed there.
        let keymap = with(&[("ctrl-y", "pick"), ("j", "yes")]).unwrap();
        assert_eq!(lookup(&keymap, "j", Layer::Panes), means(Go::Down));
        assert!(matches!(lookup(&keymap, "j", Layer::Confirm), Lookup::Action(Action::Confirm(_))));
        assert!(matches!(lookup(&keymap, "ctrl-y", Layer::Picker), Lookup::Action(Action::Picker(_))));
        assert!(with(&[("j", "pick-down")]).unwrap_err().contains("typed there"));
        assert!(with(&[("g g", "apply")]).unwrap_err().contains("typed there"));
    }

    #[test]
    fn several_keys_make_one_action() {
        let keymap = Keymap::defaults();
        assert_eq!(lookup(&keymap, "g", Layer::Panes), Lookup::Prefix);
        assert_eq!(lookup(&keymap, "g g", Layer::Panes), means(Go::Top));
        assert_eq!(lookup(&keymap, "g z", Layer::Panes), Lookup::Nothing);
        assert_eq!(lookup(&keymap, "ctrl-d", Layer::Panes), means(Go::PageDown));
    }
}
