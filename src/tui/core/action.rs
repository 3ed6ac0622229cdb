//! Everything that a key can do, in one table: dispatch, help, footer, palette and the README's key table come from
//! it.

use super::layout::Focus;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    Down,
    Up,
    PageDown,
    PageUp,
    Top,
    Bottom,
    Left,
    Right,
    Open,
    Back,
    NextPane,
    PreviousPane,
    Pane(Focus),
    Zoom,
    PaneWider,
    PaneNarrower,
    PaneTaller,
    PaneShorter,
    NextTab,
    PreviousTab,
    Search,
    Expression,
    Sort,
    SortAlso,
    Columns,
    Statistic,
    ColumnLeft,
    ColumnRight,
    ColumnWider,
    ColumnNarrower,
    Tree,
    Group,
    Fold,
    FoldAll,
    Deleted,
    ResetView,
    Mark,
    MarkRange,
    ClearMarks,
    Rename,
    Delete,
    Tags,
    Note,
    Copy,
    CopyCell,
    Browse,
    Refresh,
    Pause,
    Interval,
    Profiles,
    Palette,
    Messages,
    Suspend,
    Help,
    Quit,
    Compare,
    GoToBest,
    Leaderboard,
    Why,
    ChooseBy,
    MarkBest,
    UndoMark,
    Marks,
    Train,
    TrainPlan,
    Sweeps,
    Turn,
    Differing,
    ByName,
    Baseline,
    Difference,
    Seeds,
    ChooseMetric,
    ChooseX,
    ChooseY,
    BrushWider,
    BrushNarrower,
    BrushClear,
    Export,
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

/// Where an action's keys mean it. The same key may mean something else elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    Everywhere,
    /// The explorer's panes.
    Panes,
    /// Charts, in a pane or as a screen.
    Charts,
    /// One chart as a screen.
    Chart,
    /// Runs side by side.
    Compare,
}

impl Action {
    pub fn scope(self) -> Scope {
        match self {
            Self::Down
            | Self::Up
            | Self::PageDown
            | Self::PageUp
            | Self::Top
            | Self::Bottom
            | Self::Left
            | Self::Right
            | Self::Open
            | Self::Back
            | Self::NextTab
            | Self::PreviousTab
            | Self::Search
            | Self::Copy
            | Self::Export
            | Self::Refresh
            | Self::Pause
            | Self::Interval
            | Self::Palette
            | Self::Messages
            | Self::Suspend
            | Self::Help
            | Self::Quit => Scope::Everywhere,
            Self::XAxis | Self::LogX | Self::LogY | Self::Smoother | Self::Rougher | Self::YRange => {
                Scope::Charts
            }
            Self::ZoomIn | Self::ZoomOut | Self::Fit | Self::PanLeft | Self::PanRight | Self::Extremes => {
                Scope::Chart
            }
            Self::Turn
            | Self::Differing
            | Self::ByName
            | Self::Baseline
            | Self::Difference
            | Self::Seeds
            | Self::ChooseMetric
            | Self::ChooseX
            | Self::ChooseY
            | Self::BrushWider
            | Self::BrushNarrower
            | Self::BrushClear => Scope::Compare,
            _ => Scope::Panes,
        }
    }
}

/// An action as people meet it.
pub struct ActionInfo {
    pub action: Action,
    /// The name in the keymap.
    pub name: &'static str,
    pub title: &'static str,
    /// The word in the footer; empty where it is not worth the room.
    pub hint: &'static str,
    pub group: &'static str,
}

pub const MOVE: &str = "Move";
const BEST: &str = "The best run";
const TRAIN: &str = "Training";
const PANES: &str = "Panes";
const TABLE: &str = "Table";
const RUNS: &str = "Runs";
const CHARTS: &str = "Charts";
const COMPARE: &str = "Comparison";
const STORE: &str = "Store";
const PROGRAM: &str = "Program";

