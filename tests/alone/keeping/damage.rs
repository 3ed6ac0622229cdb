//! Files of the program that are damaged.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{damage, listed, of, state, swept};
use crate::support::sweeping::{STATE, local, mltui, output};
use crate::support::terminal::Terminal;

#[test]
fn one_damaged_sweep_hides_no_other() {
    let home = tempfile::tempdir().unwrap();
    let uri = local(home.path());
    let whole = swept(home.path(), &uri);
    let sweeps = home.path().join(STATE);
    let huge = "{\"at\":1,\"event\":\"begun\"}\n{\"at\":1,\"event\":\"fold\",\"trial\":18446744073709551615,\"fold\":0,\
                \"scores\":[],\"fit_seconds\":1,\"predict_seconds\":1}\n";
    let far = "{\"at\":9223372036854775807,\"event\":\"begun\"}\n{\"at\":-9223372036854775808,\"event\":\"paused\"}\n";
    for name in ["plan.json", "events.jsonl", "unkept.json", "lock", "wanted", "sent", "log"] {
        for how in ["folder", "pipe", "giant", "zeros", "bytes", huge, far] {
            let id = "20260101-000000-abcdef";
            let folder = sweeps.join(id);
            fs::create_dir(&folder).unwrap();
            for file in ["events.jsonl", "sent"] {
                fs::copy(sweeps.join(&whole).join(file), folder.join(file)).unwrap();
            }
            let mut plan: Value =
                serde_json::from_slice(&fs::read(sweeps.join(&whole).join("plan.json")).unwrap()).unwrap();
            plan["id"] = id.into();
            fs::write(folder.join("plan.json"), plan.to_string()).unwrap();
            damage(&folder.join(name), how);
            let what = format!("{how:.20} as {name}");
            let (list, error) = listed(home.path(), &uri);
            assert_eq!(of(&list, &whole)["status"], "finished", "{what}: {error}");
            let path = folder.join(name);
            let place = path.to_str().unwrap();
            match name {
                "plan.json" => assert!(error.contains(place), "{what}: {error}"),
                "unkept.json" => {
                    let known = &of(&list, id)["not_kept"];
                    assert_eq!(known["models"], Value::Null, "{what}: {known}");
                    assert!(known["why"].as_str().unwrap().contains(place), "{what}: {known}");
                    let (_, words, _) = output(mltui(home.path(), &uri, &["sweeps"]));
                    assert!(words.contains("cannot tell what was not stored"), "{what}: {words}");
                }
                // Times that no clock has are no damage.
                "events.jsonl" if how == far => assert_eq!(of(&list, id)["finished"], 0, "{what}"),
                "events.jsonl" => {
                    let damage = list.as_array().unwrap().iter().find(|sweep| sweep["sweep"] == id);
                    let told = damage.map_or(error.clone(), |sweep| sweep["damage"].to_string());
                    assert!(told.contains(place), "{what}: {told}");
                }
                _ => {}
            }
            // Nothing of it stands in the way of another.
            if name == "events.jsonl" || name == "plan.json" {
                swept(home.path(), &uri);
            }
            let _ = output(mltui(home.path(), &uri, &["sweeps", "log", id]));
            fs::remove_dir_all(&folder).unwrap();
        }
    }
}

#[test]
fn the_explorer_tells_of_what_is_damaged_and_goes_on() {
    let home = tempfile::tempdir().unwrap();
    let uri = local(home.path());
    swept(home.path(), &uri);
    let broken = home.path().join(STATE).join("20260101-000000-abcdef");
    fs::create_dir(&broken).unwrap();
    damage(&broken.join("plan.json"), "bytes");
    let start = || Terminal::start(home.path(), (140, 36), &["--tracking-uri", &uri], &[]);
    let mut screen = start();
    screen.wait_for("cannot read a sweep");
    screen.type_keys("\x1b[1;5C");
    screen.type_keys("gs");
    screen.wait("both", |screen| screen.contains("not read:") && screen.contains("finished"));
    screen.type_keys("\x1b");
    screen.wait("the list to close", |screen| !screen.contains("not read:"));
    screen.type_keys("q");
    assert_eq!(screen.wait_for_end(), 0);
    fs::remove_dir_all(&broken).unwrap();
    let stores = state(home.path()).join("stores");
    let files = fs::read_dir(&stores).unwrap().map(|entry| entry.unwrap().path());
    let file =
        files.into_iter().find(|path| path.extension().is_some_and(|ending| ending == "json")).unwrap();
    damage(&file, "bytes");
    let mut screen = start();
    screen.wait_for("cannot read the saved state");
    screen.wait_for("\u{2605}");
    screen.type_keys("\x1b[1;5C");
    screen.type_keys("q");
    assert_eq!(screen.wait_for_end(), 0);
    assert!(Path::new(&format!("{}.damaged", file.display())).exists(), "it is kept for who can mend it");
    assert!(serde_json::from_slice::<Value>(&fs::read(&file).unwrap()).is_ok());
}
