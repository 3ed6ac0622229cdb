//! The pictures of the charts on the screen. They follow from the state, and are kept from frame to frame only because
//! they take time to draw: whoever draws frames owns them, the state holds none.

use ratatui::layout::Rect;
use rustc_hash::FxHashMap;

use super::histories::{CachedHistory, Histories, HistoryKey};
use super::screen::ChartScreen;
use super::update::{dashboard_area, dots};
use crate::chart::{ChartLine, Dots, Options, Picture, picture};
use crate::tui::core::app::{App, Screen};
use crate::tui::core::plotted::{self, PlottedLines};
use crate::tui::core::selected::DrawnRun;

/// A picture, and what it was made of.
#[derive(Debug, Clone)]
pub struct CachedPicture {
    pub inputs: PictureInputs,
    pub picture: Picture,
}

/// All that a picture depends on.
#[derive(Debug, Clone, PartialEq)]
pub struct PictureInputs {
    lines: Vec<(u8, u64)>,
    pub options: Options,
    window: Option<(f64, f64)>,
    size: (usize, usize),
    dots: Dots,
}

/// The pictures of one state, as it goes on: those of another one look the same to it.
#[derive(Debug, Default)]
pub struct Pictures {
    dashboard: FxHashMap<String, CachedPicture>,
    screen: Option<CachedPicture>,
}

impl Pictures {
    /// Draws what is on the screen and not drawn yet, and lets go of what a screen of the same kind showed before.
    pub fn prepare(&mut self, app: &App) {
        match app.screens.last() {
            Some(Screen::Chart(screen)) => {
                let old = self.screen.take();
                self.screen = Some(of_screen(old, app, screen));
            }
            Some(Screen::Sweep(_)) => {
                let old = self.screen.take();
                self.screen = of_plotted(old, app);
            }
            Some(Screen::Compare(_) | Screen::Log(_) | Screen::Models(_)) => self.screen = None,
            None => {
                self.screen = None;
                if let Some(area) = dashboard_area(app) {
                    self.prepare_dashboard(app, area);
                }
            }
        }
    }

    fn prepare_dashboard(&mut self, app: &App, area: Rect) {
        let charts = &app.charts;
        let grid = charts.grid(area.width as usize, area.height as usize);
        let mut kept = FxHashMap::default();
        for place in grid.placed(charts.top) {
            let Some(key) = place.chart.and_then(|chart| charts.keys.get(chart)) else { continue };
            // A line for the title, a column for the gap.
            let size = (place.width.saturating_sub(1), place.height.saturating_sub(1));
            let old = self.dashboard.remove(key);
            let lines = known(&charts.drawn, key, &app.histories);
            kept.insert(key.clone(), redraw(old, &lines, charts.options_of(key), None, size, dots(app)));
        }
        self.dashboard = kept;
    }

    /// The picture of a metric on the dashboard.
    pub fn of_metric(&self, key: &str) -> Option<&CachedPicture> {
        self.dashboard.get(key)
    }

    /// The picture of the chart that has the whole screen.
    pub fn of_screen(&self) -> Option<&CachedPicture> {
        self.screen.as_ref()
    }
}

fn of_screen(old: Option<CachedPicture>, app: &App, screen: &ChartScreen) -> CachedPicture {
    let size = screen.size(app.geometry().body);
    let drawn = screen.in_order();
    let lines = known(&drawn, screen.key(), &app.histories);
    redraw(old, &lines, app.charts.options_of(screen.key()), screen.window, size, dots(app))
}

/// The picture of what is no history.
fn of_plotted(old: Option<CachedPicture>, app: &App) -> Option<CachedPicture> {
    let plotted = plotted::inputs(app)?;
    let size = (plotted.area.width as usize, plotted.area.height as usize);
    let (options, dots) = (plotted.options, dots(app));
    let inputs = PictureInputs { lines: plotted.versions, options, window: None, size, dots };
    if let Some(old) = old.filter(|old| old.inputs == inputs) {
        return Some(old);
    }
    let lines = plotted::lines(app);
    let mut picture = picture(&in_lines(&lines), &options, None, size, dots);
    // Only a line has an end that is worth a letter.
    picture.lines.drain(..picture.lines.len().saturating_sub(plotted.lines));
    Some(CachedPicture { inputs, picture })
}

/// The same lines, borrowed.
pub fn in_lines(lines: &PlottedLines) -> Vec<ChartLine<'_>> {
    lines.iter().map(|(ink, points)| ChartLine { points, ink: *ink }).collect()
}

/// What is known of a metric of some runs, with the inks of their lines.
fn known<'a>(drawn: &[DrawnRun], key: &str, histories: &'a Histories) -> Vec<(u8, &'a CachedHistory)> {
    let known = drawn.iter().filter_map(|drawn| {
        let which = HistoryKey { run: drawn.run.clone(), key: key.to_owned() };
        Some((drawn.slot, histories.get(&which).filter(|known| known.is_known())?))
    });
    known.collect()
}

/// The lines of a metric of some runs, as far as they are known.
pub fn lines<'a>(drawn: &[DrawnRun], key: &str, histories: &'a Histories) -> Vec<ChartLine<'a>> {
    in_ink(&known(drawn, key, histories))
}

fn in_ink<'a>(known: &[(u8, &'a CachedHistory)]) -> Vec<ChartLine<'a>> {
    known.iter().map(|(slot, known)| ChartLine { points: &known.points, ink: *slot }).collect()
}

/// Draws anew if anything is different.
fn redraw(
    old: Option<CachedPicture>,
    known: &[(u8, &CachedHistory)],
    options: Options,
    window: Option<(f64, f64)>,
    size: (usize, usize),
    dots: Dots,
) -> CachedPicture {
    let lines = known.iter().map(|(slot, known)| (*slot, known.version)).collect();
    let inputs = PictureInputs { lines, options, window, size, dots };
    if let Some(old) = old.filter(|old| old.inputs == inputs) {
        return old;
    }
    CachedPicture { picture: picture(&in_ink(known), &options, window, size, dots), inputs }
}
