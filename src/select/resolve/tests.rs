use super::*;
use crate::catalog::Builder;
use crate::mlflow::{ExperimentId, LifecycleStage, Metric, Run, RunId, RunInfo, RunStatus};
use crate::select::ValueOf;
use crate::store::batch::whole_runs;

const DOWN: Goal = Goal::Minimize;
const UP: Goal = Goal::Maximize;

fn resolved(tags: &[(&str, &str)], patterns: &[&str], metrics: &[(&str, usize)]) -> Resolved {
    let tags: Vec<Tag> = tags.iter().map(|(key, value)| Tag::new(*key, *value)).collect();
    let lines: Vec<String> = patterns.iter().map(|line| (*line).to_owned()).collect();
    resolve(None, &tags, &Patterns::parse(&lines).unwrap(), metrics, None, &[])
}

fn metric_of(resolved: &Resolved) -> (String, Option<Goal>, Option<PolicyOrigin>) {
    match resolved {
        Resolved::Policy(policy, origin) => {
            (policy.primary().metric.clone(), Some(policy.primary().goal), Some(*origin))
        }
        Resolved::Undirected(metric, origin) => (metric.clone(), None, Some(*origin)),
        Resolved::Open => (String::new(), None, None),
    }
}

#[test]
fn a_policy_comes_from_whoever_speaks_first() {
    let metrics = [
        ("train_loss", 9),
        ("val_rmse", 9),
        ("val_rmse_std", 9),
        ("fold_1_val_mae", 9),
        ("lr", 9),
        ("rare_f1", 1),
    ];
    let by_name = resolved(&[], &[], &metrics);
    assert_eq!(metric_of(&by_name), ("val_rmse".into(), Some(DOWN), Some(PolicyOrigin::Names)));
    let Resolved::Policy(policy, _) = &by_name else { panic!("a policy") };
    assert_eq!(policy.tie_breaks, [MetricGoal::new("train_loss", DOWN)]);
    let by_settings = resolved(&[], &["none* max", "*_lo?s max"], &metrics);
    assert_eq!(metric_of(&by_settings), ("train_loss".into(), Some(UP), Some(PolicyOrigin::Settings)));
    let name = (tags::PRIMARY_METRIC, "lr");
    let by_tags = resolved(&[name, (tags::GREATER_IS_BETTER, "True")], &["lr min"], &metrics);
    assert_eq!(metric_of(&by_tags), ("lr".into(), Some(UP), Some(PolicyOrigin::Experiment)));
    assert_eq!(
        metric_of(&resolved(&[name], &[], &metrics)),
        ("lr".into(), None, Some(PolicyOrigin::Experiment))
    );
    assert_eq!(metric_of(&resolved(&[name], &["l* min"], &metrics)).1, Some(DOWN));
    assert_eq!(resolved(&[], &[], &[("lr", 3), ("epoch", 3)]), Resolved::Open);
    assert!(Patterns::parse(&["rmse".to_owned()]).is_err());
    // What many have counts before what few have; validation before test, before training.
    let order = candidates(
        &Patterns::default(),
        &[],
        [
            ("train_f1", 5),
            ("test_f1", 5),
            ("f1", 5),
            ("eval/f1", 4),
            ("val_loss", 5),
            ("latency_ms", 5),
            ("system/cpu_error", 5),
        ]
        .into_iter(),
    );
    let order: Vec<&str> = order.iter().map(|objective| objective.metric.as_str()).collect();
    assert_eq!(order, ["eval/f1", "val_loss", "test_f1", "f1", "train_f1", "latency_ms"]);
}

/// The metric that is chosen of a mixture, all of which every run has.
fn of(metrics: &str) -> String {
    let metrics: Vec<(&str, usize)> = metrics.split_whitespace().map(|name| (name, 4)).collect();
    metric_of(&resolved(&[], &[], &metrics)).0
}

