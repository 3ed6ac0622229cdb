//! What is to be copied and where to, before anything is written.

use std::collections::{HashMap, HashSet};

use super::Request;
use super::error::{MigrateError, Result};
use super::files::listing;
use super::marks::Origin;
use super::progress::{Phase, Progress};
use super::registry::is_new;
use super::runs::{each_page, view};
use super::same::keep_apart;
use crate::mlflow::{
    Experiment, ExperimentId, LifecycleStage, ModelVersion, RegisteredModel, RunId, ViewType,
};
use crate::store::{ErrorKind, FilesOf, RunSearch, Store};

/// MLflow makes it by itself in every store.
const DEFAULT: &str = "Default";

/// Where an experiment goes.
#[derive(Debug, Clone)]
pub enum Place {
    New,
    /// A copy was begun before.
    Known(Experiment),
    /// One of the same name takes it in.
    Joined(Experiment),
}

#[derive(Debug)]
pub struct Planned {
    pub source: Experiment,
    pub place: Place,
}

#[derive(Debug)]
pub struct Plan {
    pub experiments: Vec<Planned>,
    pub models: Vec<(RegisteredModel, Vec<ModelVersion>)>,
    /// Runs in all, where that is known without reading them.
    pub runs: u64,
    /// The target is still to be made, and logged models come into it.
    pub begins_for_models: bool,
    pub notes: Vec<String>,
}

/// Looks for what is to be copied, and refuses what would come over something of others.
pub async fn plan(from: &Store, to: &Store, request: &Request) -> Result<Plan> {
    planned(from, Some(to), request).await
}

async fn planned(from: &Store, to: Option<&Store>, request: &Request) -> Result<Plan> {
    if let Some(to) = to.filter(|to| to.is_begun()) {
        keep_apart(from, to).await?;
    }
    let mut notes = Vec::new();
    let sources = chosen(from, request, &mut notes).await?;
    let targets = match to {
        Some(to) => to.search_experiments(ViewType::All).await?,
        None => Vec::new(),
    };
    let (mut experiments, mut taken) = (Vec::new(), Vec::new());
    for source in sources {
        match place(from, to, &source, &targets, request).await? {
            Some(place) => experiments.push(Planned { source, place }),
            None => taken.push(format!("an experiment {:?}", source.name)),
        }
    }
    let models = if request.registry { models(from, request, &experiments).await? } else { Vec::new() };
    if let Some(to) = to {
        for (model, _) in &models {
            if !request.merges && !is_free(to, model, request).await? {
                taken.push(format!("a registered model {:?}", model.name));
            }
        }
    }
    if !taken.is_empty() {
        return Err(MigrateError::Taken(taken));
    }
    let begins_for_models = request.models && need_room(from, to, &experiments).await?;
    let runs = match from.run_counts().await? {
        Some(counts) => {
            let of = |one: &Planned| counts.get(&one.source.experiment_id).copied().unwrap_or_default();
            let wanted = |one| of(one).active + if request.deleted { of(one).deleted } else { 0 };
            experiments.iter().map(wanted).sum()
        }
        None => 0,
    };
    Ok(Plan { experiments, models, runs, begins_for_models, notes })
}

/// The experiments that are copied, the oldest first.
async fn chosen(from: &Store, request: &Request, notes: &mut Vec<String>) -> Result<Vec<Experiment>> {
    let mut all = from.search_experiments(ViewType::All).await?;
    all.reverse();
    if !request.experiments.is_empty() {
        let mut wanted = HashSet::new();
        for name in &request.experiments {
            wanted.insert(Experiment::find(all.clone(), name)?.experiment_id);
        }
        all.retain(|experiment| wanted.contains(&experiment.experiment_id));
    }
    all.retain(|experiment| request.deleted || experiment.lifecycle_stage == LifecycleStage::Active);
    // Copies that lie in a folder beside what they are of: MLflow does not know them.
    let is_copy = |one: &Experiment| one.tags.iter().any(|tag| tag.key == crate::store::DAMAGED);
    let names: HashSet<String> = all.iter().filter(|one| !is_copy(one)).map(|one| one.name.clone()).collect();
    all.retain(|experiment| {
        let is_left_out = is_copy(experiment) && names.contains(&experiment.name);
        if is_left_out {
            let (id, name) = (&experiment.experiment_id, &experiment.name);
            notes.push(format!("left out: experiment {id} is damaged, and another one is named {name:?}"));
        }
        !is_left_out
    });
    Ok(all)
}

