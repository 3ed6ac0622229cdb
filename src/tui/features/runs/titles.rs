//! What stands above the columns: no two the same, whatever room there is.

use super::Runs;
use super::view::arrow;
use crate::catalog::summaries::Coverage;
use crate::catalog::{Catalog, ColumnSpec};
use crate::text;
use crate::tui::widgets::table::VisibleColumn;
use crate::tui::widgets::theme::Theme;

/// Attributes whose titles a param or tag may have for its name.
const NAMED: [ColumnSpec; 9] = [
    ColumnSpec::RunName,
    ColumnSpec::RunId,
    ColumnSpec::Status,
    ColumnSpec::StartTime,
    ColumnSpec::Started,
    ColumnSpec::EndTime,
    ColumnSpec::Duration,
    ColumnSpec::User,
    ColumnSpec::ArtifactUri,
];
/// Cells of a name that its kind leaves.
const LEAST_NAME: usize = 4;

/// The kind of a column where another one that is shown has the same title: a metric and a param may have one name.
pub fn kind(runs: &Runs, spec: &ColumnSpec) -> &'static str {
    let kind = match spec {
        ColumnSpec::Metric(..) => " (metric)",
        ColumnSpec::Param(_) => " (param)",
        ColumnSpec::Tag(_) => " (tag)",
        _ => return "",
    };
    let is_twin = |other: &ColumnSpec| {
        other != spec && other.title() == spec.title() && other.statistic() == spec.statistic()
    };
    // All columns are gone through only where the experiment has such a pair.
    let has_twin = has_namesake(&runs.catalog, spec) && runs.columns.iter().any(|shown| is_twin(&shown.spec));
    if has_twin { kind } else { "" }
}

fn has_namesake(catalog: &Catalog, spec: &ColumnSpec) -> bool {
    let key = spec.title();
    let texts = &catalog.texts;
    let known = usize::from(catalog.metrics.column(texts, key).is_some())
        + usize::from(catalog.params.column(texts, key).is_some())
        + usize::from(catalog.tags.column(texts, key).is_some());
    known > 1 || NAMED.iter().any(|named| named.title() == key)
}

/// The titles of the places on the screen: the statistic, the name, how far the column is filled in, and the direction of the
/// sort.
pub fn titles(runs: &Runs, places: &[VisibleColumn], theme: &Theme) -> Vec<String> {
    let ellipsis = theme.glyphs.ellipsis;
    let (mut names, mut rooms, mut tails, mut cuts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for place in places.iter().filter(|place| !place.is_picture) {
        let spec = &runs.columns[place.column].spec;
        let tail = tail(runs, spec, theme);
        let word = spec.statistic().map_or(String::new(), |word| format!("{word} "));
        let name = format!("{word}{}", text::clean(spec.title()));
        let kind = kind(runs, spec);
        let room = place.width.saturating_sub(text::width(&tail));
        let before = room.saturating_sub(text::width(kind));
        cuts.push(if before >= LEAST_NAME {
            format!("{}{kind}", text::cut(&name, before, ellipsis))
        } else {
            text::cut(&format!("{name}{kind}"), room, ellipsis)
        });
        names.push(format!("{name}{kind}"));
        rooms.push(room);
        tails.push(tail);
    }
    let are_apart = (1..cuts.len()).all(|at| !cuts[..at].contains(&cuts[at]));
    if !are_apart {
        cuts = text::told_apart(&names, |at| rooms[at], ellipsis);
    }
    let mut titles = cuts.into_iter().zip(tails).map(|(cut, tail)| format!("{cut}{tail}"));
    let title = |place: &VisibleColumn| {
        if place.is_picture { Some("trend".to_owned()) } else { titles.next() }
    };
    places.iter().map(title).map(Option::unwrap_or_default).collect()
}

/// What stands behind a title: how far the column is filled in, and the direction of the sort.
fn tail(runs: &Runs, spec: &ColumnSpec, theme: &Theme) -> String {
    let view = &runs.shown_view;
    let arrow = match view.sorted_by(spec) {
        None => String::new(),
        Some((_, direction)) if view.sort.len() == 1 => format!(" {}", arrow(direction, theme)),
        Some((place, direction)) => format!(" {}{}", arrow(direction, theme), place + 1),
    };
    match runs.catalog.coverage(spec) {
        Some(Coverage { known, of }) if known < of => format!(" {}%{arrow}", known * 100 / of.max(1)),
        _ => arrow,
    }
}