/// What programs log together, and which of it tells most.
const MIXTURES: &[(&str, &str)] = &[
    // mlflow.evaluate of regressors and classifiers
    (
        "example_count max_error mean_absolute_error mean_absolute_percentage_error mean_on_target mean_squared_error r2_score \
             root_mean_squared_error score sum_on_target",
        "root_mean_squared_error",
    ),
    (
        "accuracy_score example_count f1_score false_negatives false_positives log_loss precision_recall_auc precision_score \
             recall_score roc_auc score true_negatives true_positives",
        "accuracy_score",
    ),
    // mlflow.evaluate of texts
    (
        "toxicity/v1/mean flesch_kincaid_grade_level/v1/mean ari_grade_level/v1/mean exact_match/v1 token_count",
        "exact_match/v1",
    ),
    // Autologging: scikit-learn, its searches, XGBoost, LightGBM, statsmodels
    (
        "training_accuracy_score training_f1_score training_log_loss training_precision_score training_recall_score \
             training_roc_auc training_score",
        "training_accuracy_score",
    ),
    (
        "training_mean_absolute_error training_mean_squared_error training_r2_score training_root_mean_squared_error training_score",
        "training_root_mean_squared_error",
    ),
    ("best_cv_score training_accuracy_score training_score", "best_cv_score"),
    (
        "mean_fit_time mean_score_time mean_test_score rank_test_score split0_test_score split1_test_score std_fit_time \
             std_score_time std_test_score",
        "mean_test_score",
    ),
    (
        "mean_test_neg_log_loss rank_test_neg_log_loss std_test_neg_log_loss mean_score_time",
        "mean_test_neg_log_loss",
    ),
    ("best_iteration stopped_iteration validation_0-mlogloss validation_1-mlogloss", "validation_1-mlogloss"),
    ("validation_0-auc validation_0-logloss validation_1-auc validation_1-logloss", "validation_1-auc"),
    ("train-rmse eval-rmse eval-mae", "eval-rmse"),
    ("training-l1 training-l2 valid_1-l1 valid_1-l2", "valid_1-l2"),
    ("valid_0-binary_logloss valid_0-auc best_iteration", "valid_0-auc"),
    (
        "aic bic centered_tss condition_number df_model df_resid ess f_pvalue fvalue llf mse_model mse_resid mse_total rsquared \
             rsquared_adj scale ssr uncentered_tss",
        "rsquared_adj",
    ),
    ("aic bic llf df_model scale", "aic"),
    // Keras, Lightning
    ("accuracy loss val_accuracy val_loss learning_rate", "val_accuracy"),
    ("loss mae val_loss val_mae", "val_mae"),
    ("loss val_loss", "val_loss"),
    ("loss val_perplexity", "val_perplexity"),
    ("epoch train_loss train_loss_step train_loss_epoch val_loss val_acc", "val_acc"),
    ("train_acc train_loss val_loss", "val_loss"),
    ("accuracy train_loss val_loss", "accuracy"),
    // Hugging Face: Trainer, Whisper, summaries, TRL
    (
        "epoch eval_accuracy eval_loss eval_runtime eval_samples_per_second eval_steps_per_second grad_norm learning_rate loss \
             total_flos train_loss train_runtime train_samples_per_second",
        "eval_accuracy",
    ),
    ("eval_loss eval_runtime loss grad_norm learning_rate train_loss", "eval_loss"),
    ("eval_cer eval_loss eval_runtime eval_wer loss", "eval_wer"),
    ("cer wer", "wer"),
    ("eval_bleu eval_gen_len eval_loss eval_ter eval_chrf", "eval_bleu"),
    (
        "eval_loss eval_rewards/accuracies eval_rewards/chosen eval_rewards/margins eval_rewards/rejected",
        "eval_rewards/accuracies",
    ),
    // ultralytics
    (
        "lr/pg0 lr/pg1 metrics/mAP50-95B metrics/mAP50B metrics/precisionB metrics/recallB train/box_loss train/cls_loss \
             train/dfl_loss val/box_loss val/cls_loss val/dfl_loss",
        "metrics/mAP50-95B",
    ),
    ("metrics/accuracy_top1 metrics/accuracy_top5 train/loss val/loss", "metrics/accuracy_top1"),
    ("metrics/mAP50-95(B) metrics/mAP50(B) val/box_loss", "metrics/mAP50-95(B)"),
    // stable-baselines3
    (
        "eval/mean_ep_length eval/mean_reward rollout/ep_len_mean rollout/ep_rew_mean time/fps time/iterations time/time_elapsed \
             time/total_timesteps train/approx_kl train/clip_fraction train/entropy_loss train/explained_variance train/loss \
             train/value_loss",
        "eval/mean_reward",
    ),
    (
        "rollout/ep_len_mean rollout/ep_rew_mean time/fps train/loss train/explained_variance",
        "rollout/ep_rew_mean",
    ),
    // lm-eval
    ("acc,none acc_norm,none acc_norm_stderr,none acc_stderr,none", "acc,none"),
    // By hand
    ("val_mae val_rmse", "val_rmse"),
    ("mae mape mse r2 rmse", "rmse"),
    ("val_box_loss val_cls_loss val_loss", "val_loss"),
    ("f1 f1_class_0 f1_class_1", "f1"),
    ("fit_seconds fold_rmse predict_seconds test_mae test_r2 test_rmse val_rmse val_rmse_std", "val_rmse"),
    ("latency_ms throughput train_loss", "train_loss"),
    ("latency_ms fit_time", "latency_ms"),
    ("score_val score_test fit_time pred_time_val", "score_val"),
    // Nothing that may decide
    ("epoch mean_fit_time fps lr policy_entropy", ""),
];

