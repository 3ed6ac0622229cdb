//! The model registry as a store without mercy tells it.

use mltui::files::ModelFolder;
use mltui::mlflow::model_file::{Field, Flavor, ModelFile, Signature};
use mltui::mlflow::{
    ArtifactFile, LoggedModel, MetricPoint, ModelMetric, ModelVersion, Param, RegisteredModel, RunId, Tag,
};
use mltui::promotion::{Promoted, Promotion, PromotionPlan, PromotionRequest, Verdict};
use mltui::registry::VersionOrigin;
use mltui::registry::edit::Applied;
use mltui::tui::features::details::models::{ModelPlace, RunModel};
use mltui::tui::features::models::Msg;
use mltui::tui::features::models::effects::{Effect, FoundChampion};

use crate::visit::{NAMES, NOW, NUMBERS, error, run};

const TIMES: [Option<i64>; 5] = [Some(NOW), None, Some(0), Some(i64::MIN), Some(i64::MAX)];

fn model(number: usize) -> RegisteredModel {
    let name = |by: usize| NAMES[(number + by) % NAMES.len()];
    let count = number % 3;
    RegisteredModel {
        name: format!("{}{number}", name(0)),
        description: name(1).repeat(200),
        tags: vec![Tag::new(name(2), name(3))],
        aliases: (0..count).map(|at| (name(at).to_owned(), [1, u64::MAX][at % 2])).collect(),
        creation_time: TIMES[number % 5],
        last_updated_time: TIMES[(number + 1) % 5],
        latest: (0..count).map(|at| (name(at + 4).to_owned(), [u64::MAX, 0][at % 2])).collect(),
        version_count: [None, Some(0), Some(u64::MAX)][number % 3],
    }
}

fn version(number: usize) -> ModelVersion {
    let name = |by: usize| NAMES[(number + by) % NAMES.len()].to_owned();
    ModelVersion {
        name: name(0),
        version: [1, 7, u64::MAX, 0][number % 4],
        source: name(1),
        run_id: (!number.is_multiple_of(3)).then(|| run(number).info.run_id),
        status: ["READY", "", "FAILED"][number % 3].into(),
        status_message: name(2),
        current_stage: ["None", "Production", "\u{1b}[2J"][number % 3].into(),
        description: name(3).repeat(300),
        tags: vec![Tag::new(name(4), name(5)), Tag::new("gate", name(6).repeat(50))],
        aliases: (0..number % 3).map(|_| ["champion".to_owned(), name(4)][number % 2].clone()).collect(),
        user_id: name(7),
        creation_time: TIMES[number % 5],
        last_updated_time: TIMES[(number + 2) % 5],
        model_id: None,
    }
}

fn origin(number: usize) -> VersionOrigin {
    let value = NUMBERS[number % NUMBERS.len()];
    VersionOrigin {
        run: (!number.is_multiple_of(2)).then(|| run(number).info),
        run_metrics: [("val_rmse".to_owned(), value), (NAMES[number % NAMES.len()].to_owned(), value)].into(),
        model_metrics: [].into(),
        model: None,
    }
}

fn folder(number: usize) -> ModelFolder {
    let name = |by: usize| NAMES[(number + by) % NAMES.len()].to_owned();
    let field = |by: usize| Field {
        name: name(by),
        kind: name(by + 1).repeat(number),
        is_optional: by.is_multiple_of(2),
        default: (by > 2).then(|| name(by)),
    };
    let flavor = |by: usize| Flavor { name: name(by), settings: vec![(name(by + 1), name(by + 2))] };
    let file = ModelFile {
        flavors: (0..number).map(flavor).collect(),
        signature: Signature { inputs: (0..number).map(field).collect(), ..Signature::default() },
        input_example: Some(name(3)),
        mlflow_version: Some(name(4)),
        size: Some(u64::MAX),
        created: Some(name(5)),
        is_signature_broken: number.is_multiple_of(2),
    };
    let files =
        (0..number).map(|by| ArtifactFile { path: name(by), is_dir: false, file_size: Some(u64::MAX) });
    ModelFolder {
        version: None,
        holder: String::new(),
        file: if number == 3 { Err(name(0)) } else { Ok(file) },
        requirements: (0..number).map(name).collect(),
        example: (0..number).map(name).collect(),
        files: files.collect(),
    }
}

