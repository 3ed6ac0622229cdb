//! What the cursor is on among the artifacts, looked at without a key: beside the tree, or below it.

pub mod view;

use std::time::Duration;

use ratatui::layout::Rect;

use super::artifacts::{ArtifactEntry, OpenFile};
use super::effects::Effect;
use super::preview::Preview;
use super::series::in_order;
use super::view::{SIDE_BY_SIDE, SIZE};
use super::{Details, Tab};
use crate::store::{ArtifactList, StoreError};
use crate::text;
use crate::tui::core::app::App;
use crate::tui::core::effect::Effects;
use crate::tui::core::layout::details_body;
use crate::tui::core::remote::{Remote, Ticket};

/// Bytes of a text that are fetched, and of a file of which a part says nothing.
pub const PIECE: usize = 64 * 1024;
pub const WHOLE: usize = 1_000_000;
/// The cursor rests for so long before anything is fetched: of a store that reads at once, and of a server.
const REST: Duration = Duration::from_millis(60);
const REST_OF_SERVER: Duration = Duration::from_millis(200);
/// From this height on what the cursor is on is seen below the tree; lines that the tree has at least.
const TALL: u16 = 12;
const LEAST_TREE: u16 = 4;
/// Cells that are needed to say something.
const NARROWEST: u16 = 36;

/// What the cursor is on, as far as it is known.
#[derive(Debug)]
pub struct Glance {
    pub file: OpenFile,
    what: GlanceAt,
}

/// What is to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GlanceAt {
    Folder,
    /// With its size, where that is known.
    File(Option<u64>),
}

/// What was seen.
#[derive(Debug, Clone)]
pub enum Glanced {
    Folder(ArtifactList),
    File(Preview),
}

/// Whether a part of a file says nothing: an image, or what is read from its end.
pub fn is_needed_whole(path: &str) -> bool {
    let extension = path.rsplit('.').next().unwrap_or_default().to_lowercase();
    matches!(extension.as_str(), "png" | "jpg" | "jpeg" | "gif" | "webp" | "parquet" | "pq")
}

fn too_large(size: Option<u64>) -> Preview {
    let size = size.map_or_else(|| format!("more than {}", text::bytes(WHOLE as u64)), text::bytes);
    Preview::Nothing(format!("{size}: enter opens it"))
}

/// What a file is, by its beginning.
pub fn piece(path: &str, content: Vec<u8>, is_whole: bool, size: Option<u64>) -> Preview {
    if is_whole {
        return Preview::of(path, content);
    }
    if is_needed_whole(path) {
        return too_large(size);
    }
    match Preview::of_beginning(path, content, "") {
        Preview::Nothing(_) => {
            let size = size.map_or(String::new(), |size| format!("{} ", text::bytes(size)));
            Preview::Nothing(format!("{size}binary"))
        }
        shown @ (Preview::Text { .. } | Preview::Table { .. } | Preview::Image { .. }) => shown,
    }
}

impl Details {
    /// Where the lines of a tab are: of the artifacts the tree, beside or above what the cursor is on.
    pub fn list_area(&self, body: Rect) -> Rect {
        self.glance_areas(body).map_or(body, |(tree, _)| tree)
    }

    /// Where the tree is and what the cursor is on; none where there is no room for both.
    pub fn glance_areas(&self, body: Rect) -> Option<(Rect, Rect)> {
        let tree = &self.artifacts;
        if self.tab != Tab::Artifacts || tree.preview.is_some() || tree.failure().is_some() {
            return None;
        }
        if !tree.has_files() {
            return None;
        }
        if body.width >= SIDE_BY_SIDE {
            return Some(self.beside(body));
        }
        if body.height < TALL || body.width < NARROWEST {
            return None;
        }
        let lines = u16::try_from(tree.count()).unwrap_or(u16::MAX);
        let height = lines.clamp(LEAST_TREE, (body.height * 2 / 5).max(LEAST_TREE));
        let below = height + 1;
        Some((Rect { height, ..body }, Rect { y: body.y + below, height: body.height - below, ..body }))
    }

    /// The tree, and a file to its right.
    pub fn beside(&self, body: Rect) -> (Rect, Rect) {
        // A tree of short names leaves more to the file.
        let names = u16::try_from(self.longest_key().max(8)).unwrap_or(u16::MAX);
        let width = names.saturating_add(2 + SIZE).min(body.width * 2 / 5);
        let right = Rect { x: body.x + width + 2, width: body.width - width - 2, ..body };
        (Rect { width, ..body }, right)
    }

