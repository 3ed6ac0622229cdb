//! Which run is the best, and whether it is better than the one before.

use serde_json::Value;

use super::{block_on, experiment, json_of, open, run};
use crate::support::proxy::Proxy;
use crate::support::{Server, V3};

#[test]
fn the_choice_is_that_of_another_program() {
    let folder = tempfile::tempdir().unwrap();
    let local = format!("sqlite:///{}", folder.path().join("store.db").display());
    let cases: Vec<Value> =
        serde_json::from_str(&V3.run(include_str!("../../support/choose.py"), &[&local, "120"])).unwrap();
    let server = Server::start(V3, folder.path());
    let addresses = [local, server.uri()];
    let check = |case: &Value, address: &str| {
        let text = |key: &str| case[key].as_str().unwrap();
        let direction = if case["down"] == true { "--min" } else { "--max" };
        let mut arguments = vec!["best", text("experiment"), "--metric", "score", direction];
        arguments.extend(["--value", text("value"), "--where", text("where"), "--top", "3", "--json"]);
        if case["tie"] == true {
            arguments.extend(["--tie", "other:min"]);
        }
        let output = run(folder.path(), address, &arguments);
        let context = format!("{address} {case}\n{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(if case["best"].is_null() { 3 } else { 0 }), "{context}");
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let order: Vec<&Value> = report["top"].as_array().unwrap().iter().map(|run| &run["run_id"]).collect();
        assert_eq!(order, case["order"].as_array().unwrap().iter().collect::<Vec<_>>(), "{context}");
        for key in ["considered", "eligible", "left_out", "tied"] {
            assert_eq!(report[key], case[key], "{key}: {context}");
        }
    };
    for address in &addresses {
        for case in &cases {
            check(case, address);
        }
    }
    let sum = |key: &str| -> i64 { cases.iter().map(|case| case["left_out"][key].as_i64().unwrap()).sum() };
    for reason in ["unfinished", "failed", "killed", "constraint", "missing", "nan", "infinite", "parents"] {
        assert!(sum(reason) > 5, "the cases hold too few that are left out as {reason}");
    }
    assert!(cases.iter().filter(|case| case["tied"].as_i64() > Some(1)).count() > 5, "too few ties");
}

#[test]
fn of_many_runs_a_server_tells_the_same_best_as_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V3, folder.path());
    let path = folder.path().join("store.db");
    V3.run(include_str!("../../support/large.py"), &[path.to_str().unwrap()]);
    let addresses = [format!("sqlite:///{}", path.display()), server.uri()];
    let thousand = vec!["params.p1 = '1'"; 1000].join(" AND ");
    let some = vec!["params.p1 = '1' AND params.p2 != '2'"; 40].join(" AND ");
    for address in &addresses {
        let best = |more: &[&str]| json_of(folder.path(), address, &[&["best"], more, &["--json"]].concat());
        for name in ["64 params", "odd values", "1,100 params"] {
            let report = best(&[name]);
            assert_eq!(report["best"]["run_name"], "seed 0", "{address} {name}");
            assert_eq!(report["spread"]["of"]["seeds"], 3, "{address} {name}: {}", report["spread"]);
            assert!((report["spread"]["deviation"].as_f64().unwrap() - 0.1).abs() < 1e-9, "{address} {name}");
        }
        for constraint in [&thousand, &some] {
            let report = best(&["1,100 params", "--where", constraint]);
            assert_eq!(report["best"]["run_name"], "seed 0", "{address}");
        }
        for name in ["below a run that failed", "below a run that was deleted"] {
            let report = best(&[name]);
            assert_eq!(report["best"]["run_name"], "leaf", "{address} {name}");
            assert_eq!(report["margin"], 0.3 - 0.1, "{address} {name}: the second is known");
        }
        let created = ["created", "--metric", "created:min"];
        assert_eq!(best(&created)["best"]["run_name"], "one of many 0", "{address}");
        let ties = best(&["ties", "--metric", "val_acc", "--top", "2"]);
        assert_eq!(ties["tied"], 1200, "{address}");
        assert_eq!(ties["top"][0]["run_name"], "tied 1199", "{address}: {}", ties["reason"]);
        assert_eq!(ties["top"][1]["run_name"], "tied 1198", "{address}");
        assert_eq!(ties["tie_broken_by"], "metrics.val_auc", "{address}");
    }
    // Where nobody states a direction the newest runs are asked for, a page of them.
    let proxy = Proxy::start(server.port);
    let requests = |metric: &str| {
        let (_, before) = proxy.passed();
        json_of(folder.path(), &proxy.uri(), &["best", "ties", "--metric", metric, "--json"]);
        proxy.passed().1 - before
    };
    assert_eq!(requests("val_acc"), requests("val_acc:max") + 1);
}

