//! What the table shows when it has no rows: loading, empty, failed, and the greeting of an empty store.

use ratatui::text::{Line, Span};

use crate::text;
use crate::tui::core::app::App;
use crate::tui::core::requests::offer;
use crate::tui::widgets::theme::Theme;

/// What stands in a table without rows.
pub fn without_rows<'a>(app: &App, theme: &Theme, (width, height): (usize, usize)) -> Vec<Line<'a>> {
    if let Some(error) = app.experiments.error.as_ref().or(app.runs.newest.error()) {
        let wrapped = text::wrap(&text::clean(&error.to_string()), width.saturating_sub(4));
        let mut lines: Vec<Line<'_>> =
            wrapped.into_iter().map(|line| Line::styled(line, theme.bad)).collect();
        lines.push(Line::default());
        lines.extend(
            text::wrap(error.hint(), width.saturating_sub(4))
                .into_iter()
                .map(|line| Line::styled(line, theme.text)),
        );
        return lines;
    }
    let view = &app.runs.shown_view;
    if view.is_filtered() && app.runs.loaded && app.runs.catalog.count > 0 {
        let count = text::count(app.runs.catalog.count);
        let mut filters = Vec::new();
        if !view.words.trim().is_empty() {
            filters.push(format!("/{}", view.words.trim()));
        }
        if !view.filter.is_empty() {
            filters.push(app.runs.filter_text.trim().to_owned());
        }
        let filters = text::clean(&filters.join(" and ")).into_owned();
        let words = format!("0 of {count} runs match {filters}");
        return vec![
            Line::styled(text::cut(&words, width, theme.glyphs.ellipsis), theme.heading),
            Line::styled("esc clears the filter", theme.dim),
        ];
    }
    if app.is_empty_store() {
        return greeting(app, theme, width, height);
    }
    if app.runs.experiment.is_none() {
        let words = if app.experiments.loaded { "enter opens the experiment" } else { "loading" };
        return vec![Line::styled(words, theme.dim)];
    }
    if !app.runs.complete {
        return vec![Line::styled("loading runs", theme.dim)];
    }
    if app.has_deleted_experiment() {
        return vec![
            Line::styled("this experiment is deleted", theme.heading),
            Line::styled("D in the list of experiments restores it", theme.dim),
        ];
    }
    vec![
        Line::styled("no runs in this experiment", theme.heading),
        Line::styled("new runs appear here automatically", theme.dim),
        Line::from(vec![Span::styled("T", theme.key), Span::styled(format!(" {}", offer(app)), theme.dim)]),
    ]
}

/// What an empty store says: where it looks, and how to log to it.
fn greeting<'a>(app: &App, theme: &Theme, width: usize, height: usize) -> Vec<Line<'a>> {
    let code = |text: String| Line::styled(text, theme.key);
    let store = text::clean(&app.store).into_owned();
    if width < 44 {
        let heading = if app.absent.is_some() { "This file does not exist yet" } else { "No runs yet" };
        return vec![
            Line::styled(heading, theme.heading),
            Line::from(vec![Span::styled("T", theme.key), Span::styled(" trains a first sweep", theme.text)]),
            Line::styled(text::cut(&store, width, theme.glyphs.ellipsis), theme.dim),
        ];
    }
    let workspace = app.workspace.as_ref().map(|name| text::clean(name).into_owned());
    let place = workspace.as_ref().map_or(String::new(), |name| format!(", workspace {name}"));
    let mut lines = vec!["import mlflow".to_owned(), format!("mlflow.set_tracking_uri(\"{store}\")")];
    lines.extend(workspace.map(|name| format!("mlflow.set_workspace(\"{name}\")")));
    lines.extend([
        "with mlflow.start_run():".to_owned(),
        "    mlflow.log_param(\"lr\", 0.01)".to_owned(),
        "    mlflow.log_metric(\"rmse\", 0.5, step=1)".to_owned(),
    ]);
    let block = lines.iter().map(|line| text::width(line)).max().unwrap_or(0).min(width);
    let mut greeting = match &app.absent {
        Some(words) => {
            let words = text::wrap(&text::clean(words), width.saturating_sub(4));
            let mut lines: Vec<Line<'_>> =
                words.into_iter().map(|line| Line::styled(line, theme.bad)).collect();
            lines.push(Line::styled(
                "The first write creates it: press T, or log a run from Python.",
                theme.text,
            ));
            lines
        }
        None => vec![Line::styled("Welcome. There are no runs yet.", theme.heading)],
    };
    greeting.extend([
        Line::default(),
        Line::styled(text::cut(&format!("store: {store}{place}"), width, theme.glyphs.ellipsis), theme.dim),
        Line::styled("another store: --tracking-uri or MLFLOW_TRACKING_URI", theme.dim),
        Line::default(),
        Line::from(vec![Span::styled("T", theme.key), Span::styled(format!(" {}", offer(app)), theme.text)]),
        Line::styled("ctrl-t plans one on your own data", theme.dim),
    ]);
    if height < greeting.len() + lines.len() + 3 {
        return greeting;
    }
    greeting.push(Line::default());
    greeting.push(Line::styled("Or log a run from Python:", theme.text));
    greeting.push(Line::default());
    greeting.extend(lines.iter().map(|line| code(text::fit(line, block, theme.glyphs.ellipsis))));
    if height >= greeting.len() + 2 {
        greeting.push(Line::default());
        greeting.push(Line::styled("It appears here automatically.", theme.dim));
    }
    greeting
}
