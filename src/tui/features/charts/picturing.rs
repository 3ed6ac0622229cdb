//! Charts in pixels: which are to be seen and where, and their pixels.

use ratatui::layout::Rect;

use super::dashboard::view::{has_lines, picture_area};
use super::pictures::{CachedPicture, PictureInputs, Pictures, in_lines, lines};
use super::series::Series;
use super::update::dashboard_area;
use crate::chart::raster::{Raster, raster as draw};
use crate::chart::{Ink, PlotCell};
use crate::tui::core::app::{App, Screen};
use crate::tui::core::plotted;
use crate::tui::widgets::plot::{PlotSign, plot_area, signs};

/// A chart that is seen in pixels, and all that it depends on.
#[derive(Debug, Clone, PartialEq)]
pub struct PicturedChart {
    /// The cells of its plot.
    pub area: Rect,
    metric: String,
    inputs: PictureInputs,
    cursor: Option<usize>,
    extremes: bool,
}

/// The charts on the screen.
pub fn pictured(app: &App, pictures: &Pictures) -> Vec<PicturedChart> {
    match app.screens.last() {
        Some(Screen::Chart(screen)) => {
            let area = screen.areas(app.geometry().body).plot;
            let has_points = screen
                .wanted()
                .any(|which| app.histories.get(&which).is_some_and(|known| !known.points.is_empty()));
            let cached = pictures.of_screen().filter(|_| has_points);
            let one = cached.map(|cached| {
                let cursor = screen.cursor.and_then(|x| cached.picture.plot.column(x));
                of(cached, screen.key(), area, cursor, screen.extremes)
            });
            one.into_iter().collect()
        }
        Some(Screen::Sweep(_)) => {
            let cached = pictures.of_screen().zip(plotted::inputs(app));
            let one = cached.map(|(cached, plotted)| {
                let cursor = plotted.cursor.and_then(|x| cached.picture.plot.column(x));
                of(cached, "", plotted.area, cursor, false)
            });
            one.into_iter().collect()
        }
        Some(Screen::Compare(_) | Screen::Log(_) | Screen::Models(_) | Screen::Datasets(_)) => Vec::new(),
        None => {
            let Some(area) = dashboard_area(app) else { return Vec::new() };
            let charts = &app.charts;
            let placed = charts.grid(area.width as usize, area.height as usize).placed(charts.top);
            let seen = placed.into_iter().filter_map(|place| {
                let chart = charts.charts.get(place.chart?)?;
                let name = &chart.metric.name;
                let cached = pictures.of_chart(name).filter(|_| has_lines(chart.lines(), &app.histories))?;
                let at = Rect {
                    x: area.x + place.x as u16,
                    y: area.y + place.y as u16,
                    width: place.width as u16,
                    height: place.height as u16,
                };
                Some(of(cached, name, picture_area(at), cursor_column(app, cached), false))
            });
            seen.collect()
        }
    }
}

/// The column of the cursor that all charts have, on one of the dashboard.
pub fn cursor_column(app: &App, cached: &CachedPicture) -> Option<usize> {
    let x = app.charts.cursor.filter(|_| cached.inputs.options.x == app.charts.options.x)?;
    cached.picture.plot.column(x)
}

fn of(
    cached: &CachedPicture,
    metric: &str,
    area: Rect,
    cursor: Option<usize>,
    extremes: bool,
) -> PicturedChart {
    PicturedChart {
        area: plot_area(&cached.picture, area),
        metric: metric.to_owned(),
        inputs: cached.inputs.clone(),
        cursor,
        extremes,
    }
}

/// What a chart is drawn from: its lines, the one on top, and its picture.
fn source<'a>(
    app: &'a App,
    pictures: &'a Pictures,
    pictured: &PicturedChart,
) -> Option<(&'a [Series], Option<usize>, &'a CachedPicture)> {
    match app.screens.last() {
        Some(Screen::Chart(screen)) => Some((&screen.lines, Some(screen.chosen), pictures.of_screen()?)),
        Some(Screen::Sweep(_)) => Some((&[], None, pictures.of_screen()?)),
        _ => {
            let chart = app.charts.charts.iter().find(|chart| chart.metric.name == pictured.metric)?;
            Some((chart.lines(), None, pictures.of_chart(&pictured.metric)?))
        }
    }
}

/// The pixels of a chart, with cells of so many pixels.
pub fn raster(
    app: &App,
    pictures: &Pictures,
    pictured: &PicturedChart,
    (wide, high): (u16, u16),
) -> Option<Raster> {
    let area = pictured.area;
    let size = (usize::from(area.width) * usize::from(wide), usize::from(area.height) * usize::from(high));
    if let Some(Screen::Sweep(_)) = app.screens.last() {
        let (cached, lines) = (pictures.of_screen()?, plotted::lines(app));
        return Some(draw(&in_lines(&lines), &pictured.inputs.options, &cached.picture, size));
    }
    let (series, on_top, cached) = source(app, pictures, pictured)?;
    let lines = lines(series, on_top, &app.histories, pictured.inputs.options.band);
    Some(draw(&lines, &pictured.inputs.options, &cached.picture, size))
}

/// What stands on a chart: letters and extremes, and the column of the cursor.
pub fn over(
    app: &App,
    pictures: &Pictures,
    pictured: &PicturedChart,
) -> (Vec<(PlotCell, PlotSign, Ink)>, Option<usize>) {
    let signs = source(app, pictures, pictured).map(|(.., cached)| signs(&cached.picture, pictured.extremes));
    (signs.unwrap_or_default(), pictured.cursor)
}
