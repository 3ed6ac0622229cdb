//! `mltui models edit`: changes to the registry by hand, as they are made on the screen.

use std::io::Write;

use serde_json::{Value as Json, json};

use super::mark_best::finish_interrupted;
use super::output::print_json;
use super::{Failure, open};
use crate::config::Settings;
use crate::marking::Journal;
use crate::mlflow::limits::{check_alias, check_description, check_key, check_model_name};
use crate::mlflow::{ModelStage, ModelVersion, RegisteredModel, Tag};
use crate::promotion::is_of_log;
use crate::registry::badges;
use crate::registry::edit::{Edit, apply, archived_words, archives};
use crate::registry::history::Author;
use crate::store::{ErrorKind, Store, if_there, now_ms};
use crate::text;

#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags are")]
#[command(group(clap::ArgGroup::new("change").required(true).multiple(true)))]
pub struct EditArguments {
    /// The model, or a version of it: NAME, NAME/VERSION or NAME@ALIAS
    model: String,
    /// Point this alias to the version, wherever it points now
    #[arg(long, value_name = "ALIAS", group = "change")]
    alias: Vec<String>,
    /// Delete this alias
    #[arg(long, value_name = "ALIAS", group = "change")]
    delete_alias: Vec<String>,
    /// Describe the model or version
    #[arg(long, value_name = "TEXT", group = "change")]
    description: Option<String>,
    /// Set a tag of the model or version
    #[arg(long, value_name = "KEY=VALUE", group = "change")]
    tag: Vec<String>,
    /// Delete a tag of the model or version
    #[arg(long, value_name = "KEY", group = "change")]
    delete_tag: Vec<String>,
    /// Move the version to a stage: None, Staging, Production or Archived
    #[arg(long, value_name = "STAGE", group = "change")]
    stage: Option<String>,
    /// Archive the other versions that are in that stage
    #[arg(long, requires = "stage")]
    archive_others: bool,
    /// Give the model another name
    #[arg(long, value_name = "NAME", group = "change")]
    rename: Option<String>,
    /// Delete the version, or the model with all its versions, for good; runs and files stay
    #[arg(long, group = "change", conflicts_with_all = ["alias", "delete_alias", "description", "tag", "delete_tag", "stage", "rename"])]
    delete: bool,
    /// Delete without asking back
    #[arg(long, requires = "delete")]
    yes: bool,
    /// Print what would be changed, without changing it
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What is changed.
struct Target {
    known: RegisteredModel,
    version: Option<ModelVersion>,
}

/// A change, and how far it has come.
struct Change {
    kind: &'static str,
    edit: Edit,
    /// It is so already.
    is_so: bool,
    done: bool,
    words: String,
}

pub async fn run(
    settings: &Settings,
    arguments: &EditArguments,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let asked = asked(arguments)?;
    let store = open(settings)?;
    if !settings.read_only && !arguments.dry_run {
        // An alias is not moved by hand while a promotion that broke off has still to move it.
        let journal = Journal::new(&settings.state_folder, &settings.store_name());
        finish_interrupted(&store, &journal).await?;
    }
    let target = target(&store, &arguments.model).await?;
    let mut changes = Vec::new();
    for (kind, what) in asked {
        let edit = what.of(&target)?;
        if let Edit::Tag { version, key, value: Some(value), .. } = &edit {
            let limits = store.check_registry_tag(version.is_some(), &Tag::new(key, value));
            limits.map_err(|error| Failure::Usage(format!("--tag: {error}")))?;
        }
        if let Edit::Rename { to, .. } = &edit
            && *to != target.known.name
            && if_there(store.get_registered_model(to).await)?.is_some()
        {
            return Err(Failure::Usage(format!("--rename: there is a registered model {to:?} already")));
        }
        let archived = archives(&store, &edit).await?;
        let is_so = archived.is_empty() && is_so(&edit, &target);
        let words = edit.words() + &archived_words(&archived);
        changes.push(Change { kind, is_so, done: false, words, edit });
    }
    if arguments.delete {
        let goes = goes_with(&store, &target).await?;
        for change in &mut changes {
            change.words = format!("{}{goes}", change.words);
        }
        if !(arguments.yes || arguments.dry_run) {
            let words = &changes[0].words;
            return Err(Failure::Usage(format!(
                "nothing was changed; with --yes: {words}, which cannot be undone"
            )));
        }
    }
    let mut name = target.known.name.clone();
    let mut result = Ok(());
    for change in changes.iter_mut().filter(|change| !change.is_so && !arguments.dry_run) {
        let author = Author { by: settings.user.clone(), now: now_ms(), random: fastrand::u32(..) };
        match apply(&store, &change.edit, &author).await {
            Ok(applied) => {
                change.done = true;
                if !arguments.delete {
                    change.words = applied.words;
                }
                name = applied.model.unwrap_or(name);
            }
            Err(error) => {
                // What was changed before stays, and is told.
                result = Err(error.into());
                break;
            }
        }
    }
    if arguments.json {
        print_json(&told(&name, &target, &changes, arguments.dry_run), out)?;
        return result;
    }
    for change in changes.iter().filter(|change| change.done || change.is_so || arguments.dry_run) {
        let how = match (change.is_so, arguments.dry_run) {
            (true, _) => "already: ",
            (false, true) => "would change: ",
            (false, false) => "",
        };
        writeln!(out, "{how}{}", text::clean(&change.words))?;
    }
    result
}

/// A change, whatever model and version it is of.
enum What {
    Alias(String),
    DeleteAlias(String),
    Describe(String),
    Tag(String, Option<String>),
    Stage(ModelStage, bool),
    Rename(String),
    Delete,
}

/// What is asked for, in the order in which it is done: the name is the last that changes.
fn asked(arguments: &EditArguments) -> Result<Vec<(&'static str, What)>, Failure> {
    let usage = |flag: &str, error: &dyn std::fmt::Display| Failure::Usage(format!("{flag}: {error}"));
    let mut all = Vec::new();
    if let Some(text) = &arguments.description {
        check_description(text).map_err(|error| usage("--description", &error))?;
        all.push(("description", What::Describe(text.trim_end().to_owned())));
    }
    for tag in &arguments.tag {
        let Some((key, value)) = tag.split_once('=') else {
            return Err(usage("--tag", &format!("{tag:?} is not KEY=VALUE")));
        };
        all.push(("tag", What::Tag(key.trim().to_owned(), Some(value.to_owned()))));
    }
    for key in &arguments.delete_tag {
        all.push(("delete_tag", What::Tag(key.clone(), None)));
    }
    for (_, what) in &all {
        let What::Tag(key, _) = what else { continue };
        check_key("tag", key).map_err(|error| usage("--tag", &error))?;
        if is_of_log(key) {
            let words = format!("{key} is an entry of the history, which mltui keeps itself");
            return Err(Failure::Usage(words));
        }
    }
    let named = |alias: &String, flag: &str| {
        let alias = alias.trim_start_matches('@').to_owned();
        check_alias(&alias).map_err(|error| usage(flag, &error))?;
        Ok::<_, Failure>(alias)
    };
    for alias in &arguments.alias {
        all.push(("alias", What::Alias(named(alias, "--alias")?)));
    }
    for alias in &arguments.delete_alias {
        all.push(("delete_alias", What::DeleteAlias(named(alias, "--delete-alias")?)));
    }
    if let Some(stage) = &arguments.stage {
        let parsed = stage.parse::<ModelStage>();
        let words = format!("{stage:?} is no stage; stages are None, Staging, Production and Archived");
        let stage = parsed.map_err(|()| usage("--stage", &words))?;
        if arguments.archive_others && !stage.is_active() {
            return Err(usage("--archive-others", &"only versions in Staging and Production are archived"));
        }
        all.push(("stage", What::Stage(stage, arguments.archive_others)));
    }
    if let Some(to) = &arguments.rename {
        check_model_name(to).map_err(|error| usage("--rename", &error))?;
        all.push(("rename", What::Rename(to.clone())));
    }
    if arguments.delete {
        all.push(("delete", What::Delete));
    }
    Ok(all)
}

/// The registered model of a name.
async fn known(store: &Store, name: &str) -> Result<RegisteredModel, Failure> {
    check_model_name(name).map_err(|error| Failure::Usage(format!("MODEL: {error}")))?;
    store.get_registered_model(name).await.map_err(|error| match error.kind {
        ErrorKind::NotFound(_) => {
            Failure::NoneEligible(format!("no registered model {name:?}; see `mltui models`"))
        }
        _ => Failure::Store(error),
    })
}

/// The model, and the version where one is named.
async fn target(store: &Store, address: &str) -> Result<Target, Failure> {
    let address = address.strip_prefix("models:/").unwrap_or(address);
    let (name, version) =
        address.rsplit_once('/').map_or((address, None), |(name, version)| (name, Some(version)));
    // A name may have an @ of its own: the whole is looked for first.
    let parted = if version.is_none() { name.rsplit_once('@') } else { None };
    let whole = known(store, name).await;
    let (known, alias) = match (whole, parted) {
        (Err(Failure::NoneEligible(_) | Failure::Usage(_)), Some((name, alias))) => {
            (known(store, name).await?, Some(alias))
        }
        (whole, _) => (whole?, None),
    };
    let name = known.name.as_str();
    if known.is_prompt() {
        return Err(Failure::NoneEligible(format!("{name:?} is a prompt, not a model")));
    }
    let version = if let Some(version) = version {
        let number = version.trim_start_matches('v').parse::<u64>();
        let words = format!("{version:?} is no version; write {name}/3 or {name}@champion");
        Some(number.map_err(|_| Failure::Usage(words))?)
    } else if let Some(alias) = alias {
        let words = format!("no version of {name:?} is @{alias}");
        Some(known.alias(alias).ok_or(Failure::NoneEligible(words))?)
    } else {
        None
    };
    let version = match version {
        Some(version) => Some(store.get_model_version(name, version).await?),
        None => None,
    };
    Ok(Target { known, version })
}

impl What {
    fn of(self, target: &Target) -> Result<Edit, Failure> {
        let model = target.known.name.clone();
        let version = target.version.as_ref().map(|version| version.version);
        let of_version = |flag: &str| {
            version.ok_or_else(|| Failure::Usage(format!("{flag} is for a version; write {model}/VERSION")))
        };
        Ok(match self {
            Self::Alias(alias) => {
                let version = Some(of_version("--alias")?);
                Edit::Alias { model, alias, version }
            }
            Self::DeleteAlias(alias) => {
                match target.known.alias(&alias) {
                    None => {
                        return Err(Failure::NoneEligible(format!("no version of {model:?} is @{alias}")));
                    }
                    Some(at) if version.is_some_and(|version| version != at) => {
                        return Err(Failure::NoneEligible(format!("@{alias} of {model} points to v{at}")));
                    }
                    Some(_) => {}
                }
                Edit::Alias { model, alias, version: None }
            }
            Self::Describe(text) => Edit::Describe { model, version, text },
            Self::Tag(key, value) => {
                if value.is_none() && !target.has_tag(&key) {
                    let of = version.map_or(model.clone(), |version| format!("{model} v{version}"));
                    return Err(Failure::NoneEligible(format!("{of} has no tag {key:?}")));
                }
                Edit::Tag { model, version, key, value }
            }
            Self::Stage(stage, archives_others) => {
                let version = of_version("--stage")?;
                Edit::Stage { model, version, stage, archives_others }
            }
            Self::Rename(to) => {
                if version.is_some() {
                    return Err(Failure::Usage("--rename is for a model, not a version".into()));
                }
                Edit::Rename { model, to }
            }
            Self::Delete => match version {
                Some(version) => Edit::DeleteVersion { model, version },
                None => Edit::DeleteModel { model },
            },
        })
    }
}

impl Target {
    fn tag(&self, key: &str) -> Option<&str> {
        let tags = self.version.as_ref().map_or(&self.known.tags, |version| &version.tags);
        tags.iter().find(|tag| tag.key == key).map(|tag| tag.value.as_str())
    }

