//! The models of a run: logged ones (MLflow 3), and those that MLflow 2 keeps among the artifacts.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::lines::{DetailLine, LineRole, LineTarget};
use crate::files::ModelFolder;
use crate::mlflow::{ArtifactFile, LoggedModel, ModelId, Run, RunId, tags};
use crate::registry::point_table;
use crate::text;
use crate::text::highlight::Kind;

/// Characters of an id that tell models of one name apart.
const SHORT: usize = 10;

/// Where a model of a run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelPlace {
    Logged(ModelId),
    /// A folder among the artifacts.
    Artifact(String),
}

/// A model of a run, and what is in its folder.
#[derive(Debug, Clone)]
pub struct RunModel {
    place: ModelPlace,
    /// None of a model among the artifacts; why it is not known, where it is not.
    logged: Option<Result<LoggedModel, String>>,
    /// Its files, where they were looked into, and the folders of them that were opened or closed.
    folder: Option<Result<ModelFolder, String>>,
    turned: BTreeSet<String>,
    run: RunId,
    /// What is said of it, and the cells of the longest key.
    lines: Vec<DetailLine>,
    longest_key: usize,
}

/// The models that a run names, in the order of the steps that they were logged at.
pub fn places(run: &Run) -> Vec<ModelPlace> {
    let mut outputs: Vec<_> = run.model_outputs.iter().collect();
    outputs.sort_by_key(|output| output.step);
    let mut all: Vec<ModelPlace> =
        outputs.into_iter().map(|output| ModelPlace::Logged(output.model_id.clone())).collect();
    let history = run.tag(tags::MODEL_HISTORY).and_then(|text| serde_json::from_str::<Vec<Json>>(text).ok());
    for entry in history.iter().flatten() {
        // MLflow 3 notes logged models there, too.
        let ids = [entry["model_id"].as_str(), entry["model_uuid"].as_str()];
        let is_logged = ids.into_iter().flatten().any(|id| all.contains(&ModelPlace::Logged(id.into())));
        let Some(path) = entry["artifact_path"].as_str().map(|path| path.trim_matches('/')) else { continue };
        let place = ModelPlace::Artifact(path.to_owned());
        if !(is_logged || path.is_empty() || all.contains(&place)) {
            all.push(place);
        }
    }
    all
}

impl RunModel {
    /// What is known of a model; without its folder, where that was not looked into.
    pub fn new(
        run: &RunId,
        place: ModelPlace,
        logged: Option<Result<LoggedModel, String>>,
        folder: Option<Result<ModelFolder, String>>,
    ) -> Self {
        let (turned, run) = (BTreeSet::new(), run.clone());
        let mut model = Self { place, logged, folder, turned, run, lines: Vec::new(), longest_key: 0 };
        model.tell();
        model
    }

    /// Opens or closes a folder of its files, if it is one of them.
    pub fn turn(&mut self, path: &str) {
        let prefix = self.path_of("");
        let Some(below) = path.strip_prefix(&prefix).map(str::to_owned) else { return };
        if !self.turned.remove(&below) {
            self.turned.insert(below);
        }
        self.tell();
    }

    fn tell(&mut self) {
        self.lines = self.told();
        self.longest_key =
            self.lines.iter().map(|line| text::width(&text::clean(&line.key))).max().unwrap_or(0);
    }

    pub fn lines(&self) -> &[DetailLine] {
        &self.lines
    }

    pub fn longest_key(&self) -> usize {
        self.longest_key
    }

    fn name(&self) -> &str {
        match (&self.logged, &self.place) {
            (Some(Ok(model)), _) => &model.name,
            (_, ModelPlace::Logged(id)) => id.as_str(),
            (_, ModelPlace::Artifact(path)) => path,
        }
    }

    /// As a folder beside the artifacts of the run, with its title; those among them are there already.
    pub fn folder_beside(&self) -> Option<(ArtifactFile, String)> {
        let ModelPlace::Logged(id) = &self.place else { return None };
        let Some(Ok(model)) = &self.logged else { return None };
        let file = ArtifactFile { path: format!("models:/{id}"), is_dir: true, file_size: None };
        let short: String = id.as_str().chars().take(SHORT).collect();
        Some((file, format!("{} {short}", model.name)))
    }

