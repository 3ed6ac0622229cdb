//! One moment, few connections, and locks, in MariaDB.

use mysql::prelude::Queryable as _;

use crate::stores::moments::{
    a_lock_is_told_as_time_that_is_over, a_scan_is_of_one_moment, few_connections_are_open,
};
use crate::support::V3;
use crate::support::mysql::{MariaDb, open_at};
use crate::support::stores::{block_on, new_run};

#[test]
#[ignore = "needs Debian's mariadb-server: apt-get install mariadb-server, and root"]
fn all_parts_of_a_scan_of_a_mariadb_are_of_one_moment() {
    let folder = tempfile::tempdir().unwrap();
    let server = MariaDb::shared();
    let name = server.database(V3);
    let store = open_at(&server.uri(&name), folder.path());
    a_scan_is_of_one_moment(&store, |statements| server.sql(&name, statements));
}

#[test]
#[ignore = "needs Debian's mariadb-server: apt-get install mariadb-server, and root"]
fn many_who_ask_a_mariadb_at_once_share_few_connections() {
    let folder = tempfile::tempdir().unwrap();
    let server = MariaDb::shared();
    let name = server.database(V3);
    let store = open_at(&server.uri(&name), folder.path());
    let count =
        format!("SELECT count(*) FROM information_schema.processlist WHERE db = '{name}' AND user = 'ana'");
    few_connections_are_open(&store, move || server.number("mysql", &count));
}

/// It takes a minute: nothing in an address makes the time shorter.
#[test]
#[ignore = "needs Debian's mariadb-server: apt-get install mariadb-server, and root"]
fn a_table_of_a_mariadb_that_is_locked_is_not_waited_for_without_an_end() {
    let folder = tempfile::tempdir().unwrap();
    let server = MariaDb::shared();
    let name = server.database(V3);
    let store = open_at(&server.uri(&name), folder.path());
    let run = block_on(async {
        let experiment = store.create_experiment("e", &[]).await.unwrap();
        store.create_run(&new_run(&experiment, "r", 1)).await.unwrap().info.run_id
    });
    let mut other = server.connect(&name).unwrap();
    other.query_drop("LOCK TABLES params WRITE").unwrap();
    a_lock_is_told_as_time_that_is_over(&store, &run, move || other.query_drop("UNLOCK TABLES").unwrap());
}