pub fn of_run(number: usize, place: ModelPlace) -> RunModel {
    let name = |by: usize| NAMES[(number + by) % NAMES.len()].to_owned();
    let metric = |by: usize| ModelMetric {
        key: name(by),
        run_id: "r".into(),
        dataset: (by > 2).then(|| (name(by), name(by + 1))),
        point: MetricPoint { step: i64::MAX, timestamp: i64::MIN, value: NUMBERS[by % NUMBERS.len()] },
    };
    let logged = LoggedModel {
        model_id: name(0).as_str().into(),
        experiment_id: "1".into(),
        name: name(1),
        model_type: name(2),
        artifact_location: name(2),
        status: name(3),
        source_run_id: None,
        params: vec![Param { key: name(4), value: name(5) }],
        tags: vec![Tag::new("mlflow.modelVersions", name(6))],
        creation_time: None,
        metrics: (0..40).map(metric).collect(),
    };
    let folder = if number == 1 { Err(name(7)) } else { Ok(folder(number % 7 + 2)) };
    RunModel::new(&"r".into(), place, Some(Ok(logged)), Some(folder))
}

fn planned(request: &PromotionRequest) -> PromotionPlan {
    let promotion = Promotion {
        id: "0000000000001-1".into(),
        model: request.model.clone(),
        version: request.version.as_ref().ok().copied(),
        role: request.role.name().to_owned(),
        ..Promotion::default()
    };
    PromotionPlan {
        promotion,
        holder: Some(u64::MAX),
        is_held: false,
        verdict: Verdict::default(),
        measured: None,
        writes: NAMES.map(|name| name.repeat(20)).to_vec(),
    }
}

pub fn answer(effect: Effect, fails: bool) -> Msg {
    let failed = || error();
    match effect {
        Effect::ReadModels { ticket, is_first } => {
            let all = (0..20).map(model).collect();
            Msg::Models {
                ticket,
                is_whole: !is_first || fails,
                result: if fails { Err(failed()) } else { Ok(all) },
            }
        }
        Effect::ReadNames { ticket } => {
            let all = (0..20).map(|number| model(number).name).collect();
            Msg::Names { ticket, result: if fails { Err(failed()) } else { Ok(all) } }
        }
        Effect::ReadVersions { ticket, .. } => {
            let all = (0..12).map(version).collect();
            Msg::Versions { ticket, result: if fails { Err(failed()) } else { Ok(all) } }
        }
        Effect::ReadOrigins { ticket, versions } => {
            let all = (0..versions.len()).map(origin).collect();
            let versions = versions.iter().map(|version| version.version).collect();
            Msg::Origins { ticket, versions, result: if fails { Err(failed()) } else { Ok(all) } }
        }
        Effect::ReadFolder { ticket, version, .. } => {
            let result = if fails { Err(failed()) } else { Ok(Box::new(folder(version as usize % 7))) };
            Msg::Folder { ticket, result }
        }
        Effect::ReadOfRuns { ticket, runs } => {
            let of = |(at, run): (usize, &RunId)| ModelVersion { run_id: Some(run.clone()), ..version(at) };
            let all = runs.iter().enumerate().map(of).collect();
            Msg::OfRuns { ticket, result: if fails { Err(failed()) } else { Ok(all) }, runs }
        }
        Effect::Change(edit) => Msg::Edited(if fails {
            Err(failed())
        } else {
            Ok(Applied { words: edit.words(), undo: None, model: Some(NAMES[4].into()), is_deletion: false })
        }),
        Effect::TakeBack(done) => Msg::Undone { done, result: Err(failed()) },
        Effect::PlanPromotion(request) => {
            let result = if fails { Err(failed()) } else { Ok(Box::new(planned(&request))) };
            Msg::PromotionPlanned { request, result }
        }
        Effect::Promote(promotion) => {
            let done =
                Promoted { promotion: *promotion, holds: true, messages: NAMES.map(str::to_owned).to_vec() };
            Msg::Promoted(if fails { Err(failed()) } else { Ok(Box::new(done)) })
        }
        Effect::ReadChampion(challenged) => {
            let run = run(3).info.run_id;
            let own = challenged.deciding.as_ref().map(|_| "m-1".into());
            let found = FoundChampion { experiment: "1".into(), run, model: Some("m-2".into()), own };
            Msg::Champion { challenged, result: if fails { Err(failed()) } else { Ok(Some(found)) } }
        }
    }
}
