//! One run, drawn.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::Tab;
use crate::mlflow::{ArtifactFile, Run, tags};
use crate::text;
use crate::tui::app::{App, Focus};
use crate::tui::draw::{centred, pane_block};
use crate::tui::theme::Theme;

/// Lines of the overview that every run has.
pub const OVERVIEW_LINES: usize = 9;

pub fn draw(app: &App, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let focused = app.focus == Focus::Details;
    let block = pane_block(theme, focused, title(app, theme, focused));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let details = &app.details;
    // Without a row above there is nothing that the details could belong to.
    let Some(run) = details.run.as_ref().filter(|_| !app.runs.rows.is_empty()) else {
        let words = match &details.error {
            Some(error) => Line::styled(text::clean(&error.to_string()).into_owned(), theme.bad),
            None if app.runs.rows.is_empty() => Line::styled("no run selected", theme.dim),
            None => Line::styled("loading", theme.dim),
        };
        centred(frame, inner, vec![words]);
        return;
    };
    let area = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    // The run is said first: what is below belongs to it, whatever is selected above.
    let (style, status) = theme.status(run.info.status);
    let name = text::cut(
        &text::clean(&run.info.run_name),
        area.width.saturating_sub(12) as usize,
        theme.glyphs.ellipsis,
    );
    let mut heading = vec![Span::styled(name, theme.heading), Span::raw("  "), Span::styled(status, style)];
    if let Some(error) = &details.error {
        let words = if error.is_transient() { "not refreshed".to_owned() } else { error.kind.to_string() };
        heading.push(Span::styled(format!("  {}", text::clean(&words)), theme.bad));
    }
    frame.render_widget(Line::from(heading), Rect { height: 1, ..area });
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let lines = match details.tab {
        Tab::Overview => overview(app, run, theme),
        Tab::Metrics => metrics(run, theme),
        Tab::Params => pairs(run.params.iter().map(|p| (p.key.as_str(), p.value.as_str())), theme),
        Tab::Tags => run_tags(run, theme),
        Tab::Artifacts => artifacts(app, theme),
    };
    if lines.is_empty() {
        let words = format!("no {}", details.tab.title().to_lowercase());
        centred(frame, body, vec![Line::styled(words, theme.dim)]);
        return;
    }
    let longest = lines.iter().map(|(key, ..)| text::width(&text::clean(key))).max().unwrap_or(0);
    let key_width = longest.clamp(8, (body.width as usize / 2).max(8));
    for (i, (key, value, style)) in
        lines.into_iter().skip(details.scroll).take(body.height as usize).enumerate()
    {
        let place = Rect { y: body.y + i as u16, height: 1, ..body };
        let key = text::fit(&text::clean(&key), key_width, theme.glyphs.ellipsis);
        let room = (body.width as usize).saturating_sub(key_width + 2);
        let value = text::cut(&text::clean(&value), room, theme.glyphs.ellipsis);
        frame.render_widget(
            Line::from(vec![Span::styled(key, theme.dim), Span::raw("  "), Span::styled(value, style)]),
            place,
        );
    }
}

/// The tabs, of which the current one is marked; those that do not fit are cut off by the border.
fn title<'a>(app: &App, theme: &Theme, focused: bool) -> Line<'a> {
    let mut spans = vec![Span::styled(" 3 ", if focused { theme.accent } else { theme.text })];
    for tab in Tab::ALL {
        let style = if tab == app.details.tab { theme.chosen_column } else { theme.dim };
        spans.push(Span::styled(tab.title(), style));
        spans.push(Span::raw(" "));
    }
    Line::from(spans)
}

/// The tab whose title stands at a place of the upper border.
pub fn tab_at(area: Rect, x: u16) -> Option<Tab> {
    let mut left = area.x + 1 + 3;
    for tab in Tab::ALL {
        let width = tab.title().len() as u16;
        if (left..left + width).contains(&x) {
            return Some(tab);
        }
        left += width + 1;
    }
    None
}

type Pair = (String, String, Style);

fn overview(app: &App, run: &Run, theme: &Theme) -> Vec<Pair> {
    let info = &run.info;
    let time = |time: Option<i64>| match time {
        Some(ms) => format!("{} ({} ago)", text::timestamp(ms), text::span(app.now - ms)),
        None => "-".into(),
    };
    let end = info.end_time.or_else(|| info.status.is_active().then_some(app.now));
    let duration = info.start_time.zip(end).map_or("-".into(), |(start, end)| text::duration(end - start));
    let tag = |key: &str| run.tag(key).unwrap_or("-").to_owned();
    let pair = |key: &str, value: String| (key.to_owned(), value, theme.text);
    let mut lines = vec![
        pair("run id", info.run_id.to_string()),
        pair("experiment", format!("{} ({})", app.runs.name, info.experiment_id)),
        pair("started", time(info.start_time)),
        pair("duration", duration),
        pair("user", info.user_id.clone()),
        pair("source", tag(tags::SOURCE_NAME)),
        pair("git commit", tag(tags::GIT_COMMIT)),
        pair("artifacts", info.artifact_uri.clone()),
        pair("note", tag(tags::NOTE)),
    ];
    for input in &run.inputs {
        let context =
            input.tags.iter().find(|tag| tag.key == tags::DATA_CONTEXT).map_or("", |tag| &tag.value);
        lines.push(pair("data set", format!("{} {} {context}", input.dataset.name, input.dataset.digest)));
    }
    for model in &run.model_outputs {
        lines.push(pair("model", model.to_string()));
    }
    lines
}

fn metrics(run: &Run, theme: &Theme) -> Vec<Pair> {
    run.metrics
        .iter()
        .map(|metric| {
            let style = if metric.value.is_nan() { theme.warn } else { theme.text };
            let words = format!("{:<12} at step {}", text::number(metric.value), metric.step);
            (metric.key.clone(), words, style)
        })
        .collect()
}

fn pairs<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>, theme: &Theme) -> Vec<Pair> {
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned(), theme.text)).collect()
}

/// The user's tags first, then MLflow's own.
fn run_tags(run: &Run, theme: &Theme) -> Vec<Pair> {
    let (system, own): (Vec<_>, Vec<_>) = run.tags.iter().partition(|tag| tags::is_system(&tag.key));
    own.into_iter()
        .map(|tag| (tag.key.clone(), tag.value.clone(), theme.text))
        .chain(system.into_iter().map(|tag| (tag.key.clone(), tag.value.clone(), theme.dim)))
        .collect()
}

fn artifacts(app: &App, theme: &Theme) -> Vec<Pair> {
    let details = &app.details;
    let shown = details.run.as_ref().map(|run| &run.info.run_id);
    match &details.artifacts {
        Some((of, Ok(files))) if Some(of) == shown => {
            files.iter().map(|file| artifact(file, theme)).collect()
        }
        Some((of, Err(error))) if Some(of) == shown => {
            vec![("not listed".into(), error.to_string(), theme.bad)]
        }
        _ => vec![("loading".into(), String::new(), theme.dim)],
    }
}

fn artifact(file: &ArtifactFile, theme: &Theme) -> Pair {
    if file.is_dir {
        return (format!("{}/", file.path), "folder".into(), theme.dim);
    }
    (file.path.clone(), file.file_size.map_or(String::new(), text::bytes), theme.text)
}