/// Two runs with a model each, of which the first is the champion.
const CHAMPION: &str = r#"
import mlflow, sys
from mlflow.entities import LoggedModelOutput
mlflow.set_tracking_uri(sys.argv[1])
client = mlflow.MlflowClient()
for name, values in [("delta", [0.568, 0.558]), ("nan", [float("nan"), 0.558]), ("infinite", [float("-inf"), 0.558])]:
    experiment = client.create_experiment(name)
    for at, value in enumerate(values):
        run = client.create_run(experiment).info.run_id
        client.log_metric(run, "val_rmse", value)
        client.set_terminated(run)
        model = client.create_logged_model(experiment, name="model", source_run_id=run)
        client.finalize_logged_model(model.model_id, "READY")
        client.log_outputs(run, [LoggedModelOutput(model.model_id, 0)])
        if at == 0:
            client.create_registered_model(name)
            version = client.create_model_version(name, f"models:/{model.model_id}", run, model_id=model.model_id)
            client.set_registered_model_alias(name, "champion", version.version)
"#;

#[test]
fn the_gate_counts_in_decimal_and_whatever_is_a_number_beats_what_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("sqlite:///{}", folder.path().join("store.db").display());
    V3.run(CHAMPION, &[&address]);
    let gate = |name: &str, delta: &str, more: &[&str]| {
        let fixed =
            ["mark-best", name, "--if-better-than", "alias:champion", "--dry-run", "--min-delta", delta];
        run(folder.path(), &address, &[&fixed[..], more].concat()).status.code()
    };
    assert_eq!(gate("delta", "0.01", &[]), Some(0), "exactly so much");
    assert_eq!(gate("delta", "0.010000001", &[]), Some(4));
    for name in ["nan", "infinite"] {
        assert_eq!(gate(name, "5", &[]), Some(0), "{name}");
        assert_eq!(gate(name, "5", &["--value", "best"]), Some(0), "{name}");
    }
}

#[test]
fn what_is_wrong_with_the_command_line_is_said_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V3, folder.path());
    let local = format!("sqlite:///{}", folder.path().join("own.db").display());
    for address in [local, server.uri()] {
        let store = open(&address);
        let (id, runs) = block_on(experiment(&store, "wine"));
        let tags = || {
            let of_run = |run| block_on(store.get_run(run)).unwrap().tags;
            (block_on(store.get_experiment(&id)).unwrap().tags, runs.each_ref().map(of_run))
        };
        let before = tags();
        for (arguments, words) in [
            (&["mark-best", "wine", "--alias", "latest"][..], "reserved by MLflow"),
            (&["mark-best", "wine", "--alias", "v3"], "reserved by MLflow"),
            (&["mark-best", "wine", "--alias", ""], "invalid alias"),
            (&["mark-best", "wine", "--alias", "previous-champion"], "previous champion"),
            (&["mark-best", "wine", "--register", "a/b"], "invalid model name"),
            (&["mark-best", "wine", "--where", "metrics.val_rmse <"], "in the constraint"),
            (&["best", "wine", "--where", "metrics.val_rmse <"], "in the constraint"),
            (&["best", "wine", "--where", "metrics.val_rmse < 'a'"], "in the constraint"),
            (&["best", "wine", "--where", "params.lr > a"], "in the constraint"),
            (&["best", "wine", "--where", "dataset.name = 'a'"], "cannot use datasets"),
        ] {
            let output = run(folder.path(), &address, arguments);
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{address} {arguments:?}: {said}");
            assert!(said.contains(words) && output.stdout.is_empty(), "{address} {arguments:?}: {said}");
        }
        assert_eq!(tags(), before);
        assert!(block_on(store.get_registered_model("wine")).is_err());
    }
}