    fn told(&self) -> Vec<DetailLine> {
        let address = match &self.place {
            ModelPlace::Logged(id) => format!("models:/{id}"),
            ModelPlace::Artifact(path) => format!("runs:/{}/{path}", self.run),
        };
        let target = Some(LineTarget::Folder(address.clone()));
        let line = |key: &str, value: &str, role| DetailLine {
            target: target.clone(),
            ..DetailLine::new(key, value, role)
        };
        let status = match &self.logged {
            Some(Ok(model)) => model.status.as_str(),
            Some(Err(_)) | None => "",
        };
        let mut lines = vec![line(self.name(), status, LineRole::Heading)];
        if let Some(Err(error)) = &self.logged {
            lines.push(line("  not read", error, LineRole::Bad));
            return lines;
        }
        lines.push(line("  uri", &address, LineRole::Plain));
        if let Some(Ok(model)) = &self.logged {
            lines.push(line("  artifacts", &model.artifact_location, LineRole::Plain));
            let registered = model.tags.iter().find(|tag| tag.key == tags::MODEL_VERSIONS);
            if let Some(versions) = registered {
                lines.extend(versions_of(&versions.value).into_iter().map(|(words, target)| DetailLine {
                    target,
                    ..DetailLine::new("  registered", words, LineRole::Plain)
                }));
            }
            lines.extend(
                model.params.iter().map(|it| line(&format!("  {}", it.key), &it.value, LineRole::Plain)),
            );
            for (at, point) in point_table(&model.metrics).into_iter().enumerate() {
                let role = if point.is_finite { LineRole::Plain } else { LineRole::Warn };
                let told = line(if at == 0 { "  metrics" } else { "" }, &point.words, role);
                lines.push(if at == 0 { titled(told) } else { told });
            }
        }
        match &self.folder {
            None => {}
            Some(Err(error)) => lines.push(line("  files", error, LineRole::Bad)),
            Some(Ok(folder)) => {
                lines.extend(folder.lines_with(|path| self.turned.contains(path)).into_iter().map(|told| {
                    let role = if told.is_bad { LineRole::Bad } else { LineRole::Plain };
                    let mut line = line(&format!("  {}", told.key), &told.value, role);
                    if let Some(file) = &told.file {
                        let path = self.path_of(file);
                        let of = if told.is_folder { LineTarget::FilesBelow } else { LineTarget::File };
                        line.target = Some(of(path));
                    }
                    if told.is_title { titled(line) } else { line }
                }));
            }
        }
        lines
    }

    /// The path of one of its files in the tree of artifacts.
    fn path_of(&self, file: &str) -> String {
        match &self.place {
            ModelPlace::Logged(id) => format!("models:/{id}/{file}"),
            ModelPlace::Artifact(path) => format!("{path}/{file}"),
        }
    }
}

/// A line of titles.
pub fn titled(line: DetailLine) -> DetailLine {
    DetailLine { styled: vec![(text::clean(&line.value).into_owned(), Kind::Heading)], ..line }
}

/// Each of `[{"name": "m", "version": 3}]` as `m version 3`, and which one that is.
fn versions_of(json: &str) -> Vec<(String, Option<LineTarget>)> {
    let versions: Vec<Json> = serde_json::from_str(json).unwrap_or_default();
    let words = versions.iter().map(|version| {
        let plain = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let (name, number) = (plain(&version["name"]), plain(&version["version"]));
        let words = format!("{name} version {number}");
        (words, number.parse().ok().map(|number| LineTarget::Version(name, number)))
    });
    words.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mlflow::{LifecycleStage, ModelOutput, RunInfo, RunStatus, Tag};

    fn run(outputs: &[&str], history: &str) -> Run {
        let info = RunInfo {
            run_id: "r".into(),
            run_name: "calm".into(),
            experiment_id: "1".into(),
            user_id: "ana".into(),
            status: RunStatus::Finished,
            start_time: None,
            end_time: None,
            lifecycle_stage: LifecycleStage::Active,
            artifact_uri: String::new(),
        };
        Run {
            info,
            metrics: Vec::new(),
            params: Vec::new(),
            tags: vec![Tag::new(tags::MODEL_HISTORY, history)],
            inputs: Vec::new(),
            model_outputs: outputs.iter().map(|id| ModelOutput { model_id: (*id).into(), step: 0 }).collect(),
        }
    }

    #[test]
    fn what_mlflow_2_noted_of_models_counts_unless_they_are_logged_ones() {
        let history = r#"[{"artifact_path": "net", "model_uuid": "u"}, {"artifact_path": "net", "model_uuid": "v"},
            {"artifact_path": "files/tree/", "model_uuid": "w"}, {"artifact_path": "old", "model_uuid": "m-1"}]"#;
        let artifact = |path: &str| ModelPlace::Artifact(path.into());
        let logged = ModelPlace::Logged("m-1".into());
        assert_eq!(places(&run(&["m-1"], history)), [logged, artifact("net"), artifact("files/tree")]);
        let mut steps = run(&["m-2", "m-3"], "[]");
        steps.model_outputs[0].step = 9;
        let logged = |id: &str| ModelPlace::Logged(id.into());
        assert_eq!(places(&steps), [logged("m-3"), logged("m-2")]);
        assert_eq!(places(&run(&[], "no json")), []);
    }

    #[test]
    fn a_model_that_is_gone_hides_no_other() {
        let place = ModelPlace::Logged("m-1".into());
        let model = RunModel::new(&"r".into(), place, Some(Err("it was deleted".into())), None);
        assert_eq!((model.lines().len(), model.folder_beside()), (2, None));
        assert_eq!(
            (model.lines()[1].value.as_str(), model.lines()[1].role),
            ("it was deleted", LineRole::Bad)
        );
    }
}
