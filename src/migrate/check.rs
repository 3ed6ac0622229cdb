//! Both stores, read again and compared; what could only be done at the end is done on the way.

use std::collections::{HashMap, HashSet};

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::error::{MigrateError, Result, of_one};
use super::files::{is_like, listings, sum};
use super::job::{FILES, Job, Placed};
use super::known::known_runs;
use super::marks::UNFINISHED;
use super::models::{known_models, logged_models};
use super::plan::Place;
use super::runs::{each_page, points_of, view};
use super::sums::{Kind, Sums, Tally};
use super::{compare, histories};
use crate::files::Listing;
use crate::mlflow::filter::parse;
use crate::mlflow::{
    LifecycleStage, LoggedModel, Metric, ModelVersion, RegisteredModel, Run, RunId, Tag, ViewType,
};
use crate::store::{DAMAGED, ErrorKind, FilesOf, RunSearch};

/// Runs that are compared in one go.
const AT_ONCE: usize = 60;

/// A run here and there.
struct Pair {
    was: Run,
    is: Run,
    files: Option<(Listing, Listing)>,
}

impl Job<'_> {
    pub async fn check_experiment(&self, placed: &Placed) -> Result<()> {
        each_page(self.from, &placed.source.experiment_id, view(self.request), async |mut runs| {
            while !runs.is_empty() {
                let rest = runs.split_off(runs.len().min(AT_ONCE));
                self.check_runs(placed, std::mem::replace(&mut runs, rest)).await?;
            }
            Ok(())
        })
        .await?;
        if self.request.models {
            self.check_models(placed).await?;
        }
        self.end_experiment(placed).await?;
        self.tell_damage(|| format!("experiment {:?}", placed.source.name), &placed.source.tags);
        let is = self.to.get_experiment(&placed.target).await?;
        let mut was = placed.source.clone();
        was.tags = {
            let state = self.state();
            was.tags.iter().map(|tag| state.ids.tag(tag)).collect()
        };
        let from = compare::of_experiment(&was, &placed.source);
        let mut to = compare::of_experiment(&is, &placed.source);
        if matches!(placed.place, Place::Joined(_)) {
            // What it was before is left as it is.
            to = from;
        }
        self.compare(Kind::Experiments, || format!("experiment {:?}", was.name), from, to);
        Ok(())
    }

    /// What cannot be read of a thing is not copied either.
    fn tell_damage(&self, what: impl Fn() -> String, tags: &[Tag]) {
        if let Some(damage) = tags.iter().find(|tag| tag.key == DAMAGED) {
            self.problem(
                what(),
                format!("it is damaged in the source, and copied in part: {}", damage.value),
            );
        }
    }

    /// Notes what both sides have of a kind.
    fn compare(&self, kind: Kind, what: impl Fn() -> String, from: Tally, to: Tally) {
        let (mut was, mut is) = (Sums::default(), Sums::default());
        *was.of(kind) = from;
        *is.of(kind) = to;
        self.note_sums(what, &was, &is);
    }

    fn note_sums(&self, what: impl Fn() -> String, was: &Sums, is: &Sums) {
        let differing: Vec<&str> = was.differing(is).into_iter().map(Kind::label).collect();
        if !differing.is_empty() {
            self.problem(what(), format!("not the same: {}", differing.join(", ")));
        }
        let mut state = self.state();
        state.from.join(was);
        state.to.join(is);
    }

    async fn check_runs(&self, placed: &Placed, runs: Vec<Run>) -> Result<()> {
        let runs = self.whole_ones(runs);
        let mut there = self.targets(placed, &runs).await?;
        let count = runs.len();
        let mut pairs = Vec::with_capacity(count);
        for was in runs {
            match there.remove(&was.info.run_id) {
                Some(is) => pairs.push((was, is)),
                None => {
                    let id = &was.info.run_id;
                    self.problem(format!("run {id}"), "it is not in the target");
                    self.state().from.join(&compare::of_run(&was, &was, self.request.models));
                }
            }
        }
        let settling = stream::iter(pairs).map(|(was, is)| self.settled(was, is));
        let pairs: Vec<Pair> = settling.buffered(self.side_by_side()).try_collect().await?;
        let (was, is): (Vec<Run>, Vec<Run>) =
            pairs.iter().map(|pair| (pair.was.clone(), pair.is.clone())).unzip();
        let was = points_of(self.from, &was).await?;
        let is = points_of(self.to, &is).await?;
        for ((pair, was), is) in pairs.iter().zip(was).zip(is) {
            // What cannot be read at once is asked for page by page, and says then what is wrong.
            let (was, is) = (was.unwrap_or_default(), is.unwrap_or_default());
            if let Err(why) = of_one(self.check_run(pair, was, is).await)? {
                self.problem(format!("run {}", pair.was.info.run_id), why);
            }
        }
        self.progress.run(count);
        Ok(())
    }

    async fn check_run(&self, pair: &Pair, was: Option<Vec<Metric>>, is: Option<Vec<Metric>>) -> Result<()> {
        self.tell_damage(|| format!("run {}", pair.was.info.run_id), &pair.was.tags);
        let models = self.request.models;
        let renewed = compare::renewed(&pair.was, &self.state().ids);
        let mut from = compare::of_run(&renewed, &pair.was, models);
        let mut to = compare::of_run(&pair.is, &pair.was, models);
        let (old, new) = (&pair.was.info.run_id, &pair.is.info.run_id);
        if let (Some(was), Some(is)) = (was, is) {
            (*from.of(Kind::Points), *to.of(Kind::Points)) = compare::of_both_points(&was, &is);
        } else {
            let keys: HashSet<&str> =
                pair.was.metrics.iter().chain(&pair.is.metrics).map(|metric| metric.key.as_str()).collect();
            for key in keys {
                let (was, is) = histories::tallies((self.from, old), (self.to, new), key).await?;
                from.of(Kind::Points).join(was);
                to.of(Kind::Points).join(is);
            }
        }
        if let Some(both) = &pair.files {
            let of = (FilesOf::Run(old.clone()), FilesOf::Run(new.clone()));
            self.compare_files(both, &of, &mut from, &mut to).await?;
        }
        self.note_sums(|| format!("run {old}"), &from, &to);
        Ok(())
    }

    /// The runs of the target by the ids that they had.
    async fn targets(&self, placed: &Placed, runs: &[Run]) -> Result<HashMap<RunId, Run>> {
        let wanted: HashMap<RunId, RunId> = {
            let state = self.state();
            let new =
                |run: &Run| Some((state.ids.runs.get(&run.info.run_id)?.clone(), run.info.run_id.clone()));
            runs.iter().filter_map(new).collect()
        };
        let is_plain = |id: &RunId| id.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric());
        let mut found = HashMap::with_capacity(wanted.len());
        if !self.to.capabilities().column_scan && wanted.keys().all(is_plain) {
            let ids: Vec<String> = wanted.keys().map(|id| format!("'{id}'")).collect();
            if ids.is_empty() {
                return Ok(found);
            }
            let search = RunSearch {
                experiment_ids: vec![placed.target.clone()],
                filter: parse(&format!("attributes.run_id IN ({})", ids.join(", "))).unwrap_or_default(),
                view: ViewType::All,
                max_results: self.to.capabilities().page,
                ..RunSearch::default()
            };
            let mut taken = Vec::new();
            crate::store::pages::each_page(self.to, search, usize::MAX, |runs| taken.extend(runs)).await?;
            for run in taken {
                if let Some(old) = wanted.get(&run.info.run_id) {
                    found.insert(old.clone(), run);
                }
            }
            return Ok(found);
        }
        for (new, old) in wanted {
            match self.to.get_run(&new).await {
                Ok(run) => drop(found.insert(old, run)),
                Err(error) if matches!(error.kind, ErrorKind::NotFound(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(found)
    }

    /// Does for a run what could not be done before all others were there, and lists its files.
    async fn settled(&self, was: Run, is: Run) -> Result<Pair> {
        let (old, new) = (was.info.run_id.clone(), is.info.run_id.clone());
        // Where it broke off it goes on the next time.
        if self.state().failed.contains(&old) {
            return Ok(Pair { was, is, files: None });
        }
        let mut changed = false;
        if is.info.lifecycle_stage == LifecycleStage::Active {
            match of_one(self.settle(&was, &is).await)? {
                Ok(done) => changed = done,
                Err(why) => self.problem(format!("run {old}"), why),
            }
        }
        let files = if self.request.artifacts { self.files_of_run(&was, &is).await? } else { None };
        if was.info.lifecycle_stage == LifecycleStage::Deleted
            && is.info.lifecycle_stage == LifecycleStage::Active
        {
            // Nobody but this copy can have had it before it was deleted.
            if is.tag(UNFINISHED).is_some() {
                self.end_deleted(&new).await?;
                changed = true;
            } else {
                self.problem(
                    format!("run {old}"),
                    "it is deleted in the source, and was restored in the target",
                );
            }
        }
        let is = if changed { self.to.get_run(&new).await? } else { is };
        Ok(Pair { was, is, files })
    }

    /// Deletes a run that is all there. The mark goes before it: a server takes nothing more into a deleted run.
    async fn end_deleted(&self, id: &RunId) -> Result<()> {
        let ending = async {
            self.unmark(id).await?;
            Ok(self.to.delete_run(id).await?)
        };
        let ended: Result<()> = ending.await;
        if ended.is_err() {
            // The next one goes on with it.
            let _ = self.to.set_tag(id, &Tag::new(UNFINISHED, "1")).await;
        }
        ended
    }

    /// Names runs and models by the ids that they have now. Whether anything was to be done.
    async fn settle(&self, was: &Run, is: &Run) -> Result<bool> {
        let id = &is.info.run_id;
        let stale: Vec<Tag> = {
            let state = self.state();
            let stale = |tag: &Tag| {
                let new = state.ids.tag(tag);
                (new.value != tag.value && is.tag(&tag.key) == Some(&tag.value)).then_some(new)
            };
            was.tags.iter().filter_map(stale).collect()
        };
        if !stale.is_empty() {
            self.to.log_batch(id, &[], &[], &stale).await?;
        }
        let lacks_outputs = self.request.models && was.model_outputs.len() > is.model_outputs.len();
        if lacks_outputs {
            self.outputs(was, id).await?;
        }
        Ok(!stale.is_empty() || lacks_outputs)
    }

    /// The files of a run on both sides, when those that were not copied before have come.
    async fn files_of_run(&self, was: &Run, is: &Run) -> Result<Option<(Listing, Listing)>> {
        let (old, new) = (was.info.run_id.clone(), is.info.run_id.clone());
        let of = (FilesOf::Run(old.clone()), FilesOf::Run(new.clone()));
        let looking = async {
            let both = listings((self.from, &of.0), (self.to, &of.1)).await?;
            if !lacks(&both) {
                return Ok(both);
            }
            // One that was whole before is so again, even if its files do not come.
            let is_marked = is.info.lifecycle_stage == LifecycleStage::Active && is.tag(UNFINISHED).is_none();
            if is_marked {
                self.to.set_tag(&new, &Tag::new(UNFINISHED, "1")).await?;
            }
            let done = self.copy_files(&of.0, &of.1, false).await;
            if is_marked {
                self.unmark(&new).await?;
            }
            done?;
            listings((self.from, &of.0), (self.to, &of.1)).await
        };
        match of_one(looking.await)? {
            Ok(both) => Ok(Some(both)),
            Err(why) => {
                self.problem(format!("{FILES}run {old}"), why);
                Ok(None)
            }
        }
    }

    /// Adds what the files of both sides come to: names and lengths and, where that is asked for, what is in them.
    async fn compare_files(
        &self,
        (was, is): &(Listing, Listing),
        of: &(FilesOf, FilesOf),
        from: &mut Sums,
        to: &mut Sums,
    ) -> Result<()> {
        for (file, other) in
            was.files.iter().map(|file| (file, is.files.iter().find(|other| other.path == file.path)))
        {
            let size = file.file_size.unwrap_or(0);
            from.bytes += size;
            // Some places do not tell lengths.
            let is_alike = other.is_some_and(|other| is_like(file, other));
            let sums = match other {
                Some(_) if is_alike && self.request.verifies => {
                    (sum(self.from, &of.0, &file.path).await?, sum(self.to, &of.1, &file.path).await?)
                }
                _ => (String::new(), String::new()),
            };
            let id = of.0.to_string();
            from.of(Kind::Files).add((&id, &file.path, size, &sums.0));
            if let Some(other) = other {
                let own = if is_alike { size } else { other.file_size.unwrap_or(0) };
                to.bytes += own;
                to.of(Kind::Files).add((&id, &file.path, own, &sums.1));
            }
        }
        Ok(())
    }

    async fn check_models(&self, placed: &Placed) -> Result<()> {
        let source = logged_models(self.from, &placed.source.experiment_id).await?;
        if source.is_empty() {
            return Ok(());
        }
        let mut there = known_models(self.to, &placed.target).await?;
        for was in &source {
            let id = &was.model_id;
            let Some(is) = there.remove(id) else {
                self.problem(format!("logged model {id}"), "it is not in the target");
                self.compare(
                    Kind::Models,
                    || format!("logged model {id}"),
                    compare::of_model(was, was),
                    Tally::default(),
                );
                continue;
            };
            self.check_logged_model(was, is).await?;
        }
        Ok(())
    }

    async fn check_logged_model(&self, was: &LoggedModel, mut is: LoggedModel) -> Result<()> {
        let (old, new) = (&was.model_id, is.model_id.clone());
        self.tell_damage(|| format!("logged model {old}"), &was.tags);
        if !self.keeps && is.metrics.len() < was.metrics.len() {
            // Others than its own run tell of it.
            let logged = self.model_metrics(was, (&new, &is.metrics), None).await;
            match of_one(logged)? {
                Ok(()) => is = self.to.get_logged_model(&new).await?,
                Err(why) => self.problem(format!("the metrics of logged model {old}"), why),
            }
        }
        let renewed = compare::renewed_model(was, &self.state().ids);
        let (mut from, mut to) = (Sums::default(), Sums::default());
        *from.of(Kind::Models) = compare::of_model(&renewed, was);
        *to.of(Kind::Models) = compare::of_model(&is, was);
        if self.request.artifacts {
            let of = (FilesOf::Model(old.clone()), FilesOf::Model(new));
            let looking = async {
                let both = listings((self.from, &of.0), (self.to, &of.1)).await?;
                if !lacks(&both) {
                    return Ok(both);
                }
                self.copy_files(&of.0, &of.1, false).await?;
                listings((self.from, &of.0), (self.to, &of.1)).await
            };
            match of_one::<(Listing, Listing)>(looking.await)? {
                Ok(both) => {
                    let compared = self.compare_files(&both, &of, &mut from, &mut to).await;
                    if let Err(why) = of_one(compared)? {
                        self.problem(format!("{FILES}logged model {old}"), why);
                    }
                }
                Err(why) => self.problem(format!("{FILES}logged model {old}"), why),
            }
        }
        self.note_sums(|| format!("logged model {old}"), &from, &to);
        Ok(())
    }

    /// Gives an experiment whose runs are all there the tags and the stage that it is to have.
    async fn end_experiment(&self, placed: &Placed) -> Result<()> {
        let is = self.to.get_experiment(&placed.target).await?;
        if is.lifecycle_stage == LifecycleStage::Deleted || matches!(placed.place, Place::Joined(_)) {
            return Ok(());
        }
        let stale: Vec<Tag> = {
            let state = self.state();
            let stale = |tag: &Tag| {
                let new = state.ids.tag(tag);
                let is_stale = is.tags.iter().any(|own| own == tag) && new.value != tag.value;
                is_stale.then_some(new)
            };
            placed.source.tags.iter().filter_map(stale).collect()
        };
        for tag in &stale {
            self.to.set_experiment_tag(&placed.target, tag).await?;
        }
        if placed.source.lifecycle_stage == LifecycleStage::Deleted {
            // With it a server deletes its runs.
            let there = known_runs(self.to, &placed.target).await?;
            let is_others = {
                let state = self.state();
                let is_ours = |was: &RunId| state.ids.runs.contains_key(was);
                there.iter().any(|(was, known)| known.id == *was && !is_ours(was))
            };
            if is_others {
                let words = "it is deleted in the source, and holds runs in the target that are not from there: it stays";
                self.problem(format!("experiment {:?}", placed.source.name), words);
                return Ok(());
            }
            let ended = if self.keeps {
                self.to.finish_experiment(&placed.target, &placed.source).await
            } else {
                self.to.delete_experiment(&placed.target).await
            };
            if let Err(why) = of_one(ended.map_err(MigrateError::from))? {
                self.problem(format!("experiment {:?}", placed.source.name), why);
            }
        }
        Ok(())
    }

    pub async fn check_model(&self, model: &RegisteredModel, versions: &[ModelVersion]) -> Result<()> {
        let name = &model.name;
        self.tell_damage(|| format!("registered model {name:?}"), &model.tags);
        let is = match self.to.get_registered_model(name).await {
            Ok(is) => is,
            Err(error) if matches!(error.kind, ErrorKind::NotFound(_)) => {
                let from = compare::of_registered(model, model);
                self.compare(
                    Kind::RegisteredModels,
                    || format!("registered model {name:?}"),
                    from,
                    Tally::default(),
                );
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let was = RegisteredModel {
            tags: {
                let state = self.state();
                model.tags.iter().map(|tag| state.ids.tag(tag)).collect()
            },
            ..model.clone()
        };
        let from = compare::of_registered(&was, model);
        let to = compare::of_registered(&is, model);
        self.compare(Kind::RegisteredModels, || format!("registered model {name:?}"), from, to);
        let there = self.to.model_versions(name).await?;
        for version in versions {
            let number = version.version;
            self.tell_damage(|| format!("version {number} of model {name:?}"), &version.tags);
            let from = compare::of_version(&self.renewed_version(version).await?);
            let is = there.iter().find(|known| known.version == number);
            let to = is.map_or(Tally::default(), compare::of_version);
            self.compare(Kind::Versions, || format!("version {number} of model {name:?}"), from, to);
        }
        for (alias, number) in &model.aliases {
            if !versions.iter().any(|version| version.version == *number) {
                continue;
            }
            let of = |number: Option<u64>| Tally::of(number.map(|number| (name, alias, number)));
            let what = || format!("alias {alias:?} of model {name:?}");
            self.compare(Kind::Aliases, what, of(Some(*number)), of(is.alias(alias)));
        }
        Ok(())
    }
}

/// Whether files are missing on the second side.
fn lacks((was, is): &(Listing, Listing)) -> bool {
    let there: HashSet<&str> = is.files.iter().map(|file| file.path.as_str()).collect();
    was.files.iter().any(|file| !there.contains(file.path.as_str()))
}