#[test]
fn of_what_programs_log_the_metric_is_chosen_that_tells_most() {
    for (metrics, expected) in MIXTURES {
        assert_eq!(of(metrics), *expected, "of {metrics}");
        let mut turned: Vec<&str> = metrics.split_whitespace().collect();
        turned.reverse();
        assert_eq!(of(&turned.join(" ")), *expected, "whatever the order");
    }
}

#[test]
fn what_all_runs_have_comes_before_what_one_has() {
    for (metrics, expected) in [
        (&[("val_f1", 1), ("val_loss", 2)][..], "val_loss"),
        (&[("val_f1", 3), ("train_loss", 5)], "train_loss"),
        (&[("val_f1", 4), ("train_loss", 5)], "val_f1"),
        (&[("val_f1", 40), ("train_runtime", 100)], "val_f1"),
        (&[("val_f1", 1), ("lr", 9)], "val_f1"),
    ] {
        assert_eq!(metric_of(&resolved(&[], &[], metrics)).0, expected, "{metrics:?}");
    }
}

#[test]
fn a_pattern_means_the_metric_and_not_its_deviation() {
    let metrics = [("val_err", 3), ("val_err_std", 9), ("split0_val_err", 9)];
    assert_eq!(metric_of(&resolved(&[], &["*val_err* min"], &metrics)).0, "val_err");
    assert_eq!(metric_of(&resolved(&[], &["*_std max"], &metrics)).0, "val_err_std");
}

#[test]
fn what_a_run_was_marked_by_stays_whatever_is_logged_later() {
    let marked = Policy { value: ValueOf::Best, ..Policy::new(MetricGoal::new("val_loss", DOWN)) };
    let by = |patterns: &Patterns, metrics: &[(&str, usize)], told: &[MetricGoal]| {
        metric_of(&resolve(None, &[], patterns, metrics, Some(&marked), told))
    };
    let nothing = Patterns::default();
    let stays = ("val_loss".into(), Some(DOWN), Some(PolicyOrigin::Marks));
    assert_eq!(by(&nothing, &[("val_loss", 2), ("val_f1", 98)], &[]), stays);
    assert_eq!(by(&nothing, &[("val_f1", 100)], &[]), stays, "where no new run has it");
    assert_eq!(by(&nothing, &[("value", 9)], &[MetricGoal::new("value", UP)]), stays, "nor do new trials");
    let Resolved::Policy(policy, _) = resolve(None, &[], &nothing, &[], Some(&marked), &[]) else { panic!() };
    assert_eq!(policy.value, ValueOf::Best, "by the same value of it");
    let study = [MetricGoal::new("val_loss", DOWN), MetricGoal::new("val_f1", UP)];
    let Resolved::Policy(policy, origin) = resolve(None, &[], &nothing, &[], Some(&marked), &study) else {
        panic!()
    };
    assert_eq!((policy.objectives.as_slice(), origin), (&study[..], PolicyOrigin::Trials), "both of them");
    let settings = Patterns::parse(&["val_f1 max".to_owned()]).unwrap();
    let by_settings = by(&settings, &[("val_f1", 1)], &[]);
    assert_eq!(by_settings, ("val_f1".into(), Some(UP), Some(PolicyOrigin::Settings)), "the user changes it");
}

