//! `mltui mark-best EXPERIMENT`: marks the best run, as the key of the explorer does, or only if it is better than the
//! champion.

use std::io::Write;

use serde_json::{Value as Json, json};

use super::choosing::{ChosenBest, PolicyFlags};
use super::finding::find_run;
use super::output::print_json;
use super::promote::checks;
use super::{Failure, best, find_experiment, open};
use crate::config::Settings;
use crate::marking::{
    self, Journal, MarkEvent, MarkPlan, MarkRequest, ModelBy, Record, Registration, Undoing,
};
use crate::mlflow::limits::{check_alias, check_model_name};
use crate::mlflow::{Experiment, RunId};
use crate::promotion::{self, Outcome, Verdict};
use crate::select::{MetricGoal, Policy, ValueOf, reason};
use crate::sheet::json_number;
use crate::state;
use crate::store::{ErrorKind, Store, StoreError, now_ms};
use crate::text;

#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags are")]
pub struct Arguments {
    /// Name or id of the experiment
    experiment: String,
    #[command(flatten)]
    asked: PolicyFlags,
    /// Mark this run instead of the best one
    #[arg(long, value_name = "RUN", conflicts_with = "if_better_than")]
    run: Option<String>,
    /// Register the model under this name instead of the configured one
    #[arg(long, value_name = "NAME")]
    register: Option<String>,
    /// Only set tags; register no model
    #[arg(long, conflicts_with_all = ["register", "alias"])]
    no_register: bool,
    /// The alias for the best model, instead of the configured one
    #[arg(long, value_name = "ALIAS")]
    alias: Option<String>,
    /// Mark it only if it beats the run of the model version with this alias; otherwise exit with code 4
    #[arg(long, value_name = "alias:ALIAS")]
    if_better_than: Option<String>,
    /// Minimum improvement
    #[arg(long, value_name = "X", requires = "if_better_than")]
    min_delta: Option<f64>,
    /// Mark it even if the policy of its model (see the config file) is not met
    #[arg(long, conflicts_with_all = ["no_register", "undo", "resume", "history"])]
    force: bool,
    /// Print what would be written, without writing
    #[arg(long)]
    dry_run: bool,
    /// Undo the current mark
    #[arg(long, conflicts_with_all = ["run", "if_better_than", "history"])]
    undo: bool,
    /// Only finish marks that were interrupted on this machine, in any experiment of the store
    #[arg(long, conflicts_with_all = ["run", "if_better_than", "history", "undo", "dry_run"])]
    resume: bool,
    /// Print the experiment's marks, oldest first
    #[arg(long)]
    history: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(settings: &Settings, arguments: &Arguments, out: &mut impl Write) -> Result<(), Failure> {
    let store = open(settings)?;
    let journal = Journal::new(&settings.state_folder, &settings.store_name());
    let experiment = find_experiment(&store, &arguments.experiment).await?;
    if arguments.history {
        return history(&experiment, arguments.json, out);
    }
    if !settings.read_only && !arguments.dry_run {
        let mut failed = finish_interrupted_all(&store, &journal).await?.into_iter();
        // With --resume the last one is the command's own error.
        let last = if arguments.resume { failed.next_back() } else { None };
        for error in failed {
            eprintln_all("could not finish an interrupted step", &[error.to_string()]);
        }
        if let Some(error) = last {
            return Err(error.into());
        }
    }
    if arguments.resume {
        return Ok(());
    }
    let random = fastrand::u32(..);
    if arguments.undo {
        let id = &experiment.experiment_id;
        let undoing = Undoing { by: settings.user.clone(), now: now_ms(), of_others: true };
        let undone = marking::undo(&store, &journal, id, &undoing, random).await?;
        let undone = undone.ok_or_else(|| {
            Failure::NoneEligible(format!("no run of {:?} is marked best", experiment.name))
        })?;
        return say(&undone.record, &undone.messages, arguments.json, out);
    }
    let request = request(settings, arguments, &store, &experiment, random).await?;
    let plan = marking::plan(&store, &request).await?;
    let verdict = verdict(settings, &store, &plan, &request).await?;
    if arguments.dry_run {
        print_plan(&plan, verdict.as_ref(), arguments.json, out)?;
    }
    if let Some(verdict) = verdict.filter(|verdict| !verdict.is_passed() && !arguments.force) {
        let name = &plan.record.run_name;
        return Err(Failure::NotBetter(format!(
            "{name} is not marked: {}; --force marks it all the same",
            verdict.against()
        )));
    }
    if arguments.dry_run {
        return Ok(());
    }
    let outcome = marking::mark(&store, &journal, &plan).await?;
    say(&outcome.record, &outcome.messages, arguments.json, out)
}

/// What the policy of the model says that a mark promotes; none where there is no policy, or it is champion already.
async fn verdict(
    settings: &Settings,
    store: &Store,
    plan: &MarkPlan,
    request: &MarkRequest,
) -> Result<Option<Verdict>, Failure> {
    let selecting = &settings.selecting;
    let asked = marking::promotion_of(plan, request, |model| selecting.policy(model));
    let Some(asked) = asked.filter(|asked| selecting.policies.contains_key(&asked.model)) else {
        return Ok(None);
    };
    let plan = promotion::plan(store, &asked, &selecting.patterns).await?;
    Ok(Some(plan.verdict).filter(|_| !plan.is_held))
}

/// Finishes marks and promotions that broke off, and tells of them; why some could not be.
async fn finish_interrupted_all(store: &Store, journal: &Journal) -> Result<Vec<StoreError>, Failure> {
    repair(journal)?;
    let resumed = marking::resume(store, journal).await?;
    let marks = resumed.outcomes.into_iter().map(|outcome| outcome.messages);
    for messages in marks.chain(resumed.promotions.into_iter().map(|promoted| promoted.messages)) {
        eprintln_all("finished an interrupted step", &messages);
    }
    Ok(resumed.failed)
}

/// The same, and tells why some could not be finished.
pub async fn finish_interrupted(store: &Store, journal: &Journal) -> Result<(), Failure> {
    for error in finish_interrupted_all(store, journal).await? {
        eprintln_all("could not finish an interrupted step", &[error.to_string()]);
    }
    Ok(())
}

/// A journal that is damaged is told and set aside: what it held cannot be finished, and nothing else waits for it.
fn repair(journal: &Journal) -> Result<(), Failure> {
    let mended = journal.repair().map_err(|cause| Failure::State { what: "nothing is marked", cause })?;
    if let Some(error) = mended {
        super::sweep_report::say(&format!(
            "cannot tell whether a mark was interrupted: {}",
            state::in_words(&error)
        ));
    }
    Ok(())
}

fn eprintln_all(title: &str, lines: &[String]) {
    let words: Vec<_> = lines.iter().map(|line| text::clean(line)).collect();
    // A message that nobody can be told is no reason to stop.
    let _ = writeln!(std::io::stderr(), "mltui: {title}: {}", words.join("; "));
}

/// The alias of the champion before.
fn previous_alias(settings: &Settings, arguments: &Arguments) -> String {
    match &arguments.alias {
        Some(alias) if *alias != settings.selecting.alias => format!("previous-{alias}"),
        _ => settings.selecting.previous_alias.clone(),
    }
}

/// Whom to mark: the run that is named, or the best, if it is good enough.
async fn request(
    settings: &Settings,
    arguments: &Arguments,
    store: &Store,
    experiment: &Experiment,
    random: u32,
) -> Result<MarkRequest, Failure> {
    let selecting = &settings.selecting;
    let registers = (selecting.register || arguments.register.is_some()) && !arguments.no_register;
    if let Some(alias) = &arguments.alias {
        for alias in [alias, &previous_alias(settings, arguments)] {
            check_alias(alias).map_err(|error| Failure::Usage(format!("--alias: {error}")))?;
        }
        if *alias == selecting.previous_alias {
            return Err(Failure::Usage(format!(
                "--alias {alias}: this is the alias of the previous champion (previous_alias); choose another"
            )));
        }
    }
    if let Some(name) = &arguments.register {
        check_model_name(name).map_err(|error| Failure::Usage(format!("--register: {error}")))?;
    }
    let mut request = MarkRequest {
        experiment: experiment.experiment_id.clone(),
        run: RunId::from(""),
        metric: String::new(),
        value: None,
        direction: String::new(),
        value_of: String::new(),
        why: "chosen by hand".into(),
        by: settings.user.clone(),
        now: now_ms(),
        random,
        model_by: None,
        registration: None,
    };
    if let Some(id) = &arguments.run {
        let run = find_run(store, id).await?;
        if run.info.experiment_id != experiment.experiment_id {
            let name = &experiment.name;
            return Err(Failure::Usage(format!("run {id} is not in experiment {name:?}")));
        }
        request.run = run.info.run_id;
        if registers {
            let policy = known_policy(settings, arguments, store, experiment).await?;
            request.model_by = policy.as_ref().map(ModelBy::of);
        }
    } else {
        let chosen = arguments.asked.choose(settings, store, experiment, 2).await?;
        let Some(found) = chosen.selection.best() else {
            return Err(best::none_eligible(store, experiment, &chosen).await);
        };
        let objective = chosen.selection.policy.primary();
        request.run = RunId::from(chosen.catalog.run_id(found.row));
        request.metric.clone_from(&objective.metric);
        request.value = Some(found.values[0]);
        objective.goal.short().clone_into(&mut request.direction);
        request.value_of = chosen.selection.policy.value.to_string();
        request.model_by = Some(ModelBy::of(&chosen.selection.policy));
        request.why = if chosen.is_counted {
            reason::why(&chosen.selection)
        } else {
            format!("{} of all eligible runs", reason::aim(&chosen.selection.policy))
        };
        gate(settings, arguments, store, experiment, &chosen, &request).await?;
    }
    if registers {
        let metric = request.model_by.as_ref().map_or("", |by| by.metric.as_str());
        if metric.is_empty() && arguments.register.is_none() && selecting.model_name.contains("{metric}") {
            return Err(Failure::Usage(
                "the model name contains the metric (model_name in the settings), but no metric is known; pass --metric, or the name with --register"
                    .into(),
            ));
        }
        let usual = model_name(settings, arguments, experiment, metric);
        let name = if arguments.register.is_some() {
            usual
        } else {
            marking::registered_name(store, &request.run, &usual, request.model_by.as_ref()).await?
        };
        request.registration = Some(Registration {
            name,
            alias: arguments.alias.clone().unwrap_or_else(|| selecting.alias.clone()),
            previous_alias: previous_alias(settings, arguments),
        });
    }
    Ok(request)
}

/// By what the experiment's runs are chosen, if anything tells. A run that is named needs no metric, unless it has
/// several models.
async fn known_policy(
    settings: &Settings,
    arguments: &Arguments,
    store: &Store,
    experiment: &Experiment,
) -> Result<Option<Policy>, Failure> {
    match arguments.asked.policy(settings, store, experiment).await {
        Ok((policy, _)) => Ok(Some(policy)),
        Err(Failure::Usage(_) | Failure::NoneEligible(_)) if !arguments.asked.names_metric() => Ok(None),
        Err(failure) => Err(failure),
    }
}

fn model_name(settings: &Settings, arguments: &Arguments, experiment: &Experiment, metric: &str) -> String {
    arguments.register.clone().unwrap_or_else(|| {
        settings.selecting.name(|part| match part {
            "experiment" => experiment.name.clone(),
            "experiment_id" => experiment.experiment_id.0.clone(),
            "metric" => metric.to_owned(),
            _ => settings.user.clone(),
        })
    })
}

/// Refuses a run that is not better than the champion by as much as is asked for.
async fn gate(
    settings: &Settings,
    arguments: &Arguments,
    store: &Store,
    experiment: &Experiment,
    chosen: &ChosenBest,
    request: &MarkRequest,
) -> Result<(), Failure> {
    let Some(than) = &arguments.if_better_than else { return Ok(()) };
    let least = arguments.min_delta.unwrap_or(0.0);
    if !(least.is_finite() && least >= 0.0) {
        return Err(Failure::Usage("--min-delta must be a number of at least 0".into()));
    }
    let Some(alias) = than.strip_prefix("alias:").filter(|alias| !alias.is_empty()) else {
        return Err(Failure::Usage(format!("--if-better-than must be alias:NAME, not {than:?}")));
    };
    let usual = model_name(settings, arguments, experiment, &request.metric);
    let by = request.model_by.as_ref();
    let model = if arguments.register.is_some() {
        usual
    } else {
        marking::registered_name(store, &request.run, &usual, by).await?
    };
    let champion = match store.model_version_by_alias(&model, alias).await {
        // Nobody is to be beaten.
        Err(error) if matches!(error.kind, ErrorKind::NotFound(_)) => return Ok(()),
        champion => champion?,
    };
    let named = format!("{model}@{alias} (version {})", champion.version);
    let Some(id) = champion.run_id else {
        return Err(Failure::Usage(format!("{named} has no run to compare with")));
    };
    let objective = chosen.selection.policy.primary();
    let value = value_of(store, &id, objective, chosen.selection.policy.value).await?;
    let check = promotion::better(objective, least, ("the best run", request.value), (&named, value));
    match check.outcome {
        Outcome::Passed => Ok(()),
        Outcome::Unknown => Err(Failure::Usage(check.words)),
        Outcome::Failed => Err(Failure::NotBetter(check.words)),
    }
}

/// A run's value of an objective, where it has one; NaN and the infinities are values.
async fn value_of(
    store: &Store,
    run: &RunId,
    objective: &MetricGoal,
    value: ValueOf,
) -> Result<Option<f64>, Failure> {
    if value == ValueOf::Latest {
        let run = store.get_run(run).await?;
        return Ok(run
            .metrics
            .iter()
            .find(|metric| metric.key == objective.metric)
            .map(|metric| metric.value));
    }
    let statistic = value.statistic(objective.goal);
    let runs = std::slice::from_ref(run);
    let found = store.metric_summaries(runs, &objective.metric, statistic.part()).await?;
    Ok(found.first().map(|(_, summary)| summary.pick(statistic).0))
}

fn print_plan(
    plan: &MarkPlan,
    verdict: Option<&Verdict>,
    json: bool,
    out: &mut impl Write,
) -> Result<(), Failure> {
    if json {
        let mut told = json!({ "run": record_json(&plan.record), "writes": plan.writes });
        if let Some(verdict) = verdict {
            told["gate"] = json!(verdict.outcome().as_str());
            told["checks"] = checks(verdict);
        }
        return Ok(print_json(&told, out)?);
    }
    writeln!(
        out,
        "Would mark {} ({}): {}",
        text::clean(&plan.record.run_name),
        plan.record.run_id,
        text::clean(&plan.record.why)
    )?;
    for write in &plan.writes {
        writeln!(out, "  {}", text::clean(write))?;
    }
    if let Some(note) = &plan.record.note {
        writeln!(out, "  {}", text::clean(note))?;
    }
    for line in verdict.iter().flat_map(|verdict| verdict.lines()) {
        writeln!(out, "  {}", text::clean(&line))?;
    }
    Ok(())
}

fn say(record: &Record, messages: &[String], json: bool, out: &mut impl Write) -> Result<(), Failure> {
    if json {
        return Ok(print_json(&json!({ "run": record_json(record), "said": messages }), out)?);
    }
    for line in messages {
        writeln!(out, "{}", text::clean(line))?;
    }
    Ok(())
}

fn record_json(record: &Record) -> Json {
    json!({
        "run_id": record.run_id, "run_name": record.run_name, "metric": record.metric,
        "direction": record.direction, "value_of": record.value_of,
        "value": record.value.map_or(Json::Null, json_number),
        "by": record.by, "at": record.at, "why": record.why, "mark": record.id, "note": record.note,
        "model": record.model.as_ref().map(|model| json!({
            "name": model.name, "version": model.version, "source": model.source,
            "alias": (!model.unaliased).then_some(&model.alias), "why": model.why, "of": model.of,
        })),
    })
}

fn history(experiment: &Experiment, json: bool, out: &mut impl Write) -> Result<(), Failure> {
    let log = marking::events(&experiment.tags);
    let holder = marking::holder(&log).map(|record| record.id.clone());
    if json {
        let all = log.iter().map(|event| match event {
            MarkEvent::Marked(record) => {
                let mut told = record_json(record);
                told["event"] = json!("mark");
                told["holds"] = json!(holder.as_deref() == Some(&record.id));
                told
            }
            MarkEvent::Undone(undone) => {
                json!({ "event": "undo", "mark": undone.mark, "by": undone.by, "at": undone.at })
            }
        });
        return Ok(print_json(&Json::Array(all.collect()), out)?);
    }
    for event in &log {
        match event {
            MarkEvent::Marked(record) => {
                let sign = if holder.as_deref() == Some(&record.id) { "◆" } else { " " };
                let (name, by) = (text::clean(&record.run_name), text::clean(&record.by));
                let at = text::timestamp(record.at);
                writeln!(out, "{sign} {at}  {by} marked {name}: {}", text::clean(&record.why))?;
            }
            MarkEvent::Undone(undone) => {
                let run = log.iter().find_map(|event| match event {
                    MarkEvent::Marked(record) if record.id == undone.mark => Some(record.run_name.as_str()),
                    _ => None,
                });
                let (by, at) = (text::clean(&undone.by), text::timestamp(undone.at));
                writeln!(out, "  {at}  {by} undid the mark of {}", text::clean(run.unwrap_or(&undone.mark)))?;
            }
        }
    }
    Ok(())
}
