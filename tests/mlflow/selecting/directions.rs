//! Whether more or less is better, as the packages that log a metric have it.

use mltui::select::{Goal, goal};
use serde_json::{Value, json};

use super::json_of;
use crate::support::V3;

/// Of small wheels; [`LISTS`] has what is not in such.
const WHEELS: [&str; 5] = [
    "torchmetrics==1.9.0",
    "keras==3.15.1",
    "lm_eval==0.4.13",
    "ultralytics==8.4.190",
    "stable_baselines3==2.9.2",
];

/// What torchmetrics 1.9.0 has the wrong way round, against the papers and its own documentation.
const MISTAKEN: [&str; 4] =
    ["davies_bouldin_score", "perceptual_path_length", "spectral_distortion_index", "word_info_preserved"];

/// The metrics of packages that are large or hold no such list, by their documentation.
const LISTS: &str = "
xgboost min rmse rmsle mae mape mphe logloss error error@0.7 merror mlogloss poisson-nloglik gamma-nloglik cox-nloglik
xgboost min gamma-deviance tweedie-nloglik@1.5 aft-nloglik quantile expectile validation_0-rmse train-logloss
xgboost max auc aucpr ndcg ndcg@5 map map@5- interval-regression-accuracy validation_1-aucpr
lightgbm min l1 l2 rmse quantile mape huber fair poisson gamma gamma_deviance tweedie binary_logloss binary_error multi_logloss
lightgbm min multi_error cross_entropy cross_entropy_lambda kullback_leibler xentropy xentlambda kldiv valid_0-l1 training-gamma
lightgbm max ndcg map auc average_precision auc_mu r2 valid_0-ndcg@3 mean_average_precision
catboost min Logloss CrossEntropy BalancedErrorRate BrierScore HingeLoss HammingLoss ZeroOneLoss MAE MAPE Poisson Quantile RMSE
catboost min Lq Expectile Tweedie LogCosh FairLoss NumErrors SMAPE MSLE MedianAbsoluteError Huber MultiRMSE MultiClass
catboost min MultiClassOneVsAll PairLogit PairLogitPairwise QueryRMSE QuerySoftMax QueryCrossEntropy MultiLogloss learn_RMSE
catboost max Precision Recall F F1 TotalF1 BalancedAccuracy MCC Accuracy AUC QueryAUC PRAUC NormalizedGini Kappa WKappa R2
catboost max LogLikelihoodOfPrediction PairAccuracy PFound NDCG DCG FilteredDCG AverageGain PrecisionAt:top=5 RecallAt:top=5
catboost max MAP:top=10 ERR:top=10 MRR
evaluate min brier_score cer character charcut_mt mae mape mase mse perplexity mean_perplexity smape ter wer latency_in_seconds
evaluate max accuracy bertscore bleu bleurt chrf comet exact_match f1 frugalscore google_bleu matthews_correlation mauve mean_iou
evaluate max meteor nist_mt pearsonr precision r_squared recall roc_auc rouge1 rougeLsum sacrebleu sari spearmanr squad
statsmodels min aic bic ssr mse_resid hqic aicc sse
statsmodels max llf rsquared rsquared_adj prsquared
statsmodels none centered_tss condition_number df_model df_resid f_pvalue fvalue mse_model mse_total scale uncentered_tss
";