fn trial(id: usize, metrics: &[&str], tags: &[(&str, &str)]) -> Run {
    Run {
        info: RunInfo {
            artifact_uri: String::new(),
            run_id: RunId(format!("{id:032x}")),
            experiment_id: ExperimentId("1".into()),
            run_name: id.to_string(),
            user_id: "ana".into(),
            status: RunStatus::Finished,
            start_time: Some(1_000 + id as i64),
            end_time: Some(2_000),
            lifecycle_stage: LifecycleStage::Active,
        },
        metrics: metrics
            .iter()
            .map(|key| Metric { key: (*key).into(), value: 1.0, timestamp: 0, step: 0 })
            .collect(),
        params: Vec::new(),
        tags: tags.iter().map(|(key, value)| Tag::new(*key, *value)).collect(),
        inputs: Vec::new(),
        model_outputs: Vec::new(),
    }
}

/// What the tags tell of trials with these metrics, and with these directions by turns.
fn told_of(metrics: &[&str], directions: &[&str]) -> Vec<MetricGoal> {
    let one = |(id, direction): (usize, &&str)| {
        let tags = [("direction", *direction), ("number", "1")];
        trial(id, metrics, if direction.is_empty() { &[] } else { &tags })
    };
    let runs: Vec<Run> = directions.iter().enumerate().map(one).collect();
    let mut builder = Builder::default();
    builder.fold_changes(&whole_runs(&runs));
    optuna_directions(&builder.snapshot())
}

#[test]
fn trials_of_optuna_say_what_is_wanted_of_their_value() {
    let value = |goal| vec![MetricGoal::new("value", goal)];
    assert_eq!(told_of(&["value", "val_loss"], &["MINIMIZE", "MINIMIZE"]), value(DOWN));
    assert_eq!(told_of(&["value"], &["StudyDirection.MAXIMIZE"]), value(UP));
    assert_eq!(told_of(&["yield"], &["MAXIMIZE"]), [MetricGoal::new("yield", UP)], "under another name");
    let with_system = told_of(&["system/cpu_utilization_percentage", "yield", "system/disk"], &["MAXIMIZE"]);
    assert_eq!(with_system, [MetricGoal::new("yield", UP)], "beside what MLflow logs of the machine");
    assert_eq!(
        told_of(&["value_0", "value_1"], &["['MINIMIZE', 'MAXIMIZE']"; 2]),
        [MetricGoal::new("value_0", DOWN), MetricGoal::new("value_1", UP)]
    );
    for (metrics, directions) in [
        (&["value"][..], &["MINIMIZE", "MAXIMIZE"][..]),
        (&["value"], &["north"]),
        (&["value"], &["MINIMIZE", "", ""]),
        (&["yield", "weight"], &["MINIMIZE"]),
        (&["value"], &["['MINIMIZE', 'MAXIMIZE']"]),
        (&[], &["MINIMIZE"]),
    ] {
        assert_eq!(told_of(metrics, directions), [], "{metrics:?} {directions:?}");
    }
    let told = [MetricGoal::new("value", DOWN)];
    let metrics = [("value", 3), ("val_f1", 3)];
    let with =
        |tags: &[Tag], patterns: &Patterns| metric_of(&resolve(None, tags, patterns, &metrics, None, &told));
    let nothing = Patterns::default();
    assert_eq!(with(&[], &nothing), ("value".into(), Some(DOWN), Some(PolicyOrigin::Trials)));
    let primary = [Tag::new(tags::PRIMARY_METRIC, "value")];
    assert_eq!(with(&primary, &nothing), ("value".into(), Some(DOWN), Some(PolicyOrigin::Experiment)));
    let settings = Patterns::parse(&["val_f1 max".to_owned()]).unwrap();
    let goals = |patterns: &Patterns, told: &[MetricGoal], metric: &str| {
        ["value", metric].map(|metric| patterns.goal(told, metric))
    };
    let upwards = [MetricGoal::new("loss", UP)];
    assert_eq!(goals(&nothing, &told, "loss"), [Some(DOWN); 2], "tags, and a name");
    assert_eq!(goals(&nothing, &upwards, "loss"), [None, Some(UP)], "a tag says more than a name");
    let turned = Patterns::parse(&["* min".to_owned()]).unwrap();
    assert_eq!(goals(&turned, &upwards, "loss"), [Some(DOWN); 2], "and the user more than a tag");
    assert_eq!(with(&[], &settings), ("val_f1".into(), Some(UP), Some(PolicyOrigin::Settings)));
}
