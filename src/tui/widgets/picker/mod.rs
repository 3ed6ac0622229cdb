//! A list to pick from, narrowed by typing. What is picked goes to whoever opened it, as a value of its own type.

pub mod actions;
pub mod view;

use std::fmt;

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use crate::tui::core::app::{App, Overlay};
use crate::tui::core::effect::Effects;
use crate::tui::widgets::cursor::Cursor;
use crate::tui::widgets::input::Input;

/// An entry, and what it stands for.
#[derive(Debug, Clone, PartialEq)]
pub struct Item<T> {
    pub label: String,
    pub note: String,
    /// Whether it is on, where that can be.
    pub on: Option<bool>,
    pub value: T,
}

/// What came of the keys.
#[derive(Debug, PartialEq)]
pub enum Picked<T> {
    /// The list is closed.
    Chosen(T),
    /// It is on or off now; the list stays open.
    Toggled(T, bool),
    /// It shall go; the list is closed.
    Removed(T),
}

/// What was done with the entries of a list that can be arranged; it stays open.
#[derive(Debug, PartialEq)]
pub enum Arranged<T> {
    /// All of these are on, or off.
    Set(Vec<T>, bool),
    /// This one is on, all others are off.
    Only(T),
    /// Those that are on stand in this order now; the last of these was moved.
    Ordered(Vec<T>, T),
}

/// What is asked for with the entries of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Arrangement {
    All,
    None,
    Only,
    Up,
    Down,
}

type Owner<T> = Box<dyn Fn(&mut App, Picked<T>, &mut Effects)>;
type Arranger<T> = Box<dyn Fn(&mut App, Arranged<T>, &mut Effects)>;

/// A list of values.
pub struct Picker<T> {
    list: PickerList,
    values: Vec<T>,
    owner: Owner<T>,
    /// What a text means that no entry matches.
    typed: Option<Typed<T>>,
    arranger: Option<Arranger<T>>,
    others: Option<Others<T>>,
}

/// Entries that can be put on at once.
const MOST_AT_ONCE: usize = 300;

type Others<T> = Box<dyn Fn(&mut App, T)>;
type Typed<T> = Box<dyn Fn(&str) -> Result<T, String>>;

/// What is seen of a list.
#[derive(Debug)]
pub struct PickerList {
    pub title: String,
    /// What stands over the labels and the notes, where they are columns.
    pub heading: (&'static str, String),
    pub entries: Vec<PickerEntry>,
    /// Which entries can be removed; none where this is empty.
    pub removable: Vec<bool>,
    /// Which entries stand out; none where this is empty.
    pub lit: Vec<bool>,
    /// Entries can be set all at once, and moved.
    pub can_arrange: bool,
    /// Something else can be done with an entry than to pick it.
    pub has_others: bool,
    /// What is made of a text that no entry matches, as in "the new alias".
    pub makes: Option<&'static str>,
    pub query: Input,
    /// The entries that match, the best first, or in their order where nothing is typed.
    pub found: Vec<u32>,
    pub cursor: Cursor,
}

/// What is seen of an entry.
#[derive(Debug)]
pub struct PickerEntry {
    pub label: String,
    pub note: String,
    pub on: Option<bool>,
}

/// What was done with the entry under the cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PickerEvent {
    Chosen,
    Toggled,
    Removed,
}

/// A list, whatever its values are.
pub trait Pick: fmt::Debug {
    fn list(&self) -> &PickerList;
    fn list_mut(&mut self) -> &mut PickerList;
    /// Why what is typed, which no entry matches, is no value either.
    fn refusal(&self) -> Option<String>;
    /// Gives the owner the value under the cursor.
    fn give(&self, app: &mut App, event: PickerEvent, effects: &mut Effects);
    /// Offers what else can be done with the entry under the cursor.
    fn offer(&self, app: &mut App);
    /// Sets or moves entries, and tells the owner.
    fn arrange(&mut self, app: &mut App, how: Arrangement, effects: &mut Effects);
}

impl<T: Clone> Picker<T> {
    /// A list whose owner gets what is picked.
    pub fn new(
        title: impl Into<String>,
        items: impl IntoIterator<Item = Item<T>>,
        owner: impl Fn(&mut App, Picked<T>, &mut Effects) + 'static,
    ) -> Self {
        let (mut entries, mut values) = (Vec::new(), Vec::new());
        for Item { label, note, on, value } in items {
            entries.push(PickerEntry { label, note, on });
            values.push(value);
        }
        let found = (0..entries.len() as u32).collect();
        let list = PickerList {
            title: title.into(),
            heading: ("", String::new()),
            entries,
            removable: Vec::new(),
            lit: Vec::new(),
            can_arrange: false,
            has_others: false,
            makes: None,
            query: Input::default(),
            found,
            cursor: Cursor::default(),
        };
        Self { list, values, owner: Box::new(owner), typed: None, arranger: None, others: None }
    }

