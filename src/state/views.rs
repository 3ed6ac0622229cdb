//! Views of runs that the user named: columns, order, filter, tree or groups; for one experiment, or for all.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::document::Document;
use crate::disk;
use crate::mlflow::ExperimentId;
use crate::text::json;

/// No file of views is nearly as long.
const MOST: u64 = 4 << 20;

/// Characters of a view's name.
pub const LONGEST: usize = 60;

/// Which runs a view is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewPlace {
    /// The name of the store.
    pub store: String,
    /// The id of the experiment.
    pub experiment: String,
}

impl ViewPlace {
    /// An experiment of a store.
    pub fn new(store: &str, experiment: &ExperimentId) -> Self {
        Self { store: store.to_owned(), experiment: experiment.0.clone() }
    }
}

/// A view with its name.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct NamedView {
    /// As the user typed it.
    pub name: String,
    /// The experiment that it is for; none for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<ViewPlace>,
    /// What it shows.
    #[serde(flatten)]
    pub view: SavedView,
}

/// What a view shows, each thing in the words of `mltui runs`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SavedView {
    /// The default ones, where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<SavedColumn>,
    /// Sort keys, such as `metrics.rmse asc`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sort: Vec<String>,
    /// A filter.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub filter: String,
    /// Parents and children stand as a tree.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub tree: bool,
    /// The column that runs are grouped by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Columns that are the same for all runs shown are left out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub differing: bool,
    /// How charts are drawn; views of before do not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charts: Option<Box<SavedCharts>>,
}

/// How charts are drawn, as far as it is not as at first.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SavedCharts {
    /// What the x axis counts: `relative` or `wall` time, or a metric such as `metrics.epoch`; steps without that.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub x: String,
    /// The x axis is logarithmic.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub log_x: bool,
    /// Charts with a logarithmic y axis.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub log_y: Vec<String>,
    /// The weight of smoothing, below 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smoothing: Option<f64>,
    /// `98` or `90` percent of the values, where not all are shown.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub y_range: String,
    /// Runs are put together, with `sd` or `range` around their mean.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub mean: String,
}

/// A column of a view.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedColumn {
    /// Such as `metrics.rmse`.
    pub name: String,
    /// In cells, where the user set it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u16>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct ViewsFile {
    views: Vec<NamedView>,
}

/// A file of views for others: experiments have other ids there.
#[derive(Debug, Default, Serialize, Deserialize)]
struct ExportedFile {
    views: Vec<ExportedView>,
}

#[derive(Debug, Serialize, Deserialize)]
struct ExportedView {
    name: String,
    /// It is for all experiments.
    #[serde(default)]
    all: bool,
    #[serde(flatten)]
    view: SavedView,
}

/// The view of that name for an experiment: its own, or else the one for all.
pub fn find<'a>(views: &'a [NamedView], name: &str, place: &ViewPlace) -> Option<&'a NamedView> {
    let named =
        |of: Option<&ViewPlace>| views.iter().find(|view| view.name == name && view.of.as_ref() == of);
    named(Some(place)).or_else(|| named(None))
}

/// Those for an experiment, its own first, by name.
pub fn for_place<'a>(views: &'a [NamedView], place: &ViewPlace) -> Vec<&'a NamedView> {
    let is_here = |view: &&NamedView| view.of.as_ref().is_none_or(|of| of == place);
    let mut here: Vec<&NamedView> = views.iter().filter(is_here).collect();
    here.sort_by_key(|view| (view.of.is_none(), view.name.to_lowercase()));
    here
}

/// Views as a file for others.
///
/// # Errors
/// Never, as far as is known.
pub fn exported(views: &[&NamedView]) -> io::Result<String> {
    let views = views.iter().map(|view| ExportedView {
        name: view.name.clone(),
        all: view.of.is_none(),
        view: view.view.clone(),
    });
    let text = json::pretty(&ExportedFile { views: views.collect() })?;
    String::from_utf8(text).map_err(io::Error::other)
}

