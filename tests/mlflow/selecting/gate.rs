//! The gate, against an independent program on MLflow's own client.

use mltui::promotion::{ModelPolicy, PromotionRequest, Required, Role, plan};
use mltui::select::{Goal, MetricGoal, Patterns};
use serde_json::Value;

use super::{block_on, open};
use crate::support::V3;

const PROGRAM: &str = include_str!("gate.py");
const CASES: usize = 200;

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
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
    let clauses = written["where"].as_array().unwrap().iter().map(|clause| texts(clause).join(" "));
    policy.constrain(&clauses.collect::<Vec<_>>().join(" AND ")).unwrap();
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
            must_beat: false,
            compare_by: None,
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
            assert_eq!([of.0, of.1, of.2], theirs[..], "{told}");
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
