//! The sweeps, drawn: a line each, and more about the one under the cursor.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use crate::sweep::engine::unkept;
use crate::sweep::progress::{Progress, SweepStatus};
use crate::text;
use crate::tui::core::app::App;
use crate::tui::features::sweeps::apart;
use crate::tui::widgets::boxes::{centred_box, put};
use crate::tui::widgets::cursor::Cursor;
use crate::tui::widgets::table::Rows;
use crate::tui::widgets::theme::Theme;

/// Cells of a progress bar.
const BAR: usize = 20;
/// From this width on there is room for the names of experiments, of so many cells.
const EXPERIMENTS: usize = 100;
const EXPERIMENT: usize = 22;
/// Cells of a count of trials, or more.
const COUNT: usize = 7;
/// Lines about the chosen one, or more where there is more to say.
const DETAILS: usize = 4;
/// Of what cannot be read, so many lines.
const MOST_UNREAD: usize = 4;

pub fn draw(app: &App, at: usize, hint: &str, theme: &Theme, frame: &mut Frame<'_>) {
    let list = &app.sweeps.list;
    let screen = frame.area();
    let width = 124.min((screen.width as usize).saturating_sub(6));
    let unread = app.sweeps.unread.iter().take(MOST_UNREAD).map(|words| (format!("not read: {words}"), true));
    if list.is_empty() {
        let details: Vec<_> =
            [("none yet: T trains, ctrl-t plans".to_owned(), false)].into_iter().chain(unread).collect();
        let width = if details.len() > 1 { width } else { width.min(52) };
        let room = centred_box(frame, theme, "Sweeps", hint, (width, details.len()));
        return put_words(frame, room, 0, details, theme);
    }
    let most = (screen.height as usize).saturating_sub(4);
    let mut chosen = list.get(at).map_or(Vec::new(), |sweep| details(app, sweep));
    chosen.extend(unread);
    let lines = chosen.len().max(DETAILS);
    let listed = list.len().min(most.saturating_sub(lines + 1).max(1));
    let room = centred_box(frame, theme, "Sweeps", hint, (width, listed + 1 + lines));
    let cursor = Cursor { at, top: at.saturating_sub(listed - 1).min(list.len() - listed) };
    let rows = Rows::new(Rect { height: room.height.min(listed as u16), ..room }, cursor, list.len());
    rows.draw_bar(frame, room.right() + 1, true, theme);
    rows.draw(frame.buffer_mut(), theme.selection, |at, place, buffer| {
        entry(&list[at], room.width as usize, theme.text, theme).render(place, buffer);
    });
    put_words(frame, room, listed + 1, chosen, theme);
}

/// Lines, and whether each is bad news.
fn put_words(frame: &mut Frame<'_>, room: Rect, from: usize, words: Vec<(String, bool)>, theme: &Theme) {
    for (line, (words, is_bad)) in words.into_iter().enumerate() {
        let style = if is_bad { theme.bad } else { theme.dim };
        let words = text::cut(&text::clean(&words), room.width as usize, theme.glyphs.ellipsis);
        put(frame, room, from + line, Line::styled(words, style));
    }
}

/// How the state of a sweep is drawn.
pub fn state_style(state: SweepStatus, theme: &Theme) -> Style {
    match state {
        SweepStatus::Running | SweepStatus::Waiting => theme.running,
        SweepStatus::Finished => theme.good,
        SweepStatus::Paused | SweepStatus::Cancelled | SweepStatus::Elsewhere => theme.warn,
        SweepStatus::Failed | SweepStatus::Interrupted => theme.bad,
    }
}

