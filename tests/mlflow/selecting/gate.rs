//! The gate, against an independent program on MLflow's own client.

use mltui::promotion::{ModelPolicy, PromotionRequest, Required, Role, plan};
use mltui::select::{Goal, MetricGoal, Patterns};
use serde_json::Value;

use super::{block_on, open, run};
use crate::support::{Mlflow, Server, V2, V3};

const PROGRAM: &str = include_str!("gate.py");
const CASES: usize = 200;

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

/// What a run has to match.
fn constraint(written: &Value) -> String {
    let clauses = written["where"].as_array().unwrap().iter().map(|clause| texts(clause).join(" "));
    let any = Some(texts(&written["any"])).filter(|any| !any.is_empty());
    let any = any.map(|any| format!("({})", any.join(" OR ")));
    clauses.chain(any).collect::<Vec<_>>().join(" AND ")
}

fn policy(written: &Value) -> ModelPolicy {
    let mut policy = ModelPolicy {
        metric: written.get("metric").map(|metric| {
            MetricGoal::new(metric[0].as_str().unwrap(), Goal::parse(metric[1].as_str().unwrap()).unwrap())
        }),
        min_delta: written["min_delta"].as_f64().unwrap(),
        same_data: written["same_data"].as_bool().unwrap(),
        tags: texts(&written["tags"]).into_iter().map(Required::parse).collect(),
        params: texts(&written["params"]).into_iter().map(Required::parse).collect(),
        roles: texts(&written["roles"]).into_iter().map(|role| Role::parse(role).unwrap()).collect(),
        ..ModelPolicy::default()
    };
    policy.constrain(&constraint(written)).unwrap();
    policy.check().unwrap();
    policy
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str().map(|text| text.parse().unwrap()))
}

#[test]
fn the_gate_decides_as_an_independent_program_does_for_the_same_reasons() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("sqlite:///{}", folder.path().join("mlflow.db").display());
    let cases: Vec<Value> =
        serde_json::from_str(V3.run(PROGRAM, &[&address, &CASES.to_string()]).lines().last().unwrap())
            .unwrap();
    assert_eq!(cases.len(), CASES);
    let store = open(&address);
    let mut decisions = std::collections::BTreeMap::new();
    for (at, case) in cases.iter().enumerate() {
        let request = PromotionRequest {
            model: "net".into(),
            version: Ok(case["version"].as_u64().unwrap()),
            role: Role::parse(case["role"].as_str().unwrap()).unwrap(),
            policy: policy(&case["policy"]),
            must_beat: case["policy"]["must_beat"].as_bool().unwrap(),
            compare_by: Some(MetricGoal::new("rmse", Goal::Minimize)),
            first_earlier: "previous".into(),
            by: "ana".into(),
            now: 1,
            random: 1,
            why: String::new(),
        };
        let verdict = block_on(plan(&store, &request, &Patterns::default())).unwrap().verdict;
        let told = format!("case {at}: {case}\n{verdict:?}");
        let expected = case["checks"].as_array().unwrap();
        assert_eq!(verdict.checks.len(), expected.len(), "{told}");
        for (check, wanted) in verdict.checks.iter().zip(expected) {
            let of = (check.of.kind(), check.of.name(), check.outcome.as_str());
            let theirs = texts(&Value::Array(wanted.as_array().unwrap()[..3].to_vec()))
                .into_iter()
                .map(str::to_owned)
                .collect::<Vec<_>>();
            // What one of several has to hold has no name there.
            let name = if theirs[1].is_empty() { "" } else { of.1 };
            assert_eq!([of.0, name, of.2], theirs[..], "{told}");
            for (own, theirs) in [(check.own, number(&wanted[3])), (check.other, number(&wanted[4]))] {
                let bits =
                    |value: Option<f64>| value.map(|it| if it.is_nan() { None } else { Some(it.to_bits()) });
                assert_eq!(bits(own), bits(theirs), "{told}");
            }
        }
        assert_eq!(verdict.outcome().as_str(), case["decision"], "{told}");
        *decisions.entry(verdict.outcome().as_str()).or_insert(0) += 1;
    }
    assert!(decisions.len() == 3 && decisions.values().all(|count| *count >= 5), "{decisions:?}");
}

/// A policy as it stands in the config file.
fn written(policy: &Value) -> String {
    let list = |key: &str| policy[key].to_string();
    let mut lines = vec!["[models.net]".to_owned()];
    if let Some(metric) = policy.get("metric") {
        lines.push(format!("metric = \"{}\"", texts(metric).join(" ")));
        lines.push(format!("min_delta = {}", policy["min_delta"]));
        lines.push(format!("same_data = {}", policy["same_data"]));
    }
    for key in ["tags", "params", "roles"] {
        lines.push(format!("{key} = {}", list(key)));
    }
    let constraint = constraint(policy);
    if !constraint.is_empty() {
        lines.push(format!("where = \"{constraint}\""));
    }
    lines.join("\n") + "\n"
}

/// Cases by command, on a server.
fn on_a_server(mlflow: Mlflow, count: usize) {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    let server = Server::start(mlflow, home);
    let said = mlflow.run(PROGRAM, &[&server.uri(), &count.to_string()]);
    let cases: Vec<Value> = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    let config = home.join("policy.toml");
    let mut decisions = std::collections::BTreeSet::new();
    for (at, case) in cases.iter().enumerate() {
        std::fs::write(&config, written(&case["policy"])).unwrap();
        let (version, role) = (case["version"].to_string(), case["role"].as_str().unwrap());
        let role = if role.starts_with(char::is_uppercase) { role.to_owned() } else { format!("@{role}") };
        let mut words = vec!["--config", config.to_str().unwrap(), "promote", "net", "--version", &version];
        words.extend(["--to", &role, "--dry-run", "--json"]);
        if case["policy"].get("metric").is_none() {
            words.extend(["--metric", "rmse:min"]);
        }
        if case["policy"]["must_beat"] == true {
            words.push("--if-better");
        }
        let output = run(home, &server.uri(), &words);
        let told: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
        let words = format!("case {at}: {case}\n{told:#}");
        let ours = told["checks"].as_array().unwrap();
        let theirs = case["checks"].as_array().unwrap();
        assert_eq!(ours.len(), theirs.len(), "{words}");
        for (ours, theirs) in ours.iter().zip(theirs) {
            assert_eq!((&ours["check"], &ours["outcome"]), (&theirs[0], &theirs[2]), "{words}");
            for (own, theirs) in [(&ours["own"], &theirs[3]), (&ours["other"], &theirs[4])] {
                let bits = |value: &Value| {
                    let text = value.as_str().map(|text| text.replace("Infinity", "inf"));
                    let value = text.map_or_else(|| value.as_f64(), |text| text.parse().ok());
                    value.map(|it: f64| if it.is_nan() { None } else { Some(it.to_bits()) })
                };
                assert_eq!(bits(own), bits(theirs), "{words}");
            }
        }
        let decision = case["decision"].as_str().unwrap();
        assert_eq!(told["gate"], decision, "{words}");
        let passes = decision == "passed" || told["already"] == true;
        assert_eq!(output.status.code(), Some(if passes { 0 } else { 4 }), "{words}");
        decisions.insert(decision.to_owned());
    }
    assert!(decisions.len() > 1, "{decisions:?}");
}

#[test]
fn the_gate_decides_so_by_command_on_servers_of_both_versions() {
    on_a_server(V3, 30);
    on_a_server(V2, 30);
}