    fn has_tag(&self, key: &str) -> bool {
        self.tag(key).is_some()
    }
}

/// Whether there is nothing to change.
fn is_so(edit: &Edit, target: &Target) -> bool {
    let Target { known, version } = target;
    match edit {
        Edit::Alias { alias, version, .. } => known.alias(alias) == *version,
        Edit::Describe { text, .. } => {
            *text == version.as_ref().map_or(&known.description, |version| &version.description).as_str()
        }
        Edit::Tag { key, value, .. } => target.tag(key) == value.as_deref(),
        Edit::Stage { stage, .. } => {
            let is_there = |version: &ModelVersion| version.current_stage.parse() == Ok(*stage);
            version.as_ref().is_some_and(is_there)
        }
        Edit::Rename { model, to } => model == to,
        Edit::DeleteVersion { .. } | Edit::DeleteModel { .. } => false,
    }
}

/// What a deletion takes with it, in words.
async fn goes_with(store: &Store, target: &Target) -> Result<String, Failure> {
    let Some(version) = &target.version else {
        let versions = store.model_versions(&target.known.name).await?;
        let aliases = target.known.aliases.iter().map(|(alias, version)| format!("@{alias} v{version}"));
        let aliases: Vec<String> = aliases.collect();
        let aliases = if aliases.is_empty() { String::new() } else { format!(", {}", aliases.join(", ")) };
        return Ok(format!(" ({}{aliases})", text::count(versions.len())));
    };
    let mut goes: Vec<String> =
        Some(badges(&version.aliases)).filter(|badges| !badges.is_empty()).into_iter().collect();
    goes.extend(version.stage().map(|stage| format!("in {stage}")));
    Ok(if goes.is_empty() { String::new() } else { format!(" ({})", goes.join(", ")) })
}

fn told(name: &str, target: &Target, changes: &[Change], dry_run: bool) -> Json {
    let each = changes.iter().map(|change| {
        json!({"change": change.kind, "words": change.words, "already": change.is_so, "done": change.done})
    });
    json!({
        "model": name,
        "version": target.version.as_ref().map(|version| version.version),
        "dry_run": dry_run,
        "changes": each.collect::<Vec<_>>(),
    })
}