fn entry<'a>(sweep: &Progress, width: usize, style: Style, theme: &Theme) -> Line<'a> {
    let state = state_style(sweep.state, theme);
    let done = sweep.ended();
    let of = sweep.of.map_or(String::new(), |of| format!("/{of}"));
    let mut spans = vec![
        Span::styled(text::fit(&text::clean(&sweep.name), 18, theme.glyphs.ellipsis), style),
        Span::styled(text::fit(&text::clean(&sweep.status_text()), 12, theme.glyphs.ellipsis), state),
    ];
    if width >= EXPERIMENTS {
        let name = text::clean(&sweep.experiment_name);
        spans.push(Span::styled(text::fit(&name, EXPERIMENT - 1, theme.glyphs.ellipsis), theme.dim));
        spans.push(Span::raw(" "));
    }
    if width >= 78 {
        spans.extend(bar(sweep, theme));
        spans.push(Span::raw(" "));
    }
    // A count that is cut would be another one.
    let count = format!("{done}{of}");
    spans.push(Span::styled(text::fit_right(&count, COUNT.max(text::width(&count)), ""), style));
    let used: usize = spans.iter().map(Span::width).sum();
    let best = sweep.best.as_ref().map_or(String::new(), |best| format!("  {}", best.result()));
    let left =
        sweep.left.map_or(String::new(), |left| format!("  {} left", text::duration((left * 1000.0) as i64)));
    let rest =
        text::cut(&text::clean(&format!("{best}{left}")), width.saturating_sub(used), theme.glyphs.ellipsis);
    spans.push(Span::styled(rest, style));
    Line::from(spans)
}

/// How far a sweep is, as a bar.
pub fn bar<'a>(sweep: &Progress, theme: &Theme) -> [Span<'a>; 2] {
    let filled = sweep.of.map_or(0, |of| sweep.ended() * BAR / of.max(1)).min(BAR);
    [
        Span::styled(theme.glyphs.bar.repeat(filled), theme.accent),
        Span::styled(theme.glyphs.horizontal.repeat(BAR - filled), theme.dim),
    ]
}

/// What there is to say of a sweep, and whether it is bad news.
fn details(app: &App, sweep: &Progress) -> Vec<(String, bool)> {
    let mut lines = vec![(
        format!(
            "{} in {}, begun {} ago, {} of work: {} finished, {} pruned, {} failed",
            sweep.data,
            sweep.experiment_name,
            text::span(app.now.saturating_sub(sweep.created)),
            text::duration((sweep.seconds * 1000.0) as i64),
            sweep.finished,
            sweep.pruned,
            sweep.failed
        ),
        false,
    )];
    lines.push((format!("its id is {}", sweep.id), false));
    if let Some(best) = &sweep.best {
        lines.push((format!("best {}", best.with_test()), false));
    }
    lines.extend(apart(app, &sweep.experiment, &sweep.metric, sweep.mode).map(|words| (words, false)));
    if let Some(error) = &sweep.error {
        lines.push((format!("last failure: {error}"), true));
    }
    lines.extend(sweep.no_ensemble.iter().map(|why| (why.clone(), false)));
    lines.extend(sweep.damage.iter().map(|words| (words.clone(), true)));
    lines.extend(unkept::in_words(&sweep.unkept).map(|words| (words, true)));
    if sweep.is_logging() || (sweep.state.is_active() && sweep.unsent > 40) {
        lines.push((format!("{} results still to be logged", sweep.unsent), false));
    }
    lines.push((
        match sweep.state {
            SweepStatus::Waiting | SweepStatus::Running => {
                "enter shows its trials   p pauses   x cancels   l log   e its runs"
            }
            SweepStatus::Paused => "enter shows its trials   p continues   x cancels   l log   e its runs",
            SweepStatus::Finished => "enter shows its trials   l log   e its runs",
            SweepStatus::Elsewhere => {
                "enter shows its trials   x cancels   r resumes it here, if nobody is at it   e its runs"
            }
            SweepStatus::Interrupted if sweep.is_on_cluster => {
                "enter shows its trials   r resumes   x cancels its jobs   l log   e its runs"
            }
            SweepStatus::Cancelled | SweepStatus::Failed | SweepStatus::Interrupted => {
                "enter shows its trials   r resumes   l log   e its runs"
            }
        }
        .to_owned(),
        false,
    ));
    lines
}
