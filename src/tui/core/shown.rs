//! What is on the screen, for whoever takes it out: its name, as a table, as a picture.

use std::borrow::Cow;

use super::app::{App, Screen};
use super::effect::Effects;
use super::form::Form;
use super::layout::Focus;
use crate::sheet::Sheet;
use crate::tui::features::charts::screen::ChartScreen;
use crate::tui::features::{charts, compare, details, experiments, runs};

/// What is exported, in a word or two.
pub fn subject(app: &App) -> String {
    match app.screens.last() {
        Some(Screen::Chart(screen)) => screen.key().to_owned(),
        Some(Screen::Compare(_)) => "comparison".into(),
        Some(Screen::Sweep(_)) => "trials".into(),
        Some(Screen::Log(_)) => "log".into(),
        Some(Screen::Models(_)) => "models".into(),
        Some(Screen::Datasets(_)) => "data sets".into(),
        None => match app.focus {
            Focus::Experiments => "experiments".into(),
            Focus::Runs => app.runs.name.clone(),
            Focus::Details if app.is_on_charts() => app.charts.key().unwrap_or("metrics").to_owned(),
            Focus::Details => {
                let run = app.details.run().map_or("run", |run| run.info.run_name.as_str());
                format!("{run} {}", app.details.tab.title().to_lowercase())
            }
        },
    }
}

/// What is shown, as a text of this form; nothing where nothing is known yet.
pub fn written(app: &App, form: Form) -> Option<String> {
    match form {
        Form::Table(format) => Some(sheet(app)?.written(format)),
        Form::Svg => Some(charts::update::picture(app, chart(app)?.as_ref())),
    }
}

/// The chart that is looked at: the one on the whole screen, or the chosen one of the dashboard.
pub fn chart(app: &App) -> Option<Cow<'_, ChartScreen>> {
    match app.screens.last() {
        Some(Screen::Chart(screen)) => Some(Cow::Borrowed(screen)),
        None if app.is_on_charts() => {
            let charts = &app.charts;
            let metric = charts.chosen()?.metric.clone();
            Some(Cow::Owned(ChartScreen::new(vec![metric], 0, charts.drawn.clone())))
        }
        _ => None,
    }
}

fn sheet(app: &App) -> Option<Sheet> {
    if let Some(screen) = chart(app) {
        return Some(screen.points(&app.histories));
    }
    match app.screens.last() {
        Some(Screen::Datasets(screen)) => screen.sheet(),
        Some(Screen::Compare(screen)) => compare::sheets::sheet(screen, app.now),
        Some(Screen::Sweep(_) | Screen::Log(_) | Screen::Models(_)) => None,
        _ => match app.focus {
            Focus::Experiments => Some(experiments::sheet(app)),
            Focus::Runs => runs::sheet(app),
            Focus::Details => details::sheet(app),
        },
    }
}

/// Copies the values under the cursor of the chart that has the whole screen.
pub fn copy_values(app: &mut App, effects: &mut Effects) {
    charts::update::copy_values(app, effects);
}

/// Copies the value under the cursor of the comparison.
pub fn copy_cell(app: &mut App, effects: &mut Effects) {
    compare::update::copy_cell(app, effects);
}