    /// The same with the cursor on an entry.
    pub fn at(mut self, at: usize) -> Self {
        self.list.cursor.at = at;
        self
    }

    /// The same with titles over the labels and the notes.
    pub fn under(mut self, labels: &'static str, notes: String) -> Self {
        self.list.heading = (labels, notes);
        self
    }

    /// The same, and some entries stand out.
    pub fn lit(mut self, lit: Vec<bool>) -> Self {
        self.list.lit = lit;
        self
    }

    /// The same, and such entries can be removed.
    pub fn removable(mut self, which: impl Fn(&T) -> bool) -> Self {
        self.list.removable = self.values.iter().map(which).collect();
        self
    }

    /// The same, and entries can be set all at once, and moved.
    pub fn arrangeable(mut self, arranger: impl Fn(&mut App, Arranged<T>, &mut Effects) + 'static) -> Self {
        self.list.can_arrange = true;
        self.arranger = Some(Box::new(arranger));
        self
    }

    /// The same, and something else is offered for an entry.
    pub fn or_else(mut self, offer: impl Fn(&mut App, T) + 'static) -> Self {
        self.list.has_others = true;
        self.others = Some(Box::new(offer));
        self
    }

    /// The same, and a text that no entry matches is a value as well, which is called `what`.
    pub fn or_typed(
        mut self,
        what: &'static str,
        read: impl Fn(&str) -> Result<T, String> + 'static,
    ) -> Self {
        self.list.makes = Some(what);
        self.typed = Some(Box::new(read));
        self
    }

    /// What is made of the text that is typed, if no entry matches it.
    fn typed(&self) -> Option<Result<T, String>> {
        let read = self.typed.as_ref().filter(|_| self.list.found.is_empty())?;
        Some(read(self.list.query.value().trim()))
    }

    /// Puts the list over everything else, with its cursor in sight.
    pub fn open(mut self, app: &mut App)
    where
        T: 'static,
    {
        self.list.cursor.show(self.list.found.len(), height(app.size.1));
        app.overlay = Some(Overlay::Picker(Box::new(self)));
    }
}

impl<T> fmt::Debug for Picker<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.list.fmt(f)
    }
}

impl<T: Clone> Pick for Picker<T> {
    fn list(&self) -> &PickerList {
        &self.list
    }

    fn list_mut(&mut self) -> &mut PickerList {
        &mut self.list
    }

    fn refusal(&self) -> Option<String> {
        self.typed().and_then(Result::err)
    }

    fn give(&self, app: &mut App, event: PickerEvent, effects: &mut Effects) {
        let Some(at) = self.list.found.get(self.list.cursor.at).map(|at| *at as usize) else {
            if let Some(Ok(value)) = self.typed() {
                (self.owner)(app, Picked::Chosen(value), effects);
            }
            return;
        };
        let value = self.values[at].clone();
        let picked = match event {
            PickerEvent::Chosen => Picked::Chosen(value),
            PickerEvent::Toggled => Picked::Toggled(value, self.list.entries[at].on.unwrap_or_default()),
            PickerEvent::Removed => Picked::Removed(value),
        };
        (self.owner)(app, picked, effects);
    }

    fn offer(&self, app: &mut App) {
        let at = self.list.found.get(self.list.cursor.at);
        if let Some((offer, at)) = self.others.as_ref().zip(at) {
            offer(app, self.values[*at as usize].clone());
        }
    }

