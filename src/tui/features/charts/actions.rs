//! What keys do on charts: in the dashboard, and on one that has the whole screen.

#![deny(clippy::wildcard_enum_match_arm)]

use crate::tui::core::action::{ActionRow, CHARTS, always, rows_of};
use crate::tui::core::layer::Scope;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    XAxis,
    XMetric,
    Band,
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
    Earlier,
    Later,
}

rows_of!(chart: Charts, CHARTS, &[Scope::Chart]);
rows_of!(charts: Charts, CHARTS, &[Scope::Charts]);

pub const ROWS: &[ActionRow] = &[
    charts(
        Action::XAxis,
        "x-axis",
        &["x"],
        "x axis",
        "x axis: step, relative time, wall time, epoch",
        always,
    ),
    charts(Action::XMetric, "x-metric", &["g X"], "", "choose the x axis: any metric, by step", always),
    charts(
        Action::Band,
        "mean",
        &["a"],
        "mean",
        "mean of seeds or of the table's groups, with ±1 sd, with min–max, or each run",
        always,
    ),
    charts(Action::LogX, "log-x", &["X"], "", "logarithmic x axis, or linear", always),
    charts(Action::LogY, "log-y", &["Y"], "log y", "logarithmic y axis of the chart, or linear", always),
    charts(
        Action::Smoother,
        "smoother",
        &["s"],
        "smooth",
        "smooth more: a debiased exponential moving average",
        always,
    ),
    charts(Action::Rougher, "rougher", &["S"], "", "smooth less", always),
    charts(
        Action::YRange,
        "y-range",
        &["w"],
        "y range",
        "y range: all values, middle 98 %, middle 90 %",
        always,
    ),
    charts(Action::Earlier, "cursor-left", &["<"], "", "move the cursor of all charts to the left", always),
    charts(Action::Later, "cursor-right", &[">"], "", "move the cursor of all charts to the right", always),
    chart(Action::ZoomIn, "zoom-in", &["+"], "zoom", "zoom in at the cursor", always),
    chart(Action::ZoomOut, "zoom-out", &["-"], "", "zoom out", always),
    chart(Action::Fit, "fit", &["0"], "fit", "show the whole history again", always),
    chart(Action::PanLeft, "pan-left", &["H"], "", "move the window to the left", always),
    chart(Action::PanRight, "pan-right", &["L"], "pan", "move the window to the right", always),
    chart(
        Action::Extremes,
        "extremes",
        &["m"],
        "min max",
        "show the minimum and maximum of each line",
        always,
    ),
];
