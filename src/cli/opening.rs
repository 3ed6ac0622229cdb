//! The store that a command works on.

use super::{Failure, sweep_report};
use crate::config::Settings;
use crate::store::Store;
use crate::store::uri::{self, Observer};

/// The store that the settings name; a database that was requested by name has to be there.
pub fn open(settings: &Settings) -> Result<Store, Failure> {
    match settings.absent_file() {
        Some(words) => Err(Failure::NoFile(words)),
        None => open_or_begin(settings),
    }
}

/// The store that the settings name, which was there before.
pub fn open_existing(settings: &Settings) -> Result<Store, Failure> {
    let store = open_or_begin(settings)?;
    match &settings.location {
        Ok(uri::Location::Sqlite(database)) if !store.is_begun() => {
            Err(Failure::NoFile(uri::no_file(&database.path)))
        }
        _ => Ok(store),
    }
}

/// Says that a database which was requested by name is not there, before somebody makes it.
pub fn tell_new(settings: &Settings) {
    if let Some(words) = settings.absent_file() {
        if is_dangling(settings) {
            return sweep_report::say(&words);
        }
        let mark = if words.ends_with('?') { "" } else { ";" };
        sweep_report::say(&format!("{words}{mark} a new one is made with the first that is logged"));
    }
}

/// The same, which says so where there is none.
pub fn open_new(settings: &Settings) -> Result<Store, Failure> {
    if is_dangling(settings) {
        return open(settings);
    }
    tell_new(settings);
    open_or_begin(settings)
}

/// Whether the database is a symbolic link that leads to nothing: no new one is made behind it.
fn is_dangling(settings: &Settings) -> bool {
    let Ok(uri::Location::Sqlite(database)) = &settings.location else { return false };
    uri::dangling(&database.path).is_some()
}

/// The same, with nothing said of waiting: on a screen that says so itself.
pub fn open_for_screen(settings: &Settings) -> Result<Store, Failure> {
    Ok(uri::open(&settings.location.clone()?, &settings.rest, settings.read_only)?)
}

/// The same, where the first write may make the database.
pub fn open_or_begin(settings: &Settings) -> Result<Store, Failure> {
    let location = settings.location.clone()?;
    let mut rest = settings.rest.clone();
    rest.observer = Some(Observer::new(|waiting| {
        sweep_report::say(&format!(
            "{} for {} ({}); ctrl-c stops it",
            waiting.what,
            crate::text::span(waiting.at_most.as_millis() as i64),
            waiting.set_by
        ));
    }));
    Ok(uri::open(&location, &rest, settings.read_only)?)
}
