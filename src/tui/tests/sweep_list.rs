//! Where the list of sweeps opens, and where its cursor stays.

use super::sweeping::{effects_of, progress};
use super::*;
use crate::sweep::progress::{Progress, SweepStatus};

#[test]
fn the_list_of_sweeps_is_opened_at_that_of_the_run_under_the_cursor() {
    let (mut app, mut runs) = opened((200, 50), 12);
    let older = Progress { id: "older".into(), ..progress(&app, SweepStatus::Finished) };
    let list = vec![progress(&app, SweepStatus::Finished), older];
    take(&mut app, sweeps::Msg::Progress { list, unread: Vec::new() });
    effects_of(&mut app, "g s");
    assert!(drawn(&app).contains("its id is 20261123-120000-abc"), "{}", drawn(&app));
    effects_of(&mut app, "esc");
    let cursor = app.runs.run_under_cursor().unwrap();
    let run = runs.iter_mut().find(|run| run.info.run_id == cursor).unwrap();
    run.tags.push(Tag::new("mltui.sweep", "older"));
    let ticket = app.runs.newest.ticket();
    feed(&mut app, snapshot(ticket, &runs), &runs);
    effects_of(&mut app, "g s");
    assert!(drawn(&app).contains("its id is older"), "{}", drawn(&app));
    // It stays there when another begins, and is found when the list comes after the key.
    let list = |ids: &[&str]| -> Vec<Progress> {
        ids.iter().map(|id| Progress { id: (*id).into(), ..progress(&app, SweepStatus::Finished) }).collect()
    };
    let (few, more) = (list(&["newer", "older"]), list(&["newest", "newer", "older"]));
    take(&mut app, sweeps::Msg::Progress { list: more.clone(), unread: Vec::new() });
    assert!(drawn(&app).contains("its id is older"), "{}", drawn(&app));
    effects_of(&mut app, "esc");
    take(&mut app, sweeps::Msg::Progress { list: Vec::new(), unread: Vec::new() });
    effects_of(&mut app, "g s");
    take(&mut app, sweeps::Msg::Progress { list: few, unread: Vec::new() });
    assert!(drawn(&app).contains("its id is older"), "{}", drawn(&app));
    effects_of(&mut app, "k");
    take(&mut app, sweeps::Msg::Progress { list: more, unread: Vec::new() });
    assert!(drawn(&app).contains("its id is newer"), "{}", drawn(&app));
}