/// Reads a file of views; those of one experiment become those of `place`.
///
/// # Errors
/// Where it cannot be read, or is no such file.
pub fn imported(path: &Path, place: &ViewPlace) -> io::Result<Vec<NamedView>> {
    let content = disk::read(path, MOST)?;
    let file: ExportedFile = serde_json::from_slice(&content).map_err(|error| {
        let words = format!("{} is no file of views: {error}", path.display());
        io::Error::new(io::ErrorKind::InvalidData, words)
    })?;
    let is_name = |name: &str| !name.trim().is_empty() && name.chars().count() <= LONGEST;
    let views = file.views.into_iter().filter(|view| is_name(&view.name));
    Ok(views
        .map(|view| NamedView {
            name: view.name.trim().to_owned(),
            of: (!view.all).then(|| place.clone()),
            view: view.view,
        })
        .collect())
}

/// All views of the user.
#[derive(Debug, Clone)]
pub struct Views(Document<ViewsFile>);

impl Views {
    /// Nothing is read yet.
    pub fn new(state_folder: &Path) -> Self {
        Self(Document::new(state_folder, "views", "all stores"))
    }

    /// All that there are.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub fn all(&self) -> io::Result<Vec<NamedView>> {
        Ok(self.0.load()?.views)
    }

    /// Keeps views, in the place of those of the same names for the same experiments; `gone` are forgotten.
    ///
    /// # Errors
    /// Where they cannot be written.
    pub fn change(&self, gone: &[NamedView], new: &[NamedView]) -> io::Result<()> {
        self.0.change(|file| {
            let is = |known: &NamedView, other: &NamedView| known.name == other.name && known.of == other.of;
            file.views.retain(|known| !gone.iter().chain(new).any(|other| is(known, other)));
            file.views.extend_from_slice(new);
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(name: &str, of: Option<&ViewPlace>, filter: &str) -> NamedView {
        let view = SavedView {
            columns: vec![SavedColumn { name: "metrics.a b".into(), width: Some(9) }],
            filter: filter.into(),
            ..SavedView::default()
        };
        NamedView { name: name.into(), of: of.cloned(), view }
    }

    #[test]
    fn views_are_kept_found_and_handed_on() {
        let folder = tempfile::tempdir().unwrap();
        let (here, there) = (ViewPlace::new("s", &"1".into()), ViewPlace::new("s", &"2".into()));
        let views = Views::new(folder.path());
        assert_eq!(views.all().unwrap(), []);
        let (own, all, other) =
            (view("mine", Some(&here), "a"), view("mine", None, "b"), view("x", Some(&there), "c"));
        views.change(&[], &[own.clone(), all.clone(), other.clone()]).unwrap();
        let newer = view("x", Some(&there), "d");
        Views::new(folder.path()).change(&[], std::slice::from_ref(&newer)).unwrap();
        let known = views.all().unwrap();
        assert_eq!(known.len(), 3);
        assert_eq!(find(&known, "mine", &here), Some(&own));
        assert_eq!(find(&known, "mine", &there), Some(&all), "the one for all");
        assert_eq!(find(&known, "x", &here), None);
        assert_eq!(for_place(&known, &there), [&newer, &all]);
        // To a file, and into another experiment.
        let path = folder.path().join("views.json");
        std::fs::write(&path, exported(&for_place(&known, &here)).unwrap()).unwrap();
        let taken = imported(&path, &there).unwrap();
        assert_eq!(taken, [view("mine", Some(&there), "a"), all.clone()]);
        std::fs::write(&path, "{}").unwrap();
        assert!(imported(&path, &there).unwrap_err().to_string().contains("is no file of views"));
        views.change(std::slice::from_ref(&own), &[]).unwrap();
        assert_eq!(find(&views.all().unwrap(), "mine", &here), Some(&all));
    }
}
