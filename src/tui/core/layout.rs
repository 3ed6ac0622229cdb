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

    /// Rows of content in a pane: without its borders and, for runs, the header line of the table.
    pub fn rows(&self, focus: Focus) -> usize {
        let frame = if focus == Focus::Experiments { 2 } else { 3 };
        self.pane(focus).map_or(0, |area| area.height.saturating_sub(frame) as usize)
    }
}

/// The pane of experiments, where it stands beside the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SidePane {
    /// Cells that its lines need.
    pub needed: u16,
    /// It is shown only while it has the keys.
    pub is_hidden: bool,
}

pub fn geometry(
    (columns, rows): (u16, u16),
    focus: Focus,
    zoomed: bool,
    side: SidePane,
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
    if columns >= WIDE && (!side.is_hidden || focus == Focus::Experiments) {
        let width = experiments_width(columns, side, layout);
        places.experiments = Some(Rect { width, ..body });
        right = Rect { x: width, width: columns - width, ..body };
    } else if columns < WIDE && focus == Focus::Experiments {
        places.experiments = Some(body);
        return places;
    }
    if rows >= TALL {
        let details = details_height(right.height, layout);
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
fn experiments_width(columns: u16, side: SidePane, layout: Layout) -> u16 {
    layout.list_width.unwrap_or(side.needed.min((columns / 4).max(USUAL))).clamp(NARROWEST, columns / 2)
}

fn details_height(height: u16, layout: Layout) -> u16 {
    let wanted = (u32::from(height) * u32::from(layout.details_share.min(100)) / 100) as u16;
    wanted.clamp(LOWEST, height.saturating_sub(LOWEST).max(LOWEST))
}

/// The layout with the border between experiments and runs at this column.
pub fn with_side_border(layout: Layout, (columns, _): (u16, u16), x: u16) -> Layout {
    let list_width = Some(x.clamp(NARROWEST, (columns / 2).max(NARROWEST)));
    Layout { list_width, ..layout }
}

/// The layout with the upper border of the details at this row.
pub fn with_middle_border(layout: Layout, places: &Geometry, y: u16) -> Layout {
    let (Some(runs), Some(details)) = (places.runs, places.details) else { return layout };
    let height = runs.height + details.height;
    let wanted = (details.y + details.height)
        .saturating_sub(y)
        .clamp(LOWEST, height.saturating_sub(LOWEST).max(LOWEST));
    // Rounded up, so that the border comes to stand where it was wanted.
    let details_share = ((u32::from(wanted) * 100).div_ceil(u32::from(height.max(1)))) as u16;
    Layout { details_share, ..layout }
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
        for columns in 1..160_u16 {
            for rows in 1..60_u16 {
                for focus in [Focus::Experiments, Focus::Runs, Focus::Details] {
                    for zoomed in [false, true] {
                        let wide = (columns * 7) % 90;
                        let list_width = (rows % 3 > 0).then_some(wide);
                        let side = SidePane { needed: wide, is_hidden: rows % 5 == 0 };
                        let details_share = rows * 3 % 120;
                        let layout = Layout { list_width, details_share, ..Layout::default() };
                        let places = geometry((columns, rows), focus, zoomed, side, layout);
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
