//! What keys do on charts: in the dashboard, and on one that has the whole screen.

#![deny(clippy::wildcard_enum_match_arm)]

use crate::tui::core::action::{Action as Any, ActionRow, CHARTS, always};
use crate::tui::core::layer::Scope;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    XAxis,
    LogX,
    LogY,
    Smoother,
    Rougher,
    YRange,
    ZoomIn,
    ZoomOut,
    Fit,
    PanLeft,
    PanRight,
    Extremes,
}

const CHART: &[Scope] = &[Scope::Chart];
const ALL: &[Scope] = &[Scope::Charts];

pub const ROWS: &[ActionRow] = &[
    row(Action::XAxis, "x-axis", &["x"], ALL, "x axis", "x axis: step, relative time, wall time"),
    row(Action::LogX, "log-x", &["X"], ALL, "", "logarithmic x axis, or linear"),
    row(Action::LogY, "log-y", &["Y"], ALL, "log y", "logarithmic y axis of the chart, or linear"),
    row(
        Action::Smoother,
        "smoother",
        &["s"],
        ALL,
        "smooth",
        "smooth more: a debiased exponential moving average",
    ),
    row(Action::Rougher, "rougher", &["S"], ALL, "", "smooth less"),
    row(Action::YRange, "y-range", &["w"], ALL, "y range", "y range: all values, middle 98 %, middle 90 %"),
    row(Action::ZoomIn, "zoom-in", &["+"], CHART, "zoom", "zoom in at the cursor"),
    row(Action::ZoomOut, "zoom-out", &["-"], CHART, "", "zoom out"),
    row(Action::Fit, "fit", &["0"], CHART, "fit", "show the whole history again"),
    row(Action::PanLeft, "pan-left", &["H"], CHART, "", "move the window to the left"),
    row(Action::PanRight, "pan-right", &["L"], CHART, "pan", "move the window to the right"),
    row(Action::Extremes, "extremes", &["m"], CHART, "min max", "show the minimum and maximum of each line"),
];

const fn row(
    action: Action,
    name: &'static str,
    keys: &'static [&'static str],
    scopes: &'static [Scope],
    hint: &'static str,
    help: &'static str,
) -> ActionRow {
    ActionRow { action: Any::Charts(action), name, keys, scopes, hint, help, group: CHARTS, possible: always }
}
