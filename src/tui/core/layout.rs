//! Where everything is: the one place that computes it, for drawing, paging and the mouse.

use ratatui::layout::Rect;

use super::memory::Layout;

/// A pane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Focus {
    Experiments,
    Runs,
    Details,
}

impl Focus {
    pub const ALL: [Self; 3] = [Self::Experiments, Self::Runs, Self::Details];
}

/// Below this nothing can be shown.
pub const SMALLEST: (u16, u16) = (24, 6);
/// From this width on all panes are side by side.
const WIDE: u16 = 110;
/// From this height on runs and details are above one another.
const TALL: u16 = 22;
/// From this width on runs and details are side by side, unless the user wants them otherwise.
pub const BROAD: u16 = 160;
/// Of what runs and details share, in percent, until the user moves the border; and lines that the table always has.
const USUAL_SHARE: u16 = 40;
const LEAST_TABLE: u16 = 11;
/// Cells that the table has beside the details, as long as these have some.
const TABLE: u16 = 94;
/// What each pane keeps when borders are moved.
const NARROWEST: u16 = 16;
const LOWEST: u16 = 5;
/// What the experiments may have on any screen that they share with the runs.
const USUAL: u16 = 34;

/// The places of a screen; a pane without one is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Geometry {
    pub too_small: bool,
    pub header: Rect,
    /// All between header and status.
    pub body: Rect,
    pub experiments: Option<Rect>,
    pub runs: Option<Rect>,
    pub details: Option<Rect>,
    pub status: Rect,
    pub hints: Rect,
}

impl Geometry {
    pub fn pane(&self, focus: Focus) -> Option<Rect> {
        match focus {
            Focus::Experiments => self.experiments,
            Focus::Runs => self.runs,
            Focus::Details => self.details,
        }
    }

    /// Whether runs and details stand side by side.
    pub fn is_side_by_side(&self) -> bool {
        matches!((self.runs, self.details), (Some(runs), Some(details)) if runs.y == details.y)
    }

    /// Rows of content in a pane: without its borders and, for runs, the header line of the table.
    pub fn rows(&self, focus: Focus) -> usize {
        let frame = if focus == Focus::Experiments { 2 } else { 3 };
        self.pane(focus).map_or(0, |area| area.height.saturating_sub(frame) as usize)
    }
}

/// What the panes hold, as far as it tells how large they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Content {
    /// Cells that the lines of the experiments need.
    pub experiments: u16,
    /// The experiments are shown only while they have the keys.
    pub hides_experiments: bool,
    /// Lines of the table of runs, where all of them are known.
    pub runs: Option<u16>,
}

pub fn geometry(
    (columns, rows): (u16, u16),
    focus: Focus,
    zoomed: bool,
    content: Content,
    layout: Layout,
) -> Geometry {
    if columns < SMALLEST.0 || rows < SMALLEST.1 {
        return Geometry { too_small: true, ..Geometry::default() };
    }
    let short = rows < 14;
    let line = |y: u16| Rect::new(0, y, columns, 1);
    let header = line(0);
    let hints = line(rows - 1);
    // A short screen keeps header and hints, and says what it has to say in place of the hints.
    let status = if short { hints } else { line(rows - 2) };
    let body = Rect::new(0, 1, columns, status.y - 1);
    let mut places = Geometry { header, body, status, hints, ..Geometry::default() };
    if zoomed || short || columns < 60 {
        match focus {
            Focus::Experiments => places.experiments = Some(body),
            Focus::Runs => places.runs = Some(body),
            Focus::Details => places.details = Some(body),
        }
        return places;
    }
    let mut right = body;
    if columns >= WIDE && (!content.hides_experiments || focus == Focus::Experiments) {
        let width = experiments_width(columns, content, layout);
        places.experiments = Some(Rect { width, ..body });
        right = Rect { x: width, width: columns - width, ..body };
    } else if columns < WIDE && focus == Focus::Experiments {
        places.experiments = Some(body);
        return places;
    }
    if columns >= BROAD && !layout.is_stacked {
        let width = details_width(right.width, layout);
        places.runs = Some(Rect { width: right.width - width, ..right });
        places.details = Some(Rect { x: right.x + right.width - width, width, ..right });
    } else if rows >= TALL {
        let details = details_height(right.height, content, layout);
        places.runs = Some(Rect { height: right.height - details, ..right });
        places.details = Some(Rect { y: right.y + right.height - details, height: details, ..right });
    } else if focus == Focus::Details {
        places.details = Some(right);
    } else {
        places.runs = Some(right);
    }
    places
}

/// As wide as its lines need, up to a quarter of the screen; or as the user wants it.
fn experiments_width(columns: u16, content: Content, layout: Layout) -> u16 {
    layout
        .list_width
        .unwrap_or(content.experiments.min((columns / 4).max(USUAL)))
        .clamp(NARROWEST, columns / 2)
}

