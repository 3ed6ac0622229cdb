//! Where everything is: the one place that computes it, for drawing, paging and the mouse.

use ratatui::layout::Rect;

use super::app::Focus;

/// Below this nothing can be shown.
pub const SMALLEST: (u16, u16) = (24, 6);
/// From this width on all panes are side by side.
const WIDE: u16 = 110;
/// From this height on runs and details are above one another.
const TALL: u16 = 22;
const EXPERIMENTS_WIDTH: u16 = 28;

/// The places of a screen; a pane without one is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Geometry {
    pub too_small: bool,
    pub header: Rect,
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

pub fn geometry((columns, rows): (u16, u16), focus: Focus, zoomed: bool) -> Geometry {
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
    let mut places = Geometry { header, status, hints, ..Geometry::default() };
    if zoomed || short || columns < 60 {
        match focus {
            Focus::Experiments => places.experiments = Some(body),
            Focus::Runs => places.runs = Some(body),
            Focus::Details => places.details = Some(body),
        }
        return places;
    }
    let mut right = body;
    if columns >= WIDE {
        places.experiments = Some(Rect { width: EXPERIMENTS_WIDTH, ..body });
        right = Rect { x: EXPERIMENTS_WIDTH, width: columns - EXPERIMENTS_WIDTH, ..body };
    } else if focus == Focus::Experiments {
        places.experiments = Some(body);
        return places;
    }
    if rows >= TALL {
        let details = (right.height * 2 / 5).max(9);
        places.runs = Some(Rect { height: right.height - details, ..right });
        places.details = Some(Rect { y: right.y + right.height - details, height: details, ..right });
    } else if focus == Focus::Details {
        places.details = Some(right);
    } else {
        places.runs = Some(right);
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panes_stay_on_the_screen_and_apart() {
        for columns in 1..160 {
            for rows in 1..60 {
                for focus in [Focus::Experiments, Focus::Runs, Focus::Details] {
                    for zoomed in [false, true] {
                        let places = geometry((columns, rows), focus, zoomed);
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
