//! Charts in pixels: which are to be seen and where, and their pixels.

use ratatui::layout::Rect;

use super::dashboard::view::{has_lines, picture_area};
use super::dashboard::{CachedPicture, PictureInputs};
use super::histories::HistoryKey;
use super::update::dashboard_area;
use crate::chart::raster::{Raster, raster as draw};
use crate::chart::{ChartLine, PlotCell};
use crate::tui::core::app::{App, Screen};
use crate::tui::core::selected::DrawnRun;
use crate::tui::widgets::plot::{PlotSign, plot_area, signs};

/// A chart that is seen in pixels, and all that it depends on.
#[derive(Debug, Clone, PartialEq)]
pub struct Pictured {
    /// The cells of its plot.
    pub area: Rect,
    metric: String,
    inputs: PictureInputs,
    cursor: Option<usize>,
    extremes: bool,
}

/// The charts on the screen; none while something stands over them.
pub fn pictured(app: &App) -> Vec<Pictured> {
    if !app.has_pixels || app.overlay.is_some() || app.help.is_some() {
        return Vec::new();
    }
    match app.screens.last() {
        Some(Screen::Chart(screen)) => {
            let area = screen.areas(app.geometry().body).plot;
            let has_points = screen
                .wanted()
                .any(|which| app.histories.get(&which).is_some_and(|known| !known.points.is_empty()));
            let kept = screen.kept.as_ref().filter(|_| has_points);
            let one = kept.map(|kept| {
                let cursor = screen.cursor.and_then(|x| kept.picture.column(x));
                of(kept, screen.key(), area, cursor, screen.extremes)
            });
            one.into_iter().collect()
        }
        Some(Screen::Compare(_)) => Vec::new(),
        None => {
            let Some(area) = dashboard_area(app) else { return Vec::new() };
            let charts = &app.charts;
            let placed = charts.grid(area.width as usize, area.height as usize).placed(charts.top);
            let seen = placed.into_iter().filter_map(|place| {
                let key = charts.keys.get(place.chart?)?;
                let kept = charts.cached(key).filter(|_| has_lines(&charts.drawn, key, &app.histories))?;
                let at = Rect {
                    x: area.x + place.x as u16,
                    y: area.y + place.y as u16,
                    width: place.width as u16,
                    height: place.height as u16,
                };
                Some(of(kept, key, picture_area(at), None, false))
            });
            seen.collect()
        }
    }
}

fn of(kept: &CachedPicture, metric: &str, area: Rect, cursor: Option<usize>, extremes: bool) -> Pictured {
    Pictured {
        area: plot_area(&kept.picture, area),
        metric: metric.to_owned(),
        inputs: kept.inputs.clone(),
        cursor,
        extremes,
    }
}

/// What a chart is drawn from.
fn source<'a>(app: &'a App, pictured: &Pictured) -> Option<(Vec<DrawnRun>, &'a CachedPicture)> {
    match app.screens.last() {
        Some(Screen::Chart(screen)) => Some((screen.in_order(), screen.kept.as_ref()?)),
        _ => Some((app.charts.drawn.clone(), app.charts.cached(&pictured.metric)?)),
    }
}

/// The pixels of a chart, with cells of so many pixels.
pub fn raster(app: &App, pictured: &Pictured, (wide, high): (u16, u16)) -> Option<Raster> {
    let (drawn, kept) = source(app, pictured)?;
    let known = drawn.iter().filter_map(|drawn| {
        let which = HistoryKey { run: drawn.run.clone(), key: pictured.metric.clone() };
        let known = app.histories.get(&which).filter(|known| known.is_known())?;
        Some(ChartLine { points: &known.points, ink: drawn.slot })
    });
    let lines: Vec<ChartLine<'_>> = known.collect();
    let area = pictured.area;
    let size = (usize::from(area.width) * usize::from(wide), usize::from(area.height) * usize::from(high));
    Some(draw(&lines, &app.charts.options_of(&pictured.metric), &kept.picture, size))
}

/// What stands on a chart: letters and extremes, and the column of the cursor.
pub fn over(app: &App, pictured: &Pictured) -> (Vec<(PlotCell, PlotSign, u8)>, Option<usize>) {
    let signs = source(app, pictured).map(|(_, kept)| signs(&kept.picture, pictured.extremes));
    (signs.unwrap_or_default(), pictured.cursor)
}