/// Where an experiment goes; nowhere, if another one is in the way.
async fn place(
    from: &Store,
    to: Option<&Store>,
    source: &Experiment,
    targets: &[Experiment],
    request: &Request,
) -> Result<Option<Place>> {
    let origin = Origin::of_experiment(source, &request.origin);
    let marked = |target: &Experiment| Some((target.clone(), origin.mark_in(&target.tags)?));
    if let Some((known, mark)) = targets.iter().find_map(marked) {
        return Ok(Some(if mark.joined { Place::Joined(known) } else { Place::Known(known) }));
    }
    let (Some(to), Some(named)) = (to, targets.iter().find(|target| target.name == source.name)) else {
        return Ok(Some(Place::New));
    };
    // There is one everywhere, whether or not it has anything in it.
    let joins = request.merges
        || (named.name == DEFAULT
            && (is_empty(to, &named.experiment_id).await? || is_empty(from, &source.experiment_id).await?));
    Ok(joins.then(|| Place::Joined(named.clone())))
}

async fn is_empty(store: &Store, experiment: &ExperimentId) -> Result<bool> {
    let search = RunSearch {
        experiment_ids: vec![experiment.clone()],
        view: ViewType::All,
        max_results: 1,
        ..RunSearch::default()
    };
    Ok(store.search_runs(&search).await?.runs.is_empty())
}

/// The registered models with their versions, the oldest first: all, or those that come from the experiments.
async fn models(
    from: &Store,
    request: &Request,
    experiments: &[Planned],
) -> Result<Vec<(RegisteredModel, Vec<ModelVersion>)>> {
    let all = match from.registered_models().await {
        Err(error) if matches!(error.kind, ErrorKind::Unsupported(_)) => return Ok(Vec::new()),
        all => all?,
    };
    let chosen: HashSet<&ExperimentId> = experiments.iter().map(|one| &one.source.experiment_id).collect();
    let mut homes: HashMap<RunId, Option<ExperimentId>> = HashMap::new();
    let mut found = Vec::new();
    for model in all {
        let mut versions = from.model_versions(&model.name).await?;
        versions.reverse();
        if !request.experiments.is_empty() {
            let mut kept = Vec::new();
            for version in versions {
                let Some(run) = &version.run_id else { continue };
                if !homes.contains_key(run) {
                    let home = match from.get_run(run).await {
                        Ok(run) => Some(run.info.experiment_id),
                        Err(error) if matches!(error.kind, ErrorKind::NotFound(_)) => None,
                        Err(error) => return Err(error.into()),
                    };
                    homes.insert(run.clone(), home);
                }
                if homes.get(run).and_then(Option::as_ref).is_some_and(|home| chosen.contains(home)) {
                    kept.push(version);
                }
            }
            versions = kept;
            if versions.is_empty() {
                continue;
            }
        }
        found.push((model, versions));
    }
    Ok(found)
}

/// Whether nobody else has a model of that name in the target.
async fn is_free(to: &Store, model: &RegisteredModel, request: &Request) -> Result<bool> {
    let known = match to.get_registered_model(&model.name).await {
        Ok(known) => known,
        Err(error) if matches!(error.kind, ErrorKind::NotFound(_)) => return Ok(true),
        Err(error) => return Err(error.into()),
    };
    Ok(Origin::of_model(model, &request.origin).is_marked(&known.tags) || is_new(&known))
}