/// The user's share; or, until the user moved the border, all that the table does not need.
fn details_height(height: u16, content: Content, layout: Layout) -> u16 {
    let share = |share: u16| (u32::from(height) * u32::from(share.min(100)) / 100) as u16;
    let spare =
        content.runs.map_or(0, |lines| height.saturating_sub(lines.saturating_add(3).max(LEAST_TABLE)));
    let wanted = layout.details_share.map_or_else(|| share(USUAL_SHARE).max(spare), share);
    wanted.clamp(LOWEST, height.saturating_sub(LOWEST).max(LOWEST))
}

/// Of what runs and details share, where they stand side by side.
fn details_width(width: u16, layout: Layout) -> u16 {
    let share = |share: u16| (u32::from(width) * u32::from(share.min(100)) / 100) as u16;
    let usual = || share(USUAL_SHARE).min(width.saturating_sub(TABLE));
    let wanted = layout.details_share.map_or_else(usual, share);
    wanted.clamp(NARROWEST * 2, width.saturating_sub(NARROWEST * 2).max(NARROWEST * 2))
}

/// The layout with the border between experiments and runs at this column.
pub fn with_side_border(layout: Layout, (columns, _): (u16, u16), x: u16) -> Layout {
    let list_width = Some(x.clamp(NARROWEST, (columns / 2).max(NARROWEST)));
    Layout { list_width, ..layout }
}

/// The layout with the border between runs and details at this place: at its row, or at its column where they stand side by
/// side.
pub fn with_middle_border(layout: Layout, places: &Geometry, (x, y): (u16, u16)) -> Layout {
    let (Some(runs), Some(details)) = (places.runs, places.details) else { return layout };
    let (whole, wanted, least) = if places.is_side_by_side() {
        (runs.width + details.width, (details.x + details.width).saturating_sub(x), NARROWEST * 2)
    } else {
        (runs.height + details.height, (details.y + details.height).saturating_sub(y), LOWEST)
    };
    let wanted = wanted.clamp(least, whole.saturating_sub(least).max(least));
    // Rounded up, so that the border comes to stand where it was wanted.
    let share = ((u32::from(wanted) * 100).div_ceil(u32::from(whole.max(1)))) as u16;
    Layout { details_share: Some(share), ..layout }
}

/// A part of the details.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tab {
    #[default]
    Charts,
    Overview,
    Metrics,
    Params,
    Tags,
    Artifacts,
    Datasets,
    Models,
}

impl Tab {
    pub const ALL: [Self; 8] = [
        Self::Charts,
        Self::Overview,
        Self::Metrics,
        Self::Params,
        Self::Tags,
        Self::Artifacts,
        Self::Datasets,
        Self::Models,
    ];

    pub fn title(self) -> &'static str {
        match self {
            Self::Charts => "Charts",
            Self::Overview => "Overview",
            Self::Metrics => "Metrics",
            Self::Params => "Params",
            Self::Tags => "Tags",
            Self::Artifacts => "Artifacts",
            Self::Datasets => "Datasets",
            Self::Models => "Models",
        }
    }
}

/// The room below the name of the run, within the pane's frame.
pub fn details_body(area: Rect) -> Rect {
    Rect {
        x: area.x + 2,
        y: area.y + 2,
        width: area.width.saturating_sub(4),
        height: area.height.saturating_sub(3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panes_stay_on_the_screen_and_apart() {
        for columns in 1..220_u16 {
            for rows in 1..60_u16 {
                for focus in [Focus::Experiments, Focus::Runs, Focus::Details] {
                    for zoomed in [false, true] {
                        let wide = (columns * 7) % 90;
                        let list_width = (rows % 3 > 0).then_some(wide);
                        let content = Content {
                            experiments: wide,
                            hides_experiments: rows % 5 == 0,
                            runs: (columns % 4 > 0).then_some(rows * 5 % 70),
                        };
                        let details_share = (columns % 3 > 0).then_some(rows * 3 % 120);
                        let is_stacked = columns % 2 == 0;
                        let layout = Layout { list_width, details_share, is_stacked, ..Layout::default() };
                        let places = geometry((columns, rows), focus, zoomed, content, layout);
                        if places.too_small {
                            continue;
                        }
                        assert!(places.pane(focus).is_some(), "{columns}x{rows} {focus:?}");
                        let screen = Rect::new(0, 0, columns, rows);
                        let panes: Vec<Rect> =
                            [places.experiments, places.runs, places.details].into_iter().flatten().collect();
                        for (i, pane) in panes.iter().enumerate() {
                            assert_eq!(screen.intersection(*pane), *pane);
                            assert!(panes[i + 1..].iter().all(|other| !pane.intersects(*other)));
                            assert!(!pane.intersects(places.header) && !pane.intersects(places.hints));
                        }
                    }
                }
            }
        }
    }
}