    /// What the cursor is on, if it can be looked at.
    fn under_cursor(&self) -> Option<(String, GlanceAt)> {
        match self.artifacts.entry(self.cursor.at)? {
            ArtifactEntry::Folder { file, .. } => Some((file.path.clone(), GlanceAt::Folder)),
            ArtifactEntry::File { file, .. } => Some((file.path.clone(), GlanceAt::File(file.file_size))),
            ArtifactEntry::Loading { .. }
            | ArtifactEntry::Failed { .. }
            | ArtifactEntry::Empty { .. }
            | ArtifactEntry::More { .. } => None,
        }
    }
}

/// What is to be looked at now, where it is seen at all.
fn wanted(app: &App) -> Option<(String, GlanceAt)> {
    area(app)?;
    app.details.under_cursor()
}

/// The room of what the cursor is on, with its heading.
pub fn area(app: &App) -> Option<Rect> {
    let is_seen = app.screens.is_empty()
        && app.runs.length() > 0
        && app.runs.group_under_cursor().is_none()
        && app.details.run().is_some();
    let pane = app.geometry().details.filter(|_| is_seen)?;
    app.details.glance_areas(details_body(pane)).map(|(_, area)| area)
}

/// Follows the cursor: what it is on is fetched when it has rested there, and what it was on no more.
pub fn follow(app: &mut App, effects: &mut Effects) {
    let wanted = wanted(app);
    let known = app.details.artifacts.glance.as_ref().map(|glance| (glance.file.path.as_str(), glance.what));
    if known == wanted.as_ref().map(|(path, what)| (path.as_str(), *what)) {
        return;
    }
    let was_waiting =
        app.details.artifacts.glance.take().is_some_and(|glance| glance.file.content.is_waiting());
    let asked = wanted.and_then(|(path, what)| ask(app, path, what));
    match asked {
        Some(effect) => effects.push(effect),
        None if was_waiting => effects.push(Effect::DropGlance),
        None => {}
    }
}

fn ask(app: &mut App, path: String, what: GlanceAt) -> Option<Effect> {
    let id = app.details.shown_run()?.clone();
    let patience = if app.capabilities.cheap_reads { REST } else { REST_OF_SERVER };
    let tree = &mut app.details.artifacts;
    let is_known = tree.folders().get(&path).is_some_and(Remote::is_asked);
    let glance = tree.glance.insert(Glance { file: OpenFile::new(path.clone()), what });
    match what {
        GlanceAt::Folder if is_known => return None,
        GlanceAt::File(Some(size)) if is_needed_whole(&path) && size > WHOLE as u64 => {
            let ticket = glance.file.content.ask();
            glance.file.content.take(ticket, Ok(too_large(Some(size))), app.now);
            return None;
        }
        GlanceAt::Folder | GlanceAt::File(_) => {}
    }
    let ticket = glance.file.content.ask();
    Some(Effect::Glance { id, path, what, patience, ticket })
}

/// Takes what was seen, if the cursor is still there.
pub fn answered(
    details: &mut Details,
    (path, ticket): (String, Ticket),
    result: Result<Glanced, StoreError>,
    now: i64,
) {
    let tree = &mut details.artifacts;
    let Some(glance) = tree.glance.as_mut().filter(|glance| glance.file.path == path) else { return };
    match result {
        Ok(Glanced::File(preview)) => drop(glance.file.content.take(ticket, Ok(preview), now)),
        Err(error) => drop(glance.file.content.take(ticket, Err(error), now)),
        Ok(Glanced::Folder(list)) => {
            if glance.file.content.awaits(ticket) {
                glance.file.content.cancel();
                tree.listed(&path, in_order(list), now);
            }
        }
    }
}

/// What the cursor is on, to be gone on with where it is opened.
pub fn taken(details: &mut Details, path: &str) -> Option<OpenFile> {
    let glance = details.artifacts.glance.take().filter(|glance| glance.file.path == path)?;
    let says = glance.file.content.value().is_some_and(|content| !matches!(content, Preview::Nothing(_)));
    says.then_some(glance.file)
}