#[test]
fn directions_are_those_that_packages_tell() {
    let wheels = V3.wheels(&WHEELS);
    let paths: Vec<&str> = wheels.iter().map(|path| path.to_str().unwrap()).collect();
    let told = V3.run(include_str!("../../support/metrics.py"), &paths);
    let told: Vec<(String, String, Option<String>)> = serde_json::from_str(&told).unwrap();
    let lists = LISTS.lines().flat_map(|line| {
        let (source, rest) = line.split_once(' ').unwrap_or_default();
        let (direction, names) = rest.split_once(' ').unwrap_or_default();
        let direction = (direction != "none").then(|| direction.to_owned());
        names.split(' ').map(move |name| (source.to_owned(), name.to_owned(), direction.clone()))
    });
    let all: Vec<_> = told.into_iter().chain(lists.filter(|(_, name, _)| !name.is_empty())).collect();
    let (mut wrong, mut unknown) = (Vec::new(), Vec::new());
    for (source, name, direction) in &all {
        let snake = name.chars().fold(String::new(), |snake, c| {
            let joint = if c.is_uppercase() && !snake.is_empty() { "_" } else { "" };
            format!("{snake}{joint}{}", c.to_lowercase())
        });
        let is_mistaken = source == "torchmetrics" && MISTAKEN.contains(&snake.as_str());
        let found = goal(name).map(|goal| if is_mistaken { goal.reversed() } else { goal }).map(Goal::short);
        match (found, direction.as_deref()) {
            (found, direction) if found == direction => {}
            (None, _) => unknown.push((source.as_str(), name.as_str())),
            _ => wrong.push(format!("{source}: {name} is {direction:?}, not {found:?}")),
        }
    }
    assert!(all.len() > 800, "{} names", all.len());
    assert!(wrong.is_empty(), "turned round:\n{}", wrong.join("\n"));
    let of = |wanted: &'static str| {
        let names = unknown.iter().filter(move |(source, _)| *source == wanted).map(|(_, name)| *name);
        names.collect::<Vec<&str>>()
    };
    for source in [
        "scikit-learn",
        "keras",
        "ultralytics",
        "stable-baselines3",
        "xgboost",
        "lightgbm",
        "catboost",
        "evaluate",
        "statsmodels",
    ] {
        assert_eq!(of(source), [""; 0], "{source}: all are known");
    }
    // What of a fairness, a base class and two coefficients more or less is better depends on their use.
    let open = ["Fairness", "GroupStatRates", "RetrievalMetric", "TheilsU", "TotalVariation"];
    let others = of("torchmetrics").into_iter().filter(|name| name.contains(char::is_uppercase));
    let others: Vec<&str> = others.filter(|name| !open.iter().any(|end| name.ends_with(end))).collect();
    assert_eq!(others, [""; 0], "torchmetrics");
    // Biases, differences and numbers of tokens are left open.
    let open = ["bias", "diff", "rate", "pct", "percent", "score", "eqbench", "bypass"];
    let others = of("lm-eval").into_iter().filter(|name| name.parse::<u32>().is_err());
    let others: Vec<&str> = others.filter(|name| !open.iter().any(|word| name.contains(word))).collect();
    assert_eq!(others, [""; 0], "lm-eval");
}

const STUDIES: &str = r#"
import json, sys
sys.path[:0] = sys.argv[2:]
import optuna
from optuna_integration.mlflow import MLflowCallback
best = {}
for name, directions, objective in [
    ("down", ["minimize"], lambda trial: (trial.suggest_float("x", -1, 1) - 0.3) ** 2),
    ("up", ["maximize"], lambda trial: trial.suggest_float("x", -1, 1)),
    ("both", ["maximize", "minimize"], lambda trial: (trial.suggest_float("x", -1, 1), trial.params["x"] ** 2)),
]:
    study = optuna.create_study(study_name=name, directions=directions, sampler=optuna.samplers.RandomSampler(seed=1))
    study.optimize(objective, n_trials=6, callbacks=[MLflowCallback(tracking_uri=sys.argv[1])])
    # By the first objective of several.
    first = lambda trial: trial.values[0] * (1 if directions[0] == "minimize" else -1)
    best[name] = str(min(study.best_trials, key=first).number)
print(json.dumps(best))
"#;

#[test]
fn a_study_of_optuna_says_what_is_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("sqlite:///{}", folder.path().join("mlflow.db").display());
    let wheels =
        V3.wheels(&["optuna==5.0.0", "optuna_integration==5.0.0", "colorlog==6.12.0", "tqdm==4.70.1"]);
    let mut arguments = vec![address.as_str()];
    arguments.extend(wheels.iter().map(|path| path.to_str().unwrap()));
    let best: Value = serde_json::from_str(&V3.run(STUDIES, &arguments)).unwrap();
    for (study, metrics) in [
        ("down", json!([{ "metric": "value", "direction": "min" }])),
        ("up", json!([{ "metric": "value", "direction": "max" }])),
        (
            "both",
            json!([{ "metric": "value_0", "direction": "max" }, { "metric": "value_1", "direction": "min" }]),
        ),
    ] {
        let report = json_of(folder.path(), &address, &["best", study, "--json"]);
        assert_eq!(report["policy"]["metrics"], metrics);
        assert_eq!(report["policy"]["origin"], "run tags");
        assert_eq!(report["best"]["run_name"], best[study], "{study}");
        // Whoever names the metric is told the same, and compares by the same.
        let name = metrics[0]["metric"].as_str().unwrap();
        let named =
            json_of(folder.path(), &address, &["best", study, "--metric", name, "--top", "2", "--json"]);
        assert_eq!(named["policy"]["metrics"], json!([metrics[0]]));
        assert_eq!(named["policy"]["origin"], "asked");
        let [a, b] = [0, 1].map(|at| named["top"][at]["run_id"].as_str().unwrap());
        let compared = json_of(folder.path(), &address, &["compare", a, b, "--json"]);
        let rows = compared["rows"].as_array().unwrap();
        let row = rows.iter().find(|row| row["name"] == name).unwrap();
        let goal = if metrics[0]["direction"] == "min" { "minimize" } else { "maximize" };
        assert_eq!((&row["goal"], &row["best"]), (&json!(goal), &json!([0])), "{study}");
    }
}
