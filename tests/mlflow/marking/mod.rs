//! Several people mark and undo, at once or with hands on the aliases, and the registry and the tags end in one state.

mod histories;

use std::path::Path;

use mltui::store::uri::RestOptions;
use mltui::store::{Store, uri};

use crate::support::{Server, V3};

fn open(address: &str) -> Store {
    let location = uri::parse(address, Path::new("/")).unwrap();
    uri::open(&location, &RestOptions::default(), false).unwrap()
}

#[test]
fn in_whatever_order_the_calls_come() {
    histories::in_memory();
}

#[test]
fn of_two_experiments_in_one_model() {
    histories::in_one_model();
}

#[test]
fn an_alias_that_was_moved_by_hand_stays() {
    histories::by_hand();
}

#[test]
fn in_a_local_store() {
    let folder = tempfile::tempdir().unwrap();
    histories::at_once(&open(&format!("sqlite:///{}", folder.path().join("mlflow.db").display())), 200, 4);
}

/// Some two seconds each: `MLTUI_HISTORIES_AT_ONCE=200` tries as many as in a local store.
#[test]
fn on_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V3, folder.path());
    histories::at_once(&open(&server.uri()), 40, 2);
}