    fn arrange(&mut self, app: &mut App, how: Arrangement, effects: &mut Effects) {
        let Some(arranger) = &self.arranger else { return };
        let list = &mut self.list;
        let Some(at) = list.found.get(list.cursor.at).map(|at| *at as usize) else { return };
        let arranged = match how {
            Arrangement::All | Arrangement::None => {
                let on = how == Arrangement::All;
                let found = list.found.iter().map(|at| *at as usize);
                let changed: Vec<usize> = found.filter(|at| list.entries[*at].on == Some(!on)).collect();
                if on && changed.len() > MOST_AT_ONCE {
                    let most = crate::text::count(MOST_AT_ONCE);
                    return app
                        .say(format!("more than {most} at once are too many to look at; type to narrow"));
                }
                if changed.is_empty() {
                    return;
                }
                for at in &changed {
                    list.entries[*at].on = Some(on);
                }
                Arranged::Set(changed.into_iter().map(|at| self.values[at].clone()).collect(), on)
            }
            Arrangement::Only => {
                list.entries.iter_mut().for_each(|entry| entry.on = entry.on.map(|_| false));
                list.entries[at].on = Some(true);
                Arranged::Only(self.values[at].clone())
            }
            Arrangement::Up | Arrangement::Down => {
                let is_on = |at: &usize| list.entries[*at].on == Some(true);
                if !is_on(&at) {
                    return app.say("space switches it on; then it can be moved");
                }
                // The next one that is on: those between are not seen.
                let to = if how == Arrangement::Up {
                    (0..at).rev().find(is_on)
                } else {
                    (at + 1..list.entries.len()).find(is_on)
                };
                let Some(to) = to else { return };
                list.entries.swap(at, to);
                self.values.swap(at, to);
                list.step(to as isize - at as isize, height(app.size.1));
                let on = list.entries.iter().zip(&self.values).filter(|(entry, _)| entry.on == Some(true));
                Arranged::Ordered(on.map(|(_, value)| value.clone()).collect(), self.values[to].clone())
            }
        };
        arranger(app, arranged, effects);
    }
}

impl PickerList {
    pub fn under_cursor(&self) -> Option<&PickerEntry> {
        self.found.get(self.cursor.at).map(|at| &self.entries[*at as usize])
    }

    /// Whether the entry under the cursor can be removed.
    pub fn can_remove(&self) -> bool {
        let at = self.found.get(self.cursor.at).map(|at| *at as usize);
        at.and_then(|at| self.removable.get(at)).copied().unwrap_or_default()
    }

    /// Turns the entry under the cursor on or off.
    pub fn toggle(&mut self) {
        if let Some(at) = self.found.get(self.cursor.at) {
            let entry = &mut self.entries[*at as usize];
            entry.on = entry.on.map(|on| !on);
        }
    }

    pub fn step(&mut self, by: isize, height: usize) {
        self.cursor.step(by, self.found.len(), height);
    }

    pub fn search(&mut self) {
        let pattern = Pattern::parse(self.query.value(), CaseMatching::Smart, Normalization::Smart);
        self.cursor = Cursor::default();
        if pattern.atoms.is_empty() {
            self.found = (0..self.entries.len() as u32).collect();
            return;
        }
        let mut matcher = Matcher::new(Config::DEFAULT);
        let mut buffer = Vec::new();
        let mut scored: Vec<(u32, u32)> = Vec::new();
        for (at, entry) in self.entries.iter().enumerate() {
            if let Some(score) = pattern.score(Utf32Str::new(&entry.label, &mut buffer), &mut matcher) {
                scored.push((score, at as u32));
            }
        }
        // Letters in between are for those who leave some out: where the words as they are occur, nothing else is meant.
        let words = words_of(self.query.value());
        let contains = |at: u32| {
            let label = &self.entries[at as usize].label;
            words.iter().all(|(word, is_exact)| {
                if *is_exact { label.contains(word) } else { label.to_lowercase().contains(word) }
            })
        };
        if scored.iter().any(|(_, at)| contains(*at)) {
            scored.retain(|(_, at)| contains(*at));
        }
        // The best first; of several the shorter name, then the order of the list.
        let length = |at: u32| self.entries[at as usize].label.len();
        scored.sort_by_key(|(score, at)| (std::cmp::Reverse(*score), length(*at), *at));
        self.found = scored.into_iter().map(|(_, at)| at).collect();
    }

    /// The places of the letters, as characters, that make a label match.
    pub fn letters(&self, label: &str) -> Vec<usize> {
        let pattern = Pattern::parse(self.query.value(), CaseMatching::Smart, Normalization::Smart);
        let (mut buffer, mut places) = (Vec::new(), Vec::new());
        let mut matcher = Matcher::new(Config::DEFAULT);
        let text = Utf32Str::new(label, &mut buffer);
        // Only items that match are drawn.
        let _ = pattern.indices(text, &mut matcher, &mut places);
        let mut places: Vec<usize> = places.into_iter().map(|place| place as usize).collect();
        places.sort_unstable();
        places.dedup();
        places
    }
}

/// The words of a query, and whether their case matters: without capitals it does not. None where signs steer the search.
fn words_of(query: &str) -> Vec<(String, bool)> {
    let words = query.split_whitespace();
    let plain = words.filter(|word| !word.starts_with(['^', '\'', '!']) && !word.ends_with('$'));
    plain.map(|word| (word.to_owned(), word.chars().any(char::is_uppercase))).collect()
}

/// Items that the list shows on a screen of that many rows.
pub fn height(rows: u16) -> usize {
    (rows as usize).saturating_sub(8).clamp(1, 24)
}