/// Refuses logged models where the target keeps none: their files would be lost. Whether the target is still to be made, and
/// some come.
async fn need_room(from: &Store, to: Option<&Store>, experiments: &[Planned]) -> Result<bool> {
    let Some(to) = to else { return Ok(false) };
    let has_room = to.takes_logged_models().await?;
    if has_room && to.is_begun() {
        return Ok(false);
    }
    for planned in experiments {
        match from.logged_models_in(&planned.source.experiment_id).await {
            Ok(models) if models.is_empty() => {}
            Ok(_) if has_room => return Ok(true),
            Ok(_) => {
                let name = &planned.source.name;
                return Err(MigrateError::Lacks(format!(
                    "experiment {name:?} has logged models (MLflow 3), and the target is of an MLflow that keeps none: copy \
                     into a database file or a folder that does not exist yet, or upgrade the target with `mlflow db upgrade` \
                     of MLflow 3 (make a copy of it first: MLflow 2 does not open it then), or leave them out with --no-models"
                )));
            }
            Err(error) if matches!(error.kind, ErrorKind::Unsupported(_)) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(false)
}

/// What would be copied.
#[derive(Debug, Default)]
pub struct Preview {
    pub experiments: Vec<PreviewedExperiment>,
    pub registered_models: usize,
    pub versions: usize,
    pub notes: Vec<String>,
}

#[derive(Debug)]
pub struct PreviewedExperiment {
    pub id: ExperimentId,
    pub name: String,
    pub stage: LifecycleStage,
    /// `new`, `goes on`, `joins`
    pub place: &'static str,
    pub runs: u64,
    /// Files of runs and models, where they are copied.
    pub files: u64,
    pub bytes: u64,
    pub models: usize,
}

/// What would be copied; there may be no target yet.
///
/// # Errors
/// As [`migrate`](super::migrate).
pub async fn preview(
    from: &Store,
    to: Option<&Store>,
    request: &Request,
    progress: &Progress,
) -> Result<Preview> {
    let plan = planned(from, to, request).await?;
    progress.begin(Phase::Looking, plan.runs);
    let mut preview = Preview {
        registered_models: plan.models.len(),
        versions: plan.models.iter().map(|(_, versions)| versions.len()).sum(),
        notes: plan.notes,
        ..Preview::default()
    };
    for planned in &plan.experiments {
        let source = &planned.source;
        let mut seen = PreviewedExperiment {
            id: source.experiment_id.clone(),
            name: source.name.clone(),
            stage: source.lifecycle_stage,
            place: match planned.place {
                Place::New => "new",
                Place::Known(_) => "goes on",
                Place::Joined(_) => "joins",
            },
            runs: 0,
            files: 0,
            bytes: 0,
            models: 0,
        };
        let mut of = Vec::new();
        if request.models {
            match from.logged_models_in(&source.experiment_id).await {
                Ok(models) => of.extend(models.into_iter().map(|model| FilesOf::Model(model.model_id))),
                Err(error) if matches!(error.kind, ErrorKind::Unsupported(_)) => {}
                Err(error) => return Err(error.into()),
            }
            seen.models = of.len();
        }
        each_page(from, &source.experiment_id, view(request), async |runs| {
            seen.runs += runs.len() as u64;
            of.extend(runs.into_iter().map(|run| FilesOf::Run(run.info.run_id)));
            for of in of.drain(..).filter(|_| request.artifacts) {
                // What is not there is told when it is copied.
                if let Ok(listing) = listing(from, &of).await {
                    seen.files += listing.files.len() as u64;
                    seen.bytes += listing.bytes();
                }
                progress.run(usize::from(matches!(of, FilesOf::Run(_))));
            }
            Ok(())
        })
        .await?;
        preview.experiments.push(seen);
    }
    Ok(preview)
}