/// In the order of help; the footer shows those with a hint, as many as fit.
pub static ACTIONS: [ActionInfo; 93] = [
    info(Action::Down, "down", "move down", "", MOVE),
    info(Action::Up, "up", "move up", "", MOVE),
    info(Action::PageDown, "page-down", "half a page down", "", MOVE),
    info(Action::PageUp, "page-up", "half a page up", "", MOVE),
    info(Action::Top, "top", "to the first row", "", MOVE),
    info(Action::Bottom, "bottom", "to the last row", "", MOVE),
    info(Action::Left, "left", "column or tab on the left", "", MOVE),
    info(Action::Right, "right", "column or tab on the right", "", MOVE),
    info(Action::Open, "open", "open what is selected", "open", PANES),
    info(Action::Back, "back", "one step back", "back", PANES),
    info(Action::Search, "search", "show only runs with these words", "search", TABLE),
    info(Action::Expression, "filter", "filter with an MLflow expression", "filter", TABLE),
    info(Action::Sort, "sort", "sort by the column: up, down, newest first", "sort", TABLE),
    info(Action::SortAlso, "sort-also", "sort by the column too, where the others are equal", "", TABLE),
    info(Action::Columns, "columns", "choose the columns", "columns", TABLE),
    info(
        Action::Statistic,
        "statistic",
        "value of the metric: latest, min, max, mean, first, at a step",
        "value",
        TABLE,
    ),
    info(Action::ColumnLeft, "column-left", "move the column to the left", "", TABLE),
    info(Action::ColumnRight, "column-right", "move the column to the right", "", TABLE),
    info(Action::ColumnWider, "column-wider", "make the column wider", "", TABLE),
    info(Action::ColumnNarrower, "column-narrower", "make the column narrower", "", TABLE),
    info(Action::Tree, "tree", "children under their parents, or all runs in one list", "", TABLE),
    info(Action::Group, "group", "group by the column, or not any more", "group", TABLE),
    info(Action::Fold, "fold", "fold or unfold a parent or group", "fold", TABLE),
    info(Action::FoldAll, "fold-all", "fold or unfold all of them", "", TABLE),
    info(Action::Deleted, "deleted", "show or hide deleted runs", "", TABLE),
    info(Action::ResetView, "reset-view", "back to the default columns, order and filter", "", TABLE),
    info(Action::Mark, "mark", "mark the run, or not any more", "mark", RUNS),
    info(Action::MarkRange, "mark-range", "mark from here to where the cursor goes", "", RUNS),
    info(Action::ClearMarks, "clear-marks", "forget all marks", "", RUNS),
    info(Action::Train, "train", "train: start the sweep of this experiment, or plan one", "train", TRAIN),
    info(Action::TrainPlan, "train-plan", "plan a sweep: data, target, metric, families, budget", "", TRAIN),
    info(Action::Sweeps, "sweeps", "how far sweeps are; pause, cancel, resume them", "sweeps", TRAIN),
    info(Action::GoToBest, "go-to-best", "go to the best run", "best", BEST),
    info(
        Action::MarkBest,
        "mark-best",
        "mark the best run, register its model, move the alias",
        "mark best",
        BEST,
    ),
    info(Action::ChooseBy, "choose-by", "say by which metric the best run is chosen, and how", "by", BEST),
    info(Action::Why, "why", "say why the best run is the best", "why", BEST),
    info(Action::Leaderboard, "leaderboard", "rank the best runs", "", BEST),
    info(Action::UndoMark, "undo-mark", "undo the mark on the best run, in the registry too", "", BEST),
    info(Action::Marks, "marks", "mark any run, see what that would write, the history of marks", "", BEST),
    info(Action::Compare, "compare", "compare the marked runs, or all that are shown", "compare", RUNS),
    info(Action::Rename, "rename", "rename the run or experiment", "", RUNS),
    info(Action::Delete, "delete", "delete the run or the marked runs, or restore them", "", RUNS),
    info(Action::Tags, "tags", "edit tags", "tags", RUNS),
    info(Action::Note, "note", "edit the note", "", RUNS),
    info(
        Action::Copy,
        "copy",
        "copy the id of the run or of the marked runs; on a chart the values under the cursor",
        "copy",
        RUNS,
    ),
    info(Action::CopyCell, "copy-cell", "copy the value under the cursor", "", RUNS),
    info(Action::Browse, "browse", "open the run in the browser", "", RUNS),
    info(
        Action::Export,
        "export",
        "copy or save what is shown: CSV, JSON, Markdown; a chart as SVG",
        "export",
        RUNS,
    ),
    info(Action::Turn, "turn", "runs as rows or as columns", "turn", COMPARE),
    info(Action::Differing, "differing", "only what differs, or everything", "differing", COMPARE),
    info(Action::Baseline, "baseline", "compare with this run", "baseline", COMPARE),
    info(
        Action::Difference,
        "difference",
        "values, differences to the baseline, differences in percent",
        "difference",
        COMPARE,
    ),
    info(
        Action::Seeds,
        "seeds",
        "runs that differ in seed or fold as one: mean, standard deviation, count",
        "seeds",
        COMPARE,
    ),
    info(Action::ByName, "by-name", "rows by name, or what differs most first", "order", COMPARE),
    info(
        Action::ChooseMetric,
        "metric",
        "choose the metric that colours, and that params matter for",
        "metric",
        COMPARE,
    ),
    info(Action::ChooseX, "scatter-x", "choose what the scatter plot has across", "across", COMPARE),
    info(Action::ChooseY, "scatter-y", "choose what the scatter plot has upwards", "upwards", COMPARE),
    info(Action::BrushWider, "brush-wider", "let more runs through on this axis", "brush", COMPARE),
    info(Action::BrushNarrower, "brush-narrower", "let fewer runs through on this axis", "", COMPARE),
    info(Action::BrushClear, "brush-clear", "let all runs through on this axis, then on all", "", COMPARE),
    info(Action::XAxis, "x-axis", "x axis: step, relative time, wall time", "x axis", CHARTS),
    info(Action::LogX, "log-x", "logarithmic x axis, or linear", "", CHARTS),
    info(Action::LogY, "log-y", "logarithmic y axis of the chart, or linear", "log y", CHARTS),
    info(
        Action::Smoother,
        "smoother",
        "smooth more: a debiased exponential moving average",
        "smooth",
        CHARTS,
    ),
    info(Action::Rougher, "rougher", "smooth less", "", CHARTS),
    info(
        Action::YRange,
        "y-range",
        "y axis over all values, their middle 98 %, their middle 90 %",
        "y range",
        CHARTS,
    ),
    info(Action::ZoomIn, "zoom-in", "zoom in at the cursor", "zoom", CHARTS),
    info(Action::ZoomOut, "zoom-out", "zoom out", "", CHARTS),
    info(Action::Fit, "fit", "show the whole history again", "fit", CHARTS),
    info(Action::PanLeft, "pan-left", "move the window to the left", "", CHARTS),
    info(Action::PanRight, "pan-right", "move the window to the right", "pan", CHARTS),
    info(
        Action::Extremes,
        "extremes",
        "point at the least and greatest value of each line",
        "min max",
        CHARTS,
    ),
    info(Action::NextPane, "next-pane", "to the next pane", "pane", PANES),
    info(Action::PreviousPane, "previous-pane", "to the previous pane", "", PANES),
    info(Action::Pane(Focus::Experiments), "experiments-pane", "to the experiments", "", PANES),
    info(Action::Pane(Focus::Runs), "runs-pane", "to the runs", "", PANES),
    info(Action::Pane(Focus::Details), "details-pane", "to the details", "", PANES),
    info(Action::NextTab, "next-tab", "next tab of the details, or the next chart", "next", PANES),
    info(Action::PreviousTab, "previous-tab", "previous tab of the details, or the chart before", "", PANES),
    info(Action::Zoom, "zoom", "give the pane the whole screen, or take it back", "zoom", PANES),
    info(Action::PaneWider, "pane-wider", "move the border to the right", "", PANES),
    info(Action::PaneNarrower, "pane-narrower", "move the border to the left", "", PANES),
    info(Action::PaneTaller, "pane-taller", "move the border up", "", PANES),
    info(Action::PaneShorter, "pane-shorter", "move the border down", "", PANES),
    info(Action::Refresh, "refresh", "look for changes now", "", STORE),
    info(Action::Pause, "pause", "pause looking for changes, or go on", "", STORE),
    info(Action::Interval, "interval", "set how often to look for changes", "", STORE),
    info(Action::Profiles, "profiles", "switch to another profile", "", STORE),
    info(Action::Palette, "palette", "find an action by its name", "actions", PROGRAM),
    info(Action::Messages, "messages", "show earlier messages", "", PROGRAM),
    info(Action::Suspend, "suspend", "suspend the program; fg brings it back", "", PROGRAM),
    info(Action::Quit, "quit", "leave", "quit", PROGRAM),
    info(Action::Help, "help", "show the keys that work here", "help", PROGRAM),
];

const fn info(
    action: Action,
    name: &'static str,
    title: &'static str,
    hint: &'static str,
    group: &'static str,
) -> ActionInfo {
    ActionInfo { action, name, title, hint, group }
}
