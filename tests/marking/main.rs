//! Several people mark and undo at once, and the registry and the tags end in one state.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod histories;
#[path = "../support/mod.rs"]
mod support;

use std::path::Path;
use std::sync::Arc;

use mltui::store::rest::RestOptions;
use mltui::store::{TrackingStore, uri};
use support::{Server, V3};

fn open(address: &str) -> Arc<dyn TrackingStore> {
    let location = uri::parse(address, Path::new("/")).unwrap();
    uri::open(&location, &RestOptions::default(), false).unwrap()
}

#[test]
fn in_whatever_order_the_calls_come() {
    histories::in_memory();
}

#[test]
fn in_a_local_store() {
    let folder = tempfile::tempdir().unwrap();
    histories::at_once(&open(&format!("sqlite:///{}", folder.path().join("mlflow.db").display())), 200, 4);
}

#[test]
fn on_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V3, folder.path());
    histories::at_once(&open(&server.uri()), 200, 2);
}
