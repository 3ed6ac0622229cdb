//! What an earlier version of the program kept.

use std::fs;
use std::path::Path;

use mltui::store::uri;
use mltui::store::uri::RestOptions;
use serde_json::{Value, json};

use super::{listed, of};
use crate::support::sweeping::{STATE, block_on, local, mltui, output, seen};

/// What a journal says of trials, but for times: what they tried, what they came to, and what is kept of them.
pub(super) fn told(journal: &str) -> Vec<Value> {
    let mut told = Vec::new();
    for line in journal.lines() {
        let mut event: Value = serde_json::from_str(line).unwrap();
        let fields = event.as_object_mut().unwrap();
        fields.remove("at");
        if let Some(test) = fields.get_mut("test") {
            *test = test["scores"].clone();
        }
        if ["started", "ended", "refitted"].contains(&fields["event"].as_str().unwrap()) {
            told.push(event);
        }
    }
    told.sort_by_key(|event| (event["trial"].as_u64(), event["event"].as_str().map(str::to_owned)));
    told
}

fn are_close(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            // Another machine may have another logarithm.
            (a - b).abs() <= 1e-9 * (1.0 + a.abs())
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| are_close(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| are_close(a, b)))
        }
        _ => a == b,
    }
}

/// Both were run to their end by version 0.1, whose whole journals are kept; here they stand in the middle. One has a score
/// of which less is better and all models, the other one of which more is, and the best model alone.
#[test]
fn a_sweep_that_version_0_1_began_comes_to_what_it_would_have_come_to() {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/sweeps-0.1");
    for (name, lines, ended, best, trials) in [("iris", 60, 6, 3, 14), ("diabetes", 40, 5, 0, 12)] {
        let (home, known) = (tempfile::tempdir().unwrap(), kept.join(name));
        let uri = local(home.path());
        let location = uri::parse(&uri, Path::new("/")).unwrap();
        let store = uri::open(&location, &RestOptions::default(), false).unwrap();
        let experiment = block_on(store.create_experiment("old", &[])).unwrap();
        assert_eq!(experiment.as_str(), "1");
        let mut plan: Value = serde_json::from_slice(&fs::read(known.join("plan.json")).unwrap()).unwrap();
        plan["store"] = uri.clone().into();
        let id = plan["id"].as_str().unwrap().to_owned();
        let folder = home.path().join(STATE).join(&id);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("plan.json"), plan.to_string()).unwrap();
        let whole = fs::read_to_string(known.join("events.jsonl")).unwrap();
        let half: String = whole.split_inclusive('\n').take(lines).collect();
        fs::write(folder.join("events.jsonl"), half).unwrap();
        let (list, said) = listed(home.path(), &uri);
        let sweep = of(&list, &id);
        assert_eq!(said, "");
        let ends = |key: &str| sweep[key].as_u64().unwrap();
        assert_eq!(ends("finished") + ends("pruned") + ends("failed"), ended, "{sweep}");
        assert_eq!((&sweep["status"], &sweep["trials"]), (&json!("interrupted"), &json!(trials)));
        assert_eq!(sweep["best"]["trial"], best, "{sweep}");
        let (code, _, error) = output(mltui(home.path(), &uri, &["sweep", "--resume", &id]));
        assert_eq!(code, 0, "{error}");
        let now = fs::read_to_string(folder.join("events.jsonl")).unwrap();
        let (mut now, mut then) = (told(&now), told(&whole));
        assert_eq!(now.len(), then.len());
        // Version 0.1 ended the fits of logistic regression before they were at their end.
        let of_logistic: Vec<Value> = then
            .iter()
            .filter(|event| event["family"] == "logistic")
            .map(|event| event["trial"].clone())
            .collect();
        for event in now.iter_mut().chain(&mut then).filter(|event| of_logistic.contains(&event["trial"])) {
            for scores in ["means", "deviations", "test"] {
                event.as_object_mut().unwrap().remove(scores);
            }
        }
        for (now, then) in now.iter().zip(&then) {
            assert!(are_close(now, then), "{name}: {now}, not {then}");
        }
        let (parents, of_store) = seen(&uri, "old");
        assert_eq!((parents.len(), of_store.len()), (1, trials));
        assert!(of_store.iter().all(|trial| trial.ended && !trial.status.is_active()));
    }
}
