//! The pictures of the charts on the screen. They follow from the state, and are kept from frame to frame only because
//! they take time to draw: whoever draws frames owns them, the state holds none.

use ratatui::layout::Rect;
use rustc_hash::FxHashMap;

use super::histories::{CachedHistory, Histories};
use super::screen::ChartScreen;
use super::series::{Series, painted};
use super::update::{dashboard_area, dots};
use crate::chart::{Band, ChartLine, Dots, Ink, LineLabel, Options, Picture, XAxis, picture};
use crate::tui::core::app::{App, Screen};
use crate::tui::core::plotted::{self, PlottedLines};
use crate::tui::widgets::theme::letter;

/// A picture, and what it was made of.
#[derive(Debug, Clone)]
pub struct CachedPicture {
    pub inputs: PictureInputs,
    pub picture: Picture,
}

/// All that a picture depends on.
#[derive(Debug, Clone, PartialEq)]
pub struct PictureInputs {
    /// Which line of the chart each is, how it is told from others, and the version of its points.
    lines: Vec<(usize, Ink, LineLabel, u64)>,
    pub options: Options,
    window: Option<(f64, f64)>,
    size: (usize, usize),
    dots: Dots,
}

impl CachedPicture {
    /// The place in the picture of a line of the chart.
    pub fn place_of(&self, line: usize) -> Option<usize> {
        self.inputs.lines.iter().position(|(of, ..)| *of == line)
    }
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
            Some(Screen::Compare(_) | Screen::Log(_) | Screen::Models(_) | Screen::Datasets(_)) => {
                self.screen = None;
            }
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
            let Some(chart) = place.chart.and_then(|chart| charts.charts.get(chart)) else { continue };
            if chart.is_single {
                continue;
            }
            // A line for the title, a column for the gap.
            let size = (place.width.saturating_sub(1), place.height.saturating_sub(1));
            let name = &chart.metric.name;
            let old = self.dashboard.remove(name);
            let lines = known(chart.lines(), None, &app.histories);
            let options = drawn_with(charts.options_of(name), chart.lines(), &app.histories);
            kept.insert(name.clone(), redraw(old, &lines, options, None, size, dots(app)));
        }
        self.dashboard = kept;
    }

    /// The picture of a chart on the dashboard, by its name.
    pub fn of_chart(&self, name: &str) -> Option<&CachedPicture> {
        self.dashboard.get(name)
    }

    /// The picture of the chart that has the whole screen.
    pub fn of_screen(&self) -> Option<&CachedPicture> {
        self.screen.as_ref()
    }
}

fn of_screen(old: Option<CachedPicture>, app: &App, screen: &ChartScreen) -> CachedPicture {
    let size = screen.size(app.geometry().body);
    let lines = known(&screen.lines, Some(screen.chosen), &app.histories);
    redraw(old, &lines, screen_options(app, screen), screen.window, size, dots(app))
}

/// How the chart that has the whole screen is drawn.
pub fn screen_options(app: &App, screen: &ChartScreen) -> Options {
    drawn_with(app.charts.options_of(screen.key()), &screen.lines, &app.histories)
}

/// The same options, but by time where all points are at one step: they would stand in a line upwards. And by steps
/// where the metric of the x axis has no value at any of them.
pub fn drawn_with(options: Options, lines: &[Series], histories: &Histories) -> Options {
    let known = || lines.iter().filter_map(|line| histories.get(&line.which));
    let has_points = || known().filter(|known| !known.points.is_empty());
    let is_apart = options.x == XAxis::Metric
        && has_points().next().is_some()
        && has_points().all(CachedHistory::is_apart);
    let options = if is_apart { Options { x: XAxis::Step, log_x: false, ..options } } else { options };
    let several = || known().filter(|known| known.points.len() > 1);
    let is_by_time = matches!(options.x, XAxis::Step | XAxis::Metric)
        && several().next().is_some()
        && several().all(CachedHistory::is_at_one_step);
    if is_by_time { Options { x: XAxis::Relative, log_x: false, ..options } } else { options }
}

/// The picture of what is no history.
fn of_plotted(old: Option<CachedPicture>, app: &App) -> Option<CachedPicture> {
    let plotted = plotted::inputs(app)?;
    let size = (plotted.area.width as usize, plotted.area.height as usize);
    let (options, dots) = (plotted.options, dots(app));
    let version = |(line, version): (u8, u64)| (0, Ink::of(line), LineLabel::default(), version);
    let versions = plotted.versions.into_iter().map(version).collect();
    let inputs = PictureInputs { lines: versions, options, window: None, size, dots };
    if let Some(old) = old.filter(|old| old.inputs == inputs) {
        return Some(old);
    }
    let lines = plotted::lines(app);
    let mut drawn = in_lines(&lines);
    // Only a line has an end that is worth a letter.
    let dots_before = drawn.len().saturating_sub(plotted.lines);
    for line in &mut drawn[dots_before..] {
        line.label = LineLabel::of(letter(line.ink.line.into()).chars());
    }
    let picture = picture(&drawn, &options, None, size, dots);
    Some(CachedPicture { inputs, picture })
}

/// The same lines, borrowed.
pub fn in_lines(lines: &PlottedLines) -> Vec<ChartLine<'_>> {
    lines.iter().map(|(ink, points)| ChartLine::new(points, *ink)).collect()
}

/// A line of a chart that is known, with its place among all.
type KnownLine<'a> = (usize, &'a Series, &'a CachedHistory);

/// The lines of a chart that are known, in the order in which they are drawn.
fn known<'a>(lines: &'a [Series], on_top: Option<usize>, histories: &'a Histories) -> Vec<KnownLine<'a>> {
    let known = painted(lines, on_top).into_iter().filter_map(|at| {
        let known = histories.get(&lines[at].which).filter(|known| known.is_known())?;
        Some((at, &lines[at], known))
    });
    known.collect()
}

/// The lines of a chart, as far as they are known, in the order in which they are drawn, with what lies around means.
pub fn lines<'a>(
    lines: &'a [Series],
    on_top: Option<usize>,
    histories: &'a Histories,
    band: Band,
) -> Vec<ChartLine<'a>> {
    in_ink(&known(lines, on_top, histories), band)
}

fn in_ink<'a>(known: &[KnownLine<'a>], band: Band) -> Vec<ChartLine<'a>> {
    known.iter().map(|(_, line, known)| known.line(line.ink, line.label, band)).collect()
}

/// Draws anew if anything is different.
fn redraw(
    old: Option<CachedPicture>,
    known: &[KnownLine<'_>],
    options: Options,
    window: Option<(f64, f64)>,
    size: (usize, usize),
    dots: Dots,
) -> CachedPicture {
    let lines = known.iter().map(|(at, line, known)| (*at, line.ink, line.label, known.drawn)).collect();
    let inputs = PictureInputs { lines, options, window, size, dots };
    if let Some(old) = old.filter(|old| old.inputs == inputs) {
        return old;
    }
    CachedPicture { picture: picture(&in_ink(known, options.band), &options, window, size, dots), inputs }
}
